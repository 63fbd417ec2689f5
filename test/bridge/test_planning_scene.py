"""What was seen as collision objects: the geometry here, and messages where moveit_msgs is."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

import trimesh
from scipy.spatial.transform import Rotation

from dexgrasp_ros.bridge.geometry import header, pose_array, pose_message
from dexgrasp_ros.bridge.objects import object_array_message
from dexgrasp_ros.bridge.planning_scene import (
    collision_objects,
    obstacle_boxes,
    scene_change,
    table_box,
)
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.poses import invert, transform_points

IDENTITY = np.array([0.0, 0, 0, 0, 0, 0, 1])
SIZE = np.array([0.1, 0.06, 0.2])


def brick(label: int, x: float, **changes) -> ObservedObject:
    """A brick on the floor z = 0, `x` m along it, 1 m in front of nothing."""
    mesh = trimesh.creation.box(SIZE)
    mesh.apply_translation([x, 0, SIZE[2] / 2])
    fields = {
        'label': label,
        'name': '',
        'frame_id': 'world',
        'stamp': 7,
        'vertices': np.array(mesh.vertices),
        'faces': np.array(mesh.faces),
        'points': np.zeros((0, 3)),
        'support_plane': np.array([0.0, 0, 1, 0]),
        'obstacles': np.zeros((0, 3)),
        'observed_fraction': 0.5,
    }
    return ObservedObject(**{**fields, **changes})


def test_the_table_reaches_beyond_what_stands_on_it_and_not_above_it():
    seen = [(brick(1, 0.0), IDENTITY), (brick(2, 0.5), IDENTITY)]
    ((pose, size),) = table_box(seen, 0.2)
    corners = transform_points(pose, trimesh.creation.box(size).vertices)
    # Bricks from -0.05 to 0.55 m along x and 6 cm wide, and 20 cm on all sides of them.
    np.testing.assert_allclose(corners.min(axis=0)[:2], [-0.25, -0.23], atol=1e-9)
    np.testing.assert_allclose(corners.max(axis=0), [0.75, 0.23, 0.0], atol=1e-9)
    assert corners[:, 2].min() < -0.01


def test_the_table_tilts_with_the_camera():
    turn = np.array([0.3, -0.2, 1.0, *Rotation.from_euler('xyz', [2.0, 0.3, 1.0]).as_quat()])
    ((pose, size),) = table_box([(brick(1, 0.0), turn)], 0.1)
    corners = transform_points(
        invert(turn), transform_points(pose, trimesh.creation.box(size).vertices)
    )
    assert corners[:, 2].max() == pytest.approx(0.0, abs=1e-9)
    for point in np.array(brick(1, 0.0).vertices):
        assert (point[:2] > corners.min(axis=0)[:2]).all()
        assert (point[:2] < corners.max(axis=0)[:2]).all()


def test_without_a_support_plane_there_is_no_table():
    assert table_box([(brick(1, 0.0, support_plane=None), IDENTITY)], 0.2) == []
    assert table_box([], 0.2) == obstacle_boxes([], 0.02) == []


def test_neighbours_that_are_objects_are_no_obstacles():
    wall = np.array([[0.3, 0.0, 0.1], [0.301, 0.001, 0.101], [0.3, 0.05, 0.1]])
    neighbour = brick(2, 0.5).vertices + 0.004  # as the first one has seen it
    first = brick(1, 0.0, obstacles=np.concatenate([wall, neighbour]))
    boxes = obstacle_boxes([(first, IDENTITY), (brick(2, 0.5), IDENTITY)], 0.02)
    assert len(boxes) == 2
    for pose, size in boxes:
        assert (size == 0.02).all()
        assert any((np.abs(p - pose[:3]) <= 0.01 + 1e-9).all() for p in wall)
    # Alone, the neighbour is one.
    assert len(obstacle_boxes([(first, IDENTITY)], 0.02)) > 2


@pytest.fixture
def messages():
    return pytest.importorskip('moveit_msgs.msg')


def test_collision_objects_are_where_the_objects_are(messages):
    wall = np.array([[0.0, 0.3, 0.1]])
    array = object_array_message(
        [brick(1, 0.0, obstacles=wall), brick(2, 0.5)], 'world', 7, ['track_4', 'track_9']
    )
    array.objects[1].pose = pose_message([0.1, 0, 0, 0, 0, 0, 1])
    made = collision_objects(array, prefix='left_', margin=0.2, cell=0.05)
    assert list(made) == ['left_track_4', 'left_track_9', 'left_table', 'left_obstacles']
    for name, entry in made.items():
        assert entry.id == name and entry.header == header('world', 7)
        assert entry.operation == messages.CollisionObject.ADD
    moved = made['left_track_9']
    assert moved.meshes == [array.objects[1].mesh] and len(moved.mesh_poses) == 1
    np.testing.assert_allclose(pose_array(moved.pose)[:3], [0.1, 0, 0])
    (box,) = made['left_obstacles'].primitives
    assert list(box.dimensions) == [0.05] * 3
    np.testing.assert_allclose(
        pose_array(made['left_obstacles'].primitive_poses[0])[:3], [0.025, 0.325, 0.125]
    )


def test_what_has_gone_is_removed(messages):
    def scene(*labels):
        array = object_array_message([brick(label, 0.5 * label) for label in labels], 'world', 7)
        return collision_objects(array)

    change = scene_change(scene(1, 2), scene(2, 3))
    assert change.is_diff and change.robot_state.is_diff
    kind = messages.CollisionObject
    told = {o.id: o.operation for o in change.world.collision_objects}
    assert told == {
        'object_1': kind.REMOVE,
        'object_2': kind.ADD,
        'object_3': kind.ADD,
        'table': kind.ADD,
    }
    (gone, table) = scene_change(scene(1), {}).world.collision_objects
    assert {gone.id, table.id} == {'object_1', 'table'}
    assert gone.operation == table.operation == kind.REMOVE
    assert not scene_change({}, {}).world.collision_objects


def test_an_object_of_another_frame_is_there_without_table(messages):
    array = object_array_message([brick(1, 0.0)], 'world', 7)
    array.objects[0].header.frame_id = 'elsewhere'
    (alone,) = collision_objects(array).values()
    assert alone.header.frame_id == 'elsewhere'
