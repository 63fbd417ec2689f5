"""`segment_tabletop` on rendered scenes whose labels are known, and on human masks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.depth_frame import load_scene
from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.perception import SegmentationConfig, segment_tabletop
from dexgrasp_ros.simulation import (
    Body,
    PinholeCamera,
    SensorNoise,
    make_demo_scene,
    render_depth_frame,
)
from dexgrasp_ros.simulation.demo_objects import make_mug

RED, BLUE = (0.7, 0.1, 0.1), (0.1, 0.1, 0.7)
TABLE = trimesh.creation.box((1.2, 1.2, 0.03)).apply_translation((0, 0, -0.015))


def box(size, place=(0.0, 0.0), below=0.0, turn=0.4):
    """A box that stands at a place of the table, or so high above it."""
    mesh = trimesh.creation.box(size)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(turn, (0, 0, 1)))
    return mesh.apply_translation((*place, below + size[2] / 2))


def see(*things, elevation=45.0, table=TABLE, noise=True, up=True):
    """Frame of (mesh, colour) with labels 1, 2, …, from 0.8 m, as a Kinect sees it."""
    bodies = [
        Body(vertices=mesh.vertices, faces=mesh.faces, color=color, label=i + 1)
        for i, (mesh, color) in enumerate(things)
    ]
    if table is not None:
        bodies.append(Body(vertices=table.vertices, faces=table.faces, color=(0.5, 0.45, 0.4)))
    angle = np.radians(elevation)
    eye = (0.8 * np.cos(angle), 0.0, 0.05 + 0.8 * np.sin(angle))
    camera = PinholeCamera.looking_at(eye, (0, 0, 0.05), field_of_view=0.85)
    frame = render_depth_frame(bodies, camera, noise=SensorNoise() if noise else None)
    return frame if up else dataclasses.replace(frame, T_world_cam=None)


def overlaps(found, frame):
    """Overlap of each true object with the label that covers most of it, over valid depth."""
    valid, result = frame.depth > 0, {}
    for label in np.unique(frame.labels[frame.labels > 0]):
        truth = (frame.labels == label) & valid
        own = (found == np.bincount(found[truth], minlength=2)[1:].argmax() + 1) & valid
        result[int(label)] = (own & truth).sum() / (own | truth).sum()
    return result


def check(frame, least, **options):
    found = segment_tabletop(frame, **options)
    shares = overlaps(found.labels, frame)
    assert found.labels.max() == len(shares), shares
    assert min(shares.values()) > least, shares
    return found


@pytest.fixture(scope='module')
def two():
    return see((box((0.06, 0.08, 0.12), (0, -0.1)), RED), (box((0.08, 0.1, 0.05), (0, 0.1)), BLUE))


def test_the_demo_scene_has_its_three_objects():
    check(make_demo_scene(), 0.9)


@pytest.mark.parametrize(
    ('elevation', 'up'),
    [
        # By default each height once, with and without knowing what is up in turn.
        pytest.param(
            elevation,
            up,
            id=f'{elevation}-up is {"" if up else "not "}known',
            marks=() if up == (k % 2 == 0) else pytest.mark.slow,
        )
        for k, elevation in enumerate((25, 45, 70, 89))
        for up in (True, False)
    ],
)
def test_boxes_from_low_and_from_straight_above(elevation, up):
    things = (box((0.06, 0.08, 0.12), (0, -0.1)), RED), (box((0.08, 0.1, 0.05), (0, 0.1)), BLUE)
    check(see(*things, elevation=elevation, up=up), 0.9)


def test_the_plane_is_the_tables(two):
    plane = segment_tabletop(two).support_plane
    truth = two.T_world_cam[2, :3]
    assert np.degrees(np.arccos(plane[:3] @ truth)) < 0.5
    assert plane[3] == pytest.approx(two.T_world_cam[2, 3], abs=0.002)


def test_labels_go_by_size_and_repeat(two):
    first, second = segment_tabletop(two), segment_tabletop(two)
    np.testing.assert_array_equal(first.labels, second.labels)
    counts = np.bincount(first.labels.ravel())[1:]
    assert (np.diff(counts) <= 0).all()
    assert first.labels.dtype == np.int32
    assert {'plane', 'parts', 'groups', 'masks', 'total'} == set(first.timing)


def test_own_labels_are_not_looked_at(two):
    np.testing.assert_array_equal(
        segment_tabletop(two).labels,
        segment_tabletop(dataclasses.replace(two, labels=None)).labels,
    )


def test_touching_boxes_are_parted_at_their_inner_edge():
    """Seen over the corner between them, side by side, without colours."""
    tall = box((0.08, 0.08, 0.14), (0, -0.04), turn=0.0)
    flat = box((0.16, 0.08, 0.05), (0, 0.04), turn=0.0)
    frame = dataclasses.replace(see((tall, RED), (flat, RED)), rgb=None)
    check(frame, 0.85)


def test_colour_parts_what_the_edge_alone_does_not():
    """A can on a slightly larger one: a narrow step that noise all but hides."""
    lower = trimesh.creation.cylinder(0.045, 0.08).apply_translation((0, 0, 0.04))
    upper = trimesh.creation.cylinder(0.039, 0.08).apply_translation((0, 0, 0.12))
    frame = see((lower, RED), (upper, BLUE))
    check(frame, 0.85)
    same = see((lower, RED), (upper, RED))
    assert segment_tabletop(same).labels.max() == 1  # as docs/segmentation.md says


@pytest.mark.parametrize(
    'turn', [1.6, *(pytest.param(turn, marks=pytest.mark.slow) for turn in (0.0, 3.0))]
)
def test_a_mug_is_one_object_with_handle_and_inside(turn):
    matrix = trimesh.transformations.rotation_matrix(turn, (0, 0, 1))
    check(see((make_mug().apply_transform(matrix), RED)), 0.85)


def test_the_bottom_of_a_bowl_is_not_the_table():
    """Its inside is 3 mm above the table, less than the noise of the plane."""
    arc = np.linspace(0, np.pi / 2, 20)
    outside = np.column_stack([0.03 + 0.045 * np.sin(arc), 0.06 * (1 - np.cos(arc))])
    inside = outside[::-1] + np.array([-0.003, 0.003])
    bowl = trimesh.creation.revolve(np.vstack([[0, 0], outside, inside, [0, 0.003]]), sections=64)
    check(see((bowl, BLUE), elevation=50), 0.9)


def test_the_table_in_the_handle_of_a_mug_stays_table():
    mug = make_mug().apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (0, 0, 1)))
    frame = see((mug, RED), elevation=25, noise=False)
    found = segment_tabletop(frame).labels
    from scipy import ndimage

    own = frame.labels == 1
    hole = ndimage.binary_fill_holes(own) & ~own
    assert hole.sum() > 50
    assert found[hole].mean() < 0.1


def test_a_box_cut_in_two_by_a_nearer_one_is_one_object():
    behind = box((0.05, 0.2, 0.05), (-0.08, 0), turn=0.2)
    before = box((0.06, 0.07, 0.2), (0.05, 0), turn=0.2)
    check(see((behind, BLUE), (before, RED), elevation=35), 0.8)


def test_two_boxes_on_both_sides_of_a_nearer_one_are_two():
    left, right = (box((0.05, 0.12, 0.05), (-0.08, y), turn=0.0) for y in (-0.14, 0.14))
    before = box((0.06, 0.2, 0.2), (0.05, 0), turn=0.0)
    check(see((left, BLUE), (right, (0.7, 0.6, 0.1)), (before, RED), elevation=35), 0.8)


def test_the_nearer_of_two_tables_wins():
    floor = trimesh.creation.box((6, 6, 0.02)).apply_translation((0, 0, -0.5))
    small = trimesh.creation.box((0.5, 0.5, 0.02)).apply_translation((0, 0, -0.01))
    thing = box((0.08, 0.08, 0.1))
    frame = see((thing, RED), table=trimesh.util.concatenate([floor, small]))
    check(frame, 0.9)


def test_what_lies_beyond_the_edge_of_the_table_is_no_object():
    small = trimesh.creation.box((0.4, 0.4, 0.02)).apply_translation((0, 0, -0.01))
    inside, beside = box((0.06, 0.06, 0.1)), box((0.08, 0.08, 0.1), (0, 0.35))
    found = segment_tabletop(see((inside, RED), (beside, BLUE), table=small)).labels
    assert found.max() == 1


def test_an_object_at_the_border_is_labelled_with_a_warning():
    found = segment_tabletop(see((box((0.1, 0.1, 0.1), (0, 0.45)), RED)))
    assert found.labels.max() == 1
    assert any('border' in w for w in found.warnings)


# Prompts


def pixel_of(frame, label):
    v, u = np.argwhere(frame.labels == label).mean(axis=0)
    return float(round(u)), float(round(v))


def point_of(frame, label):
    u, v = map(int, pixel_of(frame, label))
    z, K = float(frame.depth[v, u]), frame.intrinsics
    return (u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z


def box_of(frame, label, margin=4):
    v, u = np.nonzero(frame.labels == label)
    return (
        u.min() - margin,
        v.min() - margin,
        np.ptp(u) + 2 * margin + 1,
        np.ptp(v) + 2 * margin + 1,
    )


@pytest.mark.parametrize('label', [1, 2])
@pytest.mark.parametrize(
    ('kind', 'make'), [('point', pixel_of), ('point', point_of), ('box', box_of)]
)
def test_a_prompt_names_one_object(two, label, kind, make):
    found = segment_tabletop(two, **{kind: make(two, label)}).labels
    assert found.max() == 1
    truth, valid = two.labels == label, two.depth > 0
    own = found == 1
    assert (own & truth & valid).sum() / ((own | truth) & valid).sum() > 0.9


def test_a_box_parts_what_was_not_told_apart():
    lower = trimesh.creation.cylinder(0.04, 0.08).apply_translation((0, 0, 0.04))
    upper = trimesh.creation.cylinder(0.039, 0.08).apply_translation((0, 0, 0.12))
    frame = see((lower, RED), (upper, RED))
    assert segment_tabletop(frame).labels.max() == 1
    found = segment_tabletop(frame, box=box_of(frame, 2, margin=1))
    own, truth, valid = found.labels == 1, frame.labels == 2, frame.depth > 0
    assert (own & truth & valid).sum() / ((own | truth) & valid).sum() > 0.8
    assert any('cut off' in w for w in found.warnings)


@pytest.mark.parametrize(
    ('prompt', 'error', 'code'),
    [
        ({'point': (10.0, 470.0)}, PerceptionError, ErrorCode.UNKNOWN_LABEL),
        ({'point': (0.0, 0.05, 0.5)}, PerceptionError, ErrorCode.UNKNOWN_LABEL),
        ({'box': (0, 400, 60, 60)}, PerceptionError, ErrorCode.UNKNOWN_LABEL),
        ({'point': (640.0, 10.0)}, InputError, ErrorCode.OUT_OF_RANGE),
        ({'point': (-1.0, 10.0)}, InputError, ErrorCode.OUT_OF_RANGE),
        ({'point': (0.0, 0.0, -0.5)}, InputError, ErrorCode.OUT_OF_RANGE),
        ({'point': (5.0, 0.0, 0.5)}, InputError, ErrorCode.OUT_OF_RANGE),
        ({'point': (np.nan, 0.0)}, InputError, ErrorCode.OUT_OF_RANGE),
        ({'point': (1.0,)}, InputError, ErrorCode.WRONG_SHAPE),
        ({'box': (1, 2, 3)}, InputError, ErrorCode.WRONG_SHAPE),
        ({'box': (700, 0, 10, 10)}, InputError, ErrorCode.OUT_OF_RANGE),
        ({'box': (10, 10, 0, 10)}, InputError, ErrorCode.OUT_OF_RANGE),
        ({'box': (0, 0, 9, 9), 'point': (1, 1)}, InputError, ErrorCode.INVALID_INPUT),
    ],
)
def test_a_prompt_on_nothing_or_nowhere_is_a_coded_error(two, prompt, error, code):
    with pytest.raises(error) as caught:
        segment_tabletop(two, **prompt)
    assert caught.value.code == code


# What may be wrong with the frame


def test_no_plane_is_a_coded_error():
    wall = trimesh.creation.box((0.02, 3, 3)).apply_translation((-0.3, 0, 0))
    frame = see((box((0.1, 0.1, 0.1)), RED), table=wall, elevation=25)
    with pytest.raises(PerceptionError, match='level') as caught:
        segment_tabletop(frame)
    assert caught.value.code == ErrorCode.RECONSTRUCTION_FAILED


def test_an_empty_table_is_a_coded_error():
    with pytest.raises(PerceptionError, match='min_points') as caught:
        segment_tabletop(see())
    assert caught.value.code == ErrorCode.UNKNOWN_LABEL


@pytest.mark.parametrize('value', [0.0, np.nan, 9.0])
def test_no_valid_depth_is_a_coded_error(two, value):
    frame = dataclasses.replace(two, depth=np.full_like(two.depth, value))
    with pytest.raises(PerceptionError) as caught:
        segment_tabletop(frame)
    assert caught.value.code == ErrorCode.NO_VALID_DEPTH


def test_a_setting_out_of_range_is_named(two):
    with pytest.raises(InputError, match='min_points'):
        segment_tabletop(two, config=SegmentationConfig(min_points=1))


def test_pixels_without_depth_cost_only_themselves(two):
    depth = two.depth.copy()
    depth[np.random.default_rng(0).random(depth.shape) < 0.1] = np.nan
    check(dataclasses.replace(two, depth=np.nan_to_num(depth)), 0.85)


# mosd_learn3 had a part in the choice of the settings; the others had none. What they fail at
# stands in docs/segmentation.md.
@pytest.mark.parametrize(
    ('name', 'least'),
    [('mosd_learn3', 0.95), ('realsense_mustard', 0.95), ('realsense_red_mug', 0.9)],
)
def test_real_frames(data_dir, name, least):
    check(load_scene(data_dir / 'scenes' / f'{name}.npz'), least)
