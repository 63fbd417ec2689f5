"""Perturbed objects: the surface, where they start, and what the shake test makes of them."""

from __future__ import annotations

import dataclasses
import math

import mujoco
import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from toy_hands import LID_OPEN, RADIUS, grasp_set, turntable

from dexgrasp_ros import evaluate
from dexgrasp_ros.core.errors import InputError, ObjectError
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.evaluation import Perturbation, find_protocol, grow_surface
from dexgrasp_ros.evaluation.growth import grow_pieces
from dexgrasp_ros.evaluation.shaking import Setting, postures_of, surfaces_of
from dexgrasp_ros.object import load_object, object_pieces
from dexgrasp_ros.simulation import build_physics

HOME = [0, 0, 0, 0, 0, 0, 1.0]


def setting_of(obj, perturbation, floor=None):
    surfaces = surfaces_of(obj, object_pieces(obj).pieces, perturbation)
    return Setting(
        protocol=find_protocol('fc'), surfaces=surfaces, floor=floor, perturbation=perturbation
    )


def grown(mesh: trimesh.Trimesh, growth: float) -> trimesh.Trimesh:
    vertices = grow_surface(mesh.vertices, mesh.faces, growth)
    return trimesh.Trimesh(vertices, mesh.faces, process=False)


@pytest.mark.parametrize('growth', [0.002, -0.002])
def test_a_sphere_stays_one_with_another_radius(growth):
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=RADIUS)
    radius = np.linalg.norm(grown(mesh, growth).vertices, axis=1)
    np.testing.assert_allclose(radius, RADIUS + growth, atol=2e-5)


@pytest.mark.parametrize('growth', [0.002, -0.002])
def test_a_box_stays_one_and_each_face_moves(growth):
    mesh = grown(trimesh.creation.box([0.04, 0.05, 0.06]), growth)
    np.testing.assert_allclose(mesh.extents, np.array([0.04, 0.05, 0.06]) + 2 * growth, atol=1e-5)
    assert mesh.volume == pytest.approx(np.prod(mesh.extents), rel=1e-6)


def test_a_thin_plate_keeps_a_fifth_of_its_thickness():
    """3 mm less 2 mm on both sides would be a plate turned inside out."""
    plate = trimesh.creation.box([0.1, 0.1, 0.003])
    mesh = grown(plate, -0.002)
    np.testing.assert_allclose(mesh.extents, [0.0976, 0.0976, 0.0006], rtol=0.01)
    assert mesh.volume == pytest.approx(np.prod(mesh.extents), rel=1e-6)
    # With vertices all over it as well, its rim aside, where triangles are smaller than 2 mm.
    fine = plate.subdivide().subdivide()
    mesh = grown(fine, -0.002)
    inner = mesh.vertices[(np.abs(fine.vertices[:, :2]) < 0.04).all(axis=1)]
    np.testing.assert_allclose(np.abs(inner[:, 2]), 0.0003, rtol=0.01)
    assert mesh.volume > 0.15 * plate.volume


def test_a_narrow_slot_stays_open():
    """A slot of 3 mm between two prongs, grown by 2 mm."""
    slot = trimesh.creation.box([0.003, 0.03, 0.03], trimesh.transformations.translation_matrix(
        [0, 0, 0.01]))  # fmt: skip
    fork = trimesh.boolean.difference([trimesh.creation.box([0.04, 0.02, 0.04]), slot])
    mesh = grown(fork, 0.002)
    assert not mesh.contains([[0, 0, 0.01]])[0]
    assert mesh.contains([[0.005, 0, 0.01], [-0.005, 0, 0.01]]).all()


