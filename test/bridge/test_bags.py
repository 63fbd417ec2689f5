"""Profiles of recorders and players, and stamps that move."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from geometry_msgs.msg import Point, TransformStamped
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from shape_msgs.msg import Mesh
from tf2_msgs.msg import TFMessage

from dexgrasp_msgs.msg import Grasp, GraspArray, Object
from dexgrasp_ros.bridge.bags import (
    harmless_name,
    move_stamps,
    publisher_profile,
    recorded_profile,
    subscription_profile,
)
from dexgrasp_ros.bridge.geometry import header, stamp_to_nanoseconds
from dexgrasp_ros.bridge.message_types import message_class
from dexgrasp_ros.bridge.qos import latched_publisher, sensor_data, standard
from dexgrasp_ros.core.errors import ErrorCode, InputError

SECOND = 10**9


@pytest.mark.parametrize(
    ('offered', 'reliable', 'latched'),
    [
        ([standard()], True, False),
        ([sensor_data()], False, False),
        ([latched_publisher()], True, True),
        ([latched_publisher(), standard()], True, False),
        ([standard(), sensor_data()], False, False),
    ],
)
def test_a_subscription_matches_every_publisher(offered, reliable, latched):
    profile = subscription_profile(offered)
    assert (profile.reliability == ReliabilityPolicy.RELIABLE) == reliable
    assert (profile.durability == DurabilityPolicy.TRANSIENT_LOCAL) == latched


@pytest.mark.parametrize('profile', [standard(), sensor_data(), latched_publisher()])
def test_a_player_offers_what_was_recorded(profile):
    again = publisher_profile([recorded_profile(profile)], 3)
    assert (again.reliability, again.durability) == (profile.reliability, profile.durability)
    assert again.depth >= 3


def test_every_stamp_of_a_message_moves_but_those_that_mean_none():
    def moved(stamp):
        return stamp + SECOND

    array = GraspArray(header=header('a', 5), grasps=[Grasp(header=header('a', 7)), Grasp()])
    move_stamps(array, moved)
    stamps = [array.header, *(g.header for g in array.grasps)]
    assert [stamp_to_nanoseconds(h.stamp) for h in stamps] == [5 + SECOND, 7 + SECOND, 0]
    tf = TFMessage(transforms=[TransformStamped(header=header('a', 9))])
    move_stamps(tf, moved)
    assert stamp_to_nanoseconds(tf.transforms[0].header.stamp) == 9 + SECOND
    found = Object(mesh=Mesh(vertices=[Point(x=1.0)]), points=message_class('sensor_msgs/PointCloud2')(header=header('a', 3)))  # fmt: skip  # noqa: E501
    move_stamps(found, moved)
    assert stamp_to_nanoseconds(found.points.header.stamp) == 3 + SECOND
    assert found.mesh.vertices == [Point(x=1.0)]


def test_types_that_are_not_installed_are_named():
    with pytest.raises(InputError, match="'moon_msgs/msg/Dust' is not installed") as info:
        message_class('moon_msgs/msg/Dust')
    assert info.value.code == ErrorCode.FILE_NOT_FOUND
    with pytest.raises(InputError, match='not installed'):
        message_class('std_msgs/msg/Moon')


def test_commands_are_recorded_and_played_under_a_name_that_moves_nothing():
    fingers, wrist = (f'trajectory_msgs/msg/{n}JointTrajectory' for n in ('', 'MultiDOF'))
    for topic, kind, expected in (
        ('/joint_trajectory', fingers, '/joint_trajectory/recorded'),
        ('/hand_controller/moves', fingers, '/hand_controller/moves/recorded'),
        ('/arm/wrist_trajectory', wrist, '/arm/wrist_trajectory/recorded'),
        ('/joint_trajectory/recorded', fingers, '/joint_trajectory/recorded'),
        ('/wrist_targets', wrist, '/wrist_targets'),
        ('/grasps', 'dexgrasp_msgs/msg/GraspArray', '/grasps'),
    ):
        assert harmless_name(topic, kind) == expected
