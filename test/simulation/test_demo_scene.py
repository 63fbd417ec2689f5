"""The package's own scene: closed objects that stand on the table, and a frame that reads back."""

import numpy as np
import pytest

from dexgrasp_ros.core.depth_frame import load_scene
from dexgrasp_ros.simulation import make_demo_scene, save_scene
from dexgrasp_ros.simulation.demo_objects import make_bottle, make_box, make_mug
from dexgrasp_ros.simulation.demo_scene import demo_bodies


@pytest.fixture(scope='module')
def frame():
    return make_demo_scene(random_seed=3)


@pytest.mark.parametrize('make', [make_bottle, make_mug, make_box])
def test_objects_are_closed_and_stand_on_the_ground(make):
    mesh = make()
    assert mesh.is_volume and mesh.body_count == 1
    np.testing.assert_allclose(mesh.bounds[0, 2], 0, atol=1e-6)


def test_mug_is_hollow_and_its_handle_has_a_hole():
    mug = make_mug()
    inside, wall, hole = [0, 0, 0.06], [0.039, 0, 0.02], [0.053, 0, 0.0475]
    handle = [0.069, 0, 0.0475]
    assert mug.contains([inside, wall, hole, handle]).tolist() == [False, True, False, True]
    assert mug.euler_number == 0  # a torus: one handle, no closed cavity


def test_frame_shows_every_object_with_enough_pixels(frame):
    assert frame.depth.shape == (480, 640)
    valid = frame.depth > 0
    for label in (1, 2, 3):
        assert (valid & (frame.labels == label)).sum() > 3000
    assert valid.mean() > 0.95


def test_points_lie_where_the_objects_are(frame):
    K, T = frame.intrinsics, frame.T_world_cam
    for body in demo_bodies():
        if body.label == 0:
            continue
        v, u = np.nonzero((frame.labels == body.label) & (frame.depth > 0))
        z = frame.depth[v, u]
        points = np.column_stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z])
        points = points @ T[:3, :3].T + T[:3, 3]
        vertices = body.posed_vertices()
        low, high = vertices.min(axis=0) - 0.006, vertices.max(axis=0) + 0.006
        inside = ((points > low) & (points < high)).all(axis=1)
        assert inside.mean() > 0.93  # the rest flies at the edges
    # The table is z = 0.
    v, u = np.nonzero((frame.labels == 0) & (frame.depth > 0) & (frame.depth < 0.9))
    z = frame.depth[v, u]
    points = np.column_stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z])
    height = points @ T[2, :3] + T[2, 3]
    assert abs(np.median(height)) < 0.001


def test_scene_file_reads_back(frame, tmp_path):
    save_scene(frame, tmp_path / 'demo.npz')
    read = load_scene(tmp_path / 'demo.npz')
    for key in ('depth', 'labels', 'intrinsics', 'rgb', 'T_world_cam'):
        np.testing.assert_array_equal(getattr(read, key), getattr(frame, key))


def test_same_seed_same_frame(frame):
    again, other = make_demo_scene(random_seed=3), make_demo_scene(random_seed=4)
    np.testing.assert_array_equal(again.depth, frame.depth)
    assert (other.depth != frame.depth).any()
    np.testing.assert_array_equal(other.labels, frame.labels)