@pytest.mark.parametrize('growth', [0.002, -0.002])
def test_pieces_grow_outside_and_not_at_the_cut_between_them(growth):
    """A box cut in two at x = 0, whose halves must neither part nor lose a corner."""
    box = trimesh.creation.box([0.08, 0.04, 0.06]).subdivide().subdivide()
    halves = [trimesh.creation.box([0.04, 0.04, 0.06]) for _ in range(2)]
    for half, x in zip(halves, (-0.02, 0.02), strict=True):
        half.apply_translation([x, 0, 0])
    middle = [[0.0, 0.0, 0.0]]  # a corner inside
    pieces = [np.vstack([h.vertices, middle]) for h in halves]
    left, right = grow_pieces(pieces, box.vertices, box.faces, growth)
    size = np.array([0.04, 0.02, 0.03]) + growth
    np.testing.assert_allclose(left.min(axis=0), -size, atol=2e-5)
    np.testing.assert_allclose(right.max(axis=0), size, atol=2e-5)
    np.testing.assert_allclose([left[:, 0].max(), right[:, 0].min()], 0.0, atol=2e-5)
    np.testing.assert_array_equal([left[-1], right[-1]], np.zeros((2, 3)))


def test_the_object_starts_as_far_off_as_is_said():
    center = np.array([0.3, -0.2, 0.1])
    poses, surface = Perturbation(random_seed=3).draw(10, center)
    moved = np.array([transform_points(p, center[None])[0] for p in poses]) - center
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 0.003, rtol=1e-6)
    angle = Rotation.from_quat(poses[:, 3:]).magnitude()
    np.testing.assert_allclose(np.degrees(angle), 3.0, rtol=1e-6)
    assert sorted(surface) == [0] * 5 + [1] * 5
    # Ten random directions do not lie in one half space in all three axes.
    assert (moved.min(axis=0) < 0).all() and (moved.max(axis=0) > 0).all()
    again, _ = Perturbation(random_seed=3).draw(10, center)
    other, _ = Perturbation(random_seed=4).draw(10, center)
    np.testing.assert_array_equal(poses, again)
    assert (poses != other).any(axis=1).all()


def test_physics_starts_there_with_the_mass_of_the_true_object(cage, sphere):
    """Read back from MuJoCo: centre 3 mm off, 3° turned; grown to 32 mm or shrunk to 28 mm."""
    moved = load_object((sphere.vertices + np.array([0.1, 0.2, 0.3]), sphere.faces))
    wish = Perturbation()
    setting = setting_of(moved, wish)
    grasps = grasp_set(cage, HOME, [[LID_OPEN]] * 4)
    for task in postures_of(grasps, moved, setting):
        physics = build_physics(
            cage, moved, setting.surfaces[task.surface], find_protocol('fc').physics
        )
        data = mujoco.MjData(physics.model)
        physics.place(data, HOME, [LID_OPEN], object_pose=task.object_pose)
        body = physics.object_body
        shift = data.xipos[body] - moved.center_of_mass
        assert np.linalg.norm(shift) == pytest.approx(0.003, rel=1e-6)
        turn = Rotation.from_matrix(data.xmat[body].reshape(3, 3)).magnitude()
        assert math.degrees(turn) == pytest.approx(3.0, rel=1e-6)
        assert physics.model.body_mass[body] == pytest.approx(0.1)
        (mesh,) = physics.model.geom_dataid[physics.object_geometries]
        start, count = physics.model.mesh_vertadr[mesh], physics.model.mesh_vertnum[mesh]
        radius = np.linalg.norm(physics.model.mesh_vert[start : start + count], axis=1).mean()
        assert radius == pytest.approx(RADIUS + wish.growths[task.surface], abs=2e-4)


def test_displacement_is_measured_from_where_the_object_starts(cage, sphere):
    """A cage far away leaves an object at rest there; nothing but the pull moves it."""
    still = dataclasses.replace(find_protocol('fc'), pull=0.0)
    far = [1.0, 0, 0, 0, 0, 0, 1.0]
    found = evaluate(
        grasp_set(cage, far, [[LID_OPEN]] * 2),
        object=sphere,
        protocol=still,
        perturbation=Perturbation(),
    )
    assert found.held.all()
    np.testing.assert_allclose(found.displacement, 0.0, atol=1e-9)
    np.testing.assert_allclose(found.rotation, 0.0, atol=1e-6)


