"""Several views of one scene: what they show together, and what each may not spoil."""

import dataclasses

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.core.scene_views import load_views
from dexgrasp_ros.perception import (
    FusionConfig,
    ReconstructionConfig,
    ViewFusion,
    reconstruct_frame,
    reconstruct_views,
)

COARSE = ReconstructionConfig(max_voxels=60000)
MEDIUM = ReconstructionConfig(max_voxels=120000)
# Low enough that the top, which tells most, is seen at a flat angle.
FRONT = (0.0, -0.5, 0.18)
SIDES = (FRONT, (0.43, 0.25, 0.18), (-0.43, 0.25, 0.18))


def corner():
    """A tall L seen from above: what its arm hides from the front no symmetry tells."""
    arm = trimesh.creation.box((0.1, 0.03, 0.09)).apply_translation((0.0, -0.045, 0.045))
    other = trimesh.creation.box((0.03, 0.1, 0.09)).apply_translation((-0.035, -0.01, 0.045))
    return trimesh.boolean.union([arm, other])


@pytest.fixture(scope='module')
def look(render_scene):
    """Frame of meshes from an eye, with its pose; the table is z = 0 of the world."""

    def take(*objects, eye=FRONT, **options):
        scene = render_scene(*objects, eye=eye, **options)
        return dataclasses.replace(scene.frame, T_world_cam=np.linalg.inv(scene.T_cam_world))

    return take


@pytest.fixture(scope='module')
def views(look):
    return [look(corner(), eye=eye, noise=0.0015) for eye in SIDES]


def overlap(found, truth):
    mesh = trimesh.Trimesh(found.vertices, found.faces)
    assert mesh.is_watertight and mesh.volume > 0.0
    both = trimesh.boolean.intersection([mesh, truth]).volume
    return both / (mesh.volume + truth.volume - both)


def relabeled(frame, **changes):
    """Frame with labels `a1='…'` renamed: ``relabeled(frame, a1=7)`` turns 1 into 7."""
    labels = frame.labels.copy()
    for old, new in changes.items():
        labels[frame.labels == int(old[1:])] = new
    return dataclasses.replace(frame, labels=labels)


def test_overlap_with_the_truth_grows_with_the_views(views):
    found = [reconstruct_views(views[:n], config=MEDIUM).objects[0] for n in (1, 2, 3)]
    scores = [overlap(o, corner()) for o in found]
    assert scores[0] < scores[1] < scores[2]
    assert scores[2] > 0.93
    seen = [o.observed_fraction for o in found]
    assert seen[0] < 0.6 and seen[2] > 0.7 and seen == sorted(seen)
    assert [o.view_count for o in found] == [1, 2, 3]
    assert found[2].frame_id == 'world'
    np.testing.assert_allclose(found[2].support_plane, [0, 0, 1, 0], atol=0.01)


def test_noise_is_averaged(views, distance_to):
    """The fused surface is nearer to the truth than the points are that it was made from."""
    (found,) = reconstruct_views(views).objects
    above = found.vertices[found.vertices[:, 2] > 0.01]
    points = np.abs(distance_to(corner(), found.points)).mean()
    assert np.abs(distance_to(corner(), above)).mean() < 0.7 * points


def test_one_view_gives_what_a_frame_gives(views):
    (fused,) = reconstruct_views(views[:1]).objects
    (single,) = reconstruct_frame(views[0]).objects
    R, t = views[0].T_world_cam[:3, :3], views[0].T_world_cam[:3, 3]
    np.testing.assert_allclose(fused.vertices, single.vertices @ R.T + t, atol=1e-9)
    np.testing.assert_allclose(fused.support_plane @ [*t, 1.0], single.support_plane[3])
    assert fused.frame_id == 'world' and fused.view_count == 1


def test_a_view_without_the_object_carves_what_was_guessed(look):
    """From its round side half a cylinder looks like a whole one."""
    half = trimesh.creation.cylinder(0.05, 0.1, sections=64).apply_translation((0, 0, 0.05))
    half = half.slice_plane((0, 0, 0), (0, -1, 0), cap=True, engine='manifold')
    front, side = look(half), look(half, eye=(0.5, 0.0, 0.25))
    # What the second view sees of the object is taken from it: only its free space is left.
    blind = dataclasses.replace(
        side,
        depth=np.where(side.labels == 1, 0.0, side.depth).astype(np.float32),
        labels=np.zeros_like(side.labels),
    )
    alone, carved = (reconstruct_views(frames).objects[0] for frames in ([front], [front, blind]))
    behind = alone.vertices[:, 1].max()
    mesh = trimesh.Trimesh(carved.vertices, carved.faces)
    assert mesh.is_watertight
    # 5 mm: two voxels, and the pixel that is spared around the hole in the second image.
    assert carved.vertices[:, 1].max() < 0.005
    assert behind > 0.02
    assert carved.view_count == 1


