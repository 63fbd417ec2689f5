"""Grasps for MoveIt: the pure part here, the messages where moveit_msgs is installed."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

pytest.importorskip('rclpy')

from builtin_interfaces.msg import Time
from scipy.spatial.transform import Rotation

from dexgrasp_msgs.msg import GraspArray
from dexgrasp_ros.bridge.geometry import header, pose_array, pose_message
from dexgrasp_ros.bridge.grasps import grasp_messages
from dexgrasp_ros.bridge.moveit import approach, moveit_grasps, parent_poses, posture, retreat
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError
from dexgrasp_ros.core.poses import compose

OBJECT = np.array([0.5, 0, 0.2, *Rotation.from_euler('y', 30, degrees=True).as_quat()])
MOUNT = np.array([0.0, 0, 0.1, *Rotation.from_euler('z', 90, degrees=True).as_quat()])


@pytest.fixture
def grasps(grasp_set):
    return GraspArray(
        header=header('base', 7),
        grasps=grasp_messages(
            grasp_set,
            OBJECT,
            header=header('base', 7),
            object_id='object_3',
            label=3,
            lift=np.array([0, 0, 0.1]),
        ),
    )


def test_the_parent_link_carries_the_hand_where_it_should_be(grasps):
    for grasp in grasps.grasps:
        pose = pose_array(grasp.pose)
        # Forward: the parent at its pose, and the mount on it, give the hand's pose.
        again = compose(parent_poses(grasp, MOUNT)[1], MOUNT)
        np.testing.assert_allclose(again[:3], pose[:3], atol=1e-12)
        assert abs(again[3:] @ pose[3:]) == pytest.approx(1)
        # Where nobody says how the hand is mounted, nothing is assumed.
        with pytest.raises(InputError, match='T_parent_hand') as info:
            parent_poses(grasp)
        assert info.value.code == ErrorCode.MISSING_KEY
    grasp.flange_frame, grasp.flange_pose = 'tool0', pose_message([1.0, 2, 3, 0, 0, 0, 1])
    np.testing.assert_allclose(parent_poses(grasp)[1], [1, 2, 3, 0, 0, 0, 1])
    # What the caller says wins.
    np.testing.assert_allclose(parent_poses(grasp, [0.0, 0, 0, 0, 0, 0, 1])[1, :3], pose[:3])


def test_approach_and_retreat_are_the_ways_of_the_parent_link(grasps):
    grasp = grasps.grasps[0]
    way = approach(grasp, MOUNT)
    assert way.distance == pytest.approx(0.05)
    expected = Rotation.from_quat(OBJECT[3:]).apply([-1.0, 0, 0])
    np.testing.assert_allclose(way.direction, expected, atol=1e-12)
    up = retreat(grasp, MOUNT)
    np.testing.assert_allclose([*up.direction, up.distance], [0, 0, 1, 0.1], atol=1e-12)
    grasp.pregrasp_pose = grasp.pose
    still = approach(grasp, MOUNT)
    assert still.distance == 0 and not still.direction.any()


def test_where_the_hand_turns_on_its_way_the_parent_link_goes_another_one(grasps):
    grasp = grasps.grasps[0]
    grasp.pose = pose_message([0.0, 0, 0, 0, 0, 0, 1])
    turned = Rotation.from_euler('x', 90, degrees=True).as_quat()
    grasp.pregrasp_pose = pose_message([0.0, 0, 0, *turned])
    # The parent is 0.1 m behind the hand's z, which the turn takes from +y to -z.
    way = approach(grasp, MOUNT)
    np.testing.assert_allclose(way.distance * way.direction, [0, -0.1, -0.1], atol=1e-12)


def test_a_posture_is_one_point_with_its_names(grasps):
    grasp = grasps.grasps[0]
    message = posture(grasp, grasp.squeeze, 1.5)
    assert message.joint_names == ['left', 'right'] and message.header.frame_id == 'palm'
    (point,) = message.points
    assert list(point.positions) == [0.6, 1.2]
    assert (point.time_from_start.sec, point.time_from_start.nanosec) == (1, 500_000_000)
    assert not point.effort
    # A joint_trajectory_controller refuses what ends in the past; the grasp's stamp is an image's.
    assert message.header.stamp == Time() != grasp.header.stamp
    pressing = posture(grasp, grasp.squeeze, 1.5, effort=True).points[0].effort
    expected = np.multiply(grasp.joint_stiffness, np.subtract(grasp.squeeze, grasp.grasp))
    assert expected.any()
    np.testing.assert_allclose(pressing, expected)


@pytest.mark.skipif(
    importlib.util.find_spec('moveit_msgs') is not None, reason='moveit_msgs is installed'
)
def test_without_moveit_it_says_how_to_install_it(grasps):
    with pytest.raises(DexGraspError, match=r'ros-\$ROS_DISTRO-moveit-msgs') as info:
        moveit_grasps(grasps)
    assert info.value.code == ErrorCode.FILE_NOT_FOUND


def test_messages_of_moveit(grasps):
    pytest.importorskip('moveit_msgs.msg')
    found = moveit_grasps(
        grasps, T_parent_hand=MOUNT, allowed_touch_objects=['object_3'], max_contact_force=3.0
    )
    assert [g.id for g in found] == ['object_3_0', 'object_3_1']
    for grasp, message in zip(grasps.grasps, found, strict=True):
        assert message.grasp_pose.header == grasp.header
        np.testing.assert_allclose(
            pose_array(message.grasp_pose.pose), parent_poses(grasp, MOUNT)[1], atol=1e-12
        )
        assert list(message.pre_grasp_posture.points[0].positions) == list(grasp.pregrasp)
        for trajectory in (message.pre_grasp_posture, message.grasp_posture):
            assert trajectory.header.stamp == Time() and not trajectory.points[0].effort
        assert list(message.grasp_posture.points[0].positions) == list(grasp.squeeze)
        assert message.grasp_quality == grasp.quality.score
        assert message.post_grasp_retreat.direction.vector.z == pytest.approx(1)
        assert message.post_grasp_retreat.min_distance == pytest.approx(0.05)
        assert message.pre_grasp_approach.direction.header.frame_id == 'base'
        assert message.allowed_touch_objects == ['object_3']
        assert message.max_contact_force == 3.0
    (touching,) = moveit_grasps(grasps.grasps[:1], T_parent_hand=MOUNT, squeeze=False)
    assert list(touching.grasp_posture.points[0].positions) == list(grasps.grasps[0].grasp)
    (pressing,) = moveit_grasps(grasps.grasps[:1], T_parent_hand=MOUNT, effort=True)
    assert pressing.grasp_posture.points[0].effort
    assert not pressing.pre_grasp_posture.points[0].effort
    with pytest.raises(InputError, match='min_share'):
        moveit_grasps(grasps, min_share=2.0)