def test_a_turn_counts_from_the_start_as_well():
    """A fork turns a bar by 18°: more than 15° also where the bar starts turned by 3°."""
    hand, bar = turntable()
    grasps = grasp_set(hand, HOME, [[0.314]] * 2, pregrasp=[[0.0]] * 2, squeeze=[[0.314]] * 2)
    wish = Perturbation(translation=0.0, growth=0.0)
    found = evaluate(grasps, object=bar, perturbation=wish)
    assert set(found.motion) == {'turned'}
    np.testing.assert_allclose(np.degrees(found.rotation), 15.0, atol=2.0)


def test_the_surface_alone_is_perturbed_and_geometry_is_not(cage, sphere):
    """1 mm of play: a grown sphere does not fit into the cage, a shrunk one does."""
    grasps = grasp_set(cage, HOME, [[0.0]] * 2, pregrasp=[[LID_OPEN]] * 2)
    wish = Perturbation(translation=0.0, rotation=0.0)
    plain = evaluate(grasps, object=sphere)
    found = evaluate(grasps, object=sphere, perturbation=wish)
    _, surface = wish.draw(2, np.zeros(3))
    for n in range(2):
        depth = 0.001 if wish.growths[surface[n]] > 0 else 0.0  # 32 mm in walls 31 mm away
        assert found.pregrasp_depth[n] == pytest.approx(depth, abs=3e-4)
    assert plain.perturbation is None
    assert found.summary()['perturbation']['growth'] == 0.002
    for name in ('penetration', 'epsilon', 'tip_distance', 'contact_area', 'volume_ratio'):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))


def test_the_same_seed_gives_the_same_result(cage, sphere, tmp_path):
    grasps = grasp_set(cage, HOME, [[0.0]] * 2, pregrasp=[[LID_OPEN]] * 2)
    one, same, other = (
        evaluate(grasps, object=sphere, perturbation=Perturbation(random_seed=s))
        for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.displacement, same.displacement)
    assert (one.displacement != other.displacement).any()
    one.save(tmp_path / 'e.npz')
    with np.load(tmp_path / 'e.npz', allow_pickle=False) as file:
        assert '"random_seed": 0' in str(file['evaluation_perturbation'])


def test_a_floor_stays_below_the_object_and_carries_it(cage, sphere):
    """Where the object starts lower, so does the floor; its height is read back from MuJoCo."""
    floor = np.array([0, 0, 1.0, RADIUS])
    wish = Perturbation()
    setting = setting_of(sphere, wish, floor)
    test = find_protocol('tabletop')
    far = [1.0, 0, 0, 0, 0, 0, 1.0]
    drops = []
    for task in postures_of(grasp_set(cage, far, [[0.0]] * 6), sphere, setting):
        pieces = setting.surfaces[task.surface]
        physics = build_physics(cage, sphere, pieces, test.physics, floor=floor)
        data = mujoco.MjData(physics.model)
        where = {'object_pose': task.object_pose, 'floor_drop': task.floor_drop}
        physics.place(data, far, [0.0], **where)
        lowest = transform_points(task.object_pose, np.concatenate(pieces))[:, 2].min()
        assert data.geom('floor').xpos[2] == pytest.approx(min(-RADIUS, lowest), abs=1e-9)
        drops.append(task.floor_drop)
        mujoco.mj_step(physics.model, data, 250)
        assert data.xipos[physics.object_body][2] > lowest  # It has not fallen through.
    assert min(drops) == 0.0 < max(drops) <= 0.0051


@pytest.mark.parametrize('name', ['translation', 'rotation', 'growth', 'random_seed'])
def test_negative_perturbations_are_refused(name):
    with pytest.raises(InputError, match=name):
        Perturbation(**{name: -1})


def test_an_object_of_which_nothing_is_left_is_refused():
    box = trimesh.creation.box([0.05, 0.05, 0.05])
    flat = np.array([[0.0, 0, 0], [0.05, 0, 0], [0, 0.05, 0], [0.05, 0.05, 0]])
    with pytest.raises(ObjectError, match='2 mm'):
        grow_pieces([flat], box.vertices, box.faces, -0.002)