def test_order_does_not_matter(views):
    orders = (views, views[::-1], [views[1], views[2], views[0]])
    meshes = [reconstruct_views(order, config=COARSE).objects[0] for order in orders]
    volumes = [trimesh.Trimesh(m.vertices, m.faces).volume for m in meshes]
    # Sums of floats are rounded differently, and points are thinned by who came first.
    np.testing.assert_allclose(volumes, volumes[0], rtol=0.01)
    truth = corner()
    scores = [overlap(m, truth) for m in meshes]
    np.testing.assert_allclose(scores, scores[0], atol=0.01)


def test_labels_are_matched_where_views_number_them_differently(look):
    a = trimesh.creation.box((0.06, 0.06, 0.1)).apply_translation((-0.06, 0.0, 0.05))
    b = trimesh.creation.box((0.06, 0.06, 0.1)).apply_translation((0.06, 0.0, 0.05))
    first, second = (look(a, b, eye=eye) for eye in (FRONT, (0.1, -0.45, 0.3)))
    fusion = ViewFusion(config=COARSE)
    assert fusion.add(first).objects == {1: 1, 2: 2}
    assert fusion.add(relabeled(second, a1=2, a2=1)).objects == {2: 1, 1: 2}
    assert fusion.add(relabeled(second, a1=9)).objects == {9: 1, 2: 2}
    for found, truth in zip(fusion.reconstruct().objects, (a, b), strict=True):
        assert overlap(found, truth) > 0.75


def test_a_number_that_another_object_has_is_a_new_object(look):
    a = trimesh.creation.box((0.06, 0.06, 0.1)).apply_translation((-0.2, 0.0, 0.05))
    b = trimesh.creation.box((0.06, 0.06, 0.1)).apply_translation((0.2, 0.0, 0.05))
    fusion = ViewFusion(config=COARSE)
    frame = look(a, b)
    fusion.add(relabeled(frame, a2=0))
    assert fusion.add(relabeled(frame, a1=0, a2=1)).objects == {1: 2}
    assert fusion.labels == (1, 2)


def test_opposite_sides_of_one_label_are_one_object(look):
    """The front of a wall and its back have no point in common."""
    wall = trimesh.creation.box((0.15, 0.04, 0.15)).apply_translation((0.0, 0.0, 0.075))
    fusion = ViewFusion(config=COARSE)
    for eye in ((0.0, -0.5, 0.075), (0.0, 0.5, 0.075)):
        assert fusion.add(look(wall, eye=eye, target=(0, 0, 0.075))).objects == {1: 1}
    (found,) = fusion.reconstruct().objects
    assert overlap(found, wall) > 0.85


def sheared(T):
    T[0, 1] += 0.1
    return T


def mirrored(T):
    T[:3, 0] *= -1.0
    return T


@pytest.mark.parametrize(
    ('pose', 'error', 'code'),
    [
        (lambda T: None, PerceptionError, ErrorCode.TRANSFORM_UNAVAILABLE),
        (lambda T: np.full((4, 4), np.nan), InputError, ErrorCode.INVALID_INPUT),
        (lambda T: 2.0 * T, InputError, ErrorCode.INVALID_INPUT),
        (sheared, InputError, ErrorCode.INVALID_INPUT),
        (mirrored, InputError, ErrorCode.INVALID_INPUT),
    ],
    ids=['missing', 'NaN', 'scaled', 'sheared', 'mirrored'],
)
def test_a_bad_pose_is_refused_and_changes_nothing(views, pose, error, code):
    fusion = ViewFusion(config=COARSE)
    fusion.add(views[0])
    bad = dataclasses.replace(views[1], T_world_cam=pose(views[1].T_world_cam.copy()))
    with pytest.raises(error, match='T_world_cam') as e:
        fusion.add(bad)
    assert e.value.code == code
    assert fusion.view_count == 1
    with pytest.raises(error, match='View 1: ') as e:
        reconstruct_views([views[0], bad], config=COARSE)
    assert e.value.code == code


def test_time_that_cannot_be_used_is_refused(views):
    at = [dataclasses.replace(views[i], stamp=s) for i, s in enumerate((10**9, 10**9, 5 * 10**9))]
    fusion = ViewFusion(config=COARSE, fusion=FusionConfig(max_interval=2.0))
    fusion.add(at[0])
    with pytest.raises(PerceptionError, match='was fused already') as e:
        fusion.add(at[1])
    assert e.value.code == ErrorCode.STALE_DATA
    with pytest.raises(PerceptionError, match=r'4\.00 s from the newest') as e:
        fusion.add(at[2])
    assert e.value.code == ErrorCode.STALE_DATA
    fusion.add(dataclasses.replace(at[1], frame_id='another_camera'))
    assert fusion.view_count == 2


def test_nothing_to_fuse_is_refused(views):
    fusion = ViewFusion(config=COARSE)
    with pytest.raises(PerceptionError, match='no view yet') as e:
        fusion.reconstruct()
    assert e.value.code == ErrorCode.NO_IMAGES
    with pytest.raises(InputError, match='no label image'):
        fusion.add(dataclasses.replace(views[0], labels=None))
    with pytest.raises(PerceptionError, match='depth values') as e:
        fusion.add(dataclasses.replace(views[0], depth=np.zeros_like(views[0].depth)))
    assert e.value.code == ErrorCode.NO_VALID_DEPTH
    fusion.add(views[0])
    with pytest.raises(PerceptionError, match='No view has label 5; they have 1') as e:
        fusion.reconstruct([5])
    assert e.value.code == ErrorCode.UNKNOWN_LABEL
    fusion.clear()
    assert fusion.view_count == 0 and fusion.labels == ()


def test_a_label_of_few_points_fails_alone(views):
    labels = views[0].labels.copy()
    labels[:4, :5] = 7
    fusion = ViewFusion(config=COARSE)
    added = fusion.add(dataclasses.replace(views[0], labels=labels))
    assert added.objects == {1: 1}
    assert added.failures[7].code == ErrorCode.TOO_FEW_POINTS
    for more in ([], [views[1]]):
        for frame in more:
            fusion.add(frame)
        made = fusion.reconstruct()
        assert [o.label for o in made.objects] == [1]
        assert made.failures[7].code == ErrorCode.TOO_FEW_POINTS


def test_memory_is_bounded(views):
    """Of many views the close ones go; a label that covers too much is refused."""
    fusion = ViewFusion(config=COARSE, fusion=FusionConfig(max_views=2))
    for frame in (views[0], views[1], views[0]):
        fusion.add(frame)
    kept = [view.T_world_cam[0, 3] for view in fusion._views]
    assert kept == [pytest.approx(f.T_world_cam[0, 3]) for f in (views[1], views[0])]
    assert fusion.view_count == 3 and fusion.reconstruct().objects[0].view_count == 3
    small = ViewFusion(config=COARSE, fusion=FusionConfig(max_blocks=64))
    big = dataclasses.replace(views[0], labels=np.ones_like(views[0].labels))
    assert small.add(big).failures[1].code == ErrorCode.OUT_OF_RANGE


def test_a_camera_at_rest_brings_no_news(views):
    fusion = ViewFusion(config=COARSE)
    T = views[0].T_world_cam.copy()
    assert fusion.is_news(T, distance=0.02, angle=0.1)
    fusion.add(views[0])
    assert not fusion.is_news(T, distance=0.02, angle=0.1)
    T[0, 3] += 0.03
    assert fusion.is_news(T, distance=0.02, angle=0.1)


def test_neighbours_are_obstacles_and_the_object_is_not(look, distance_to):
    box = trimesh.creation.box((0.06, 0.06, 0.1)).apply_translation((0.0, 0.0, 0.05))
    near = trimesh.creation.box((0.04, 0.04, 0.08)).apply_translation((0.12, 0.0, 0.04))
    found = reconstruct_views([look(box, near, eye=eye) for eye in SIDES], labels=[1]).objects[0]
    assert found.label == 1 and len(found.obstacles) > 100
    assert distance_to(near, found.obstacles).max() < 0.012


@pytest.fixture(scope='module')
def shelf(data_dir):
    return load_views(data_dir / 'multiview' / 'apc_shelf_15views.npz')


def test_real_views_are_fused(shelf):
    """Measured points of a view that was left out are near the mesh of others."""
    assert len(shelf) == 15
    config = COARSE
    frames = [shelf[i] for i in (5, 7, 9)]
    made = reconstruct_views(frames, labels=[132], config=config)
    (found,) = made.objects
    mesh = trimesh.Trimesh(found.vertices, found.faces)
    assert mesh.is_watertight and found.view_count == 3
    # A box of 18 cm at most, upright on the shelf, in the frame of the robot.
    assert (np.ptp(found.vertices, axis=0) < 0.25).all()
    fusion = ViewFusion(config=config)
    fusion.add(shelf[8], labels=[132])
    left_out = fusion._objects[132].points
    distance = np.abs(trimesh.proximity.closest_point(mesh, left_out[::20])[1])
    assert np.median(distance) < 0.008
