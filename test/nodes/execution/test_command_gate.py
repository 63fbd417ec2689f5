"""The gate through which commands leave: what passes, what does not, and what a stop does."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.bridge.trajectories import finger_trajectory, pose_trajectory
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.execution.command_gate import CommandGate
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters

HOME = np.array([0.0, 0, 0, 0, 0, 0, 1])
UP = np.array([0.0, 0, 0.1, 0, 0, 0, 1])
TURNED = np.array([0.0, 0, 0, 0, 0, np.sin(0.25), np.cos(0.25)])  # by 0.5 rad


class Bench:
    """A gate in a node, and what comes out of it."""

    def __init__(self, domain, hand):
        self.context, self.hand = Context(), hand
        rclpy.init(context=self.context, domain_id=domain)
        self.node = rclpy.create_node('gate', context=self.context)
        self.config = HandCommandParameters(command_enabled=True)
        self.active = True
        self.failures = []
        self.present = None  # where the fingers say that they are
        self.gate = CommandGate(
            self.node,
            lambda: self.config,
            lambda: self.active,
            self.failures.append,
            lambda: self.present,
        )
        self.gate.configure(hand)
        self.fingers, self.wrists = [], []
        for kind, topic, heard in (
            (JointTrajectory, 'joint_trajectory', self.fingers),
            (MultiDOFJointTrajectory, 'wrist_trajectory', self.wrists),
        ):
            self.node.create_subscription(kind, topic, heard.append, standard())
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        while not (
            self.node.count_subscribers('joint_trajectory')
            and self.node.count_subscribers('wrist_trajectory')
        ):
            self.spin()
        self.middle = (hand.lower + hand.upper) / 2
        self.start = self.middle - 0.1

    def spin(self, seconds=0.2):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.executor.spin_once(timeout_sec=0.02)

    def set(self, **changes):
        self.config = dataclasses.replace(self.config, **changes)

    def move_fingers(self, points=None, times=(1.0,), names=None, **options):
        points = [self.middle] if points is None else points
        message = finger_trajectory(names or self.hand.joint_names, points, times)
        self.gate.send_fingers(message, **{'starts': self.start, 'speed_scale': 0.5} | options)

    def move_wrist(self, poses=(UP,), times=(1.0,), frame='table', hand_frame=None, **options):
        message = pose_trajectory(frame, hand_frame or self.hand.hand_frame, poses, times)
        self.gate.send_wrist(message, **{'starts': HOME, 'speed_scale': 1.0} | options)

    def close(self):
        self.executor.shutdown()
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def bench(ros_domain, hand):
    bench = Bench(ros_domain, hand)
    yield bench
    bench.close()


def test_what_is_in_order_leaves_as_it_is(bench):
    bench.move_fingers()
    bench.move_wrist()
    bench.spin()
    (fingers,), (wrist,) = bench.fingers, bench.wrists
    assert list(fingers.points[0].positions) == bench.middle.tolist()
    assert wrist.points[0].transforms[0].translation.z == 0.1
    assert (fingers.header.stamp.sec, fingers.header.stamp.nanosec) == (0, 0)


# What is asked for, by a gate with certain parameters, and why it is refused. At a scale of 0.5
# the hand's joints do 1.57 rad/s; at 1 its wrist does 0.1 m/s and 0.5 rad/s.
REFUSED = {
    'disabled': (lambda b: (b.set(command_enabled=False), b.move_fingers()), 'COMMAND_DISABLED'),
    'wrist disabled': (
        lambda b: (b.set(command_enabled=False), b.move_wrist()),
        'COMMAND_DISABLED',
    ),
    'inactive': (lambda b: (setattr(b, 'active', False), b.move_wrist()), 'COMMAND_DISABLED'),
    'old image': (
        lambda b: b.move_fingers(stamp=b.node.get_clock().now().nanoseconds - 121 * 10**9),
        'STALE_DATA',
    ),
    'longer than messages can say': (
        lambda b: b.move_fingers(times=[2.0**31 - 1]),
        'INVALID_COMMAND',
    ),
    'wrist longer than messages can say': (
        lambda b: b.move_wrist(times=[2.0**31 - 1]),
        'INVALID_COMMAND',
    ),
    'no stamp': (lambda b: b.move_fingers(stamp=0), 'STALE_DATA'),
    'image from the future': (
        lambda b: b.move_fingers(stamp=b.node.get_clock().now().nanoseconds + 5 * 10**9),
        'STALE_DATA',
    ),
    'wrist from an old image': (lambda b: b.move_wrist(stamp=1), 'STALE_DATA'),
    'other joints': (
        lambda b: b.move_fingers(names=[*b.hand.joint_names[1:], 'thumb']),
        'INVALID_COMMAND',
    ),
    'joints in another order': (
        lambda b: b.move_fingers(names=b.hand.joint_names[::-1]),
        'INVALID_COMMAND',
    ),
    'nothing': (lambda b: b.move_fingers([], []), 'INVALID_COMMAND'),
    'not a number': (lambda b: b.move_fingers([b.middle * np.nan]), 'INVALID_COMMAND'),
    'too short': (lambda b: b.move_fingers([b.middle[:3]]), 'INVALID_COMMAND'),
    'beyond the limits': (
        lambda b: b.move_fingers([b.hand.upper + 0.01], [9.0]),
        'INVALID_COMMAND',
    ),
    'too fast': (lambda b: b.move_fingers(times=[0.05]), 'INVALID_COMMAND'),
    'too fast from one of two starts': (
        lambda b: b.move_fingers(times=[0.1], starts=np.stack([b.start, b.middle + 0.2])),
        'INVALID_COMMAND',
    ),
    'too fast between points': (
        lambda b: b.move_fingers([b.start, b.middle], [1.0, 1.05]),
        'INVALID_COMMAND',
    ),
    'back in time': (lambda b: b.move_fingers([b.middle] * 2, [2.0, 1.0]), 'INVALID_COMMAND'),
    'rest beyond the limits': (
        lambda b: b.move_fingers(rest=b.hand.upper + 0.1, stiffness=b.hand.joint_stiffness),
        'INVALID_COMMAND',
    ),
    'squeeze too strong': (
        lambda b: b.move_fingers(rest=b.middle - 0.15, stiffness=b.hand.joint_stiffness),
        'EFFORT_LIMIT',
    ),
    'squeeze beyond the share': (
        lambda b: (
            b.set(max_effort=0.3),
            b.move_fingers(rest=b.middle - 0.1, stiffness=b.hand.joint_stiffness),
        ),
        'EFFORT_LIMIT',
    ),
    'wrist too fast': (lambda b: b.move_wrist(times=[0.5]), 'INVALID_COMMAND'),
    'wrist turns too fast': (lambda b: b.move_wrist([TURNED], [0.5]), 'INVALID_COMMAND'),
    'wrist too fast at this scale': (lambda b: b.move_wrist(speed_scale=0.5), 'INVALID_COMMAND'),
    'other wrist': (lambda b: b.move_wrist(hand_frame='elbow'), 'INVALID_COMMAND'),
    'wrist nowhere': (lambda b: b.move_wrist(frame=''), 'INVALID_COMMAND'),
    'wrist without points': (lambda b: b.move_wrist([], []), 'INVALID_COMMAND'),
    'wrist without orientation': (lambda b: b.move_wrist([UP * 0.5]), 'OUT_OF_RANGE'),
}


@pytest.mark.parametrize(('ask', 'code'), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_in_order_does_not_leave(bench, ask, code):
    with pytest.raises(DexGraspError) as caught:
        ask(bench)
    assert caught.value.code == ErrorCode[code]
    # Nor is there anything to stop.
    bench.gate.stop()
    bench.spin()
    assert not bench.fingers
    assert not bench.wrists


def test_a_squeeze_leaves_that_its_effort_allows_whatever_the_limits_of_positions(bench):
    top, kp = bench.hand.upper, bench.hand.joint_stiffness
    bench.move_fingers([top + 0.1], starts=top, rest=top, stiffness=kp)  # 0.5 of 0.7 N m
    bench.spin()
    assert list(bench.fingers[0].points[0].positions) == (top + 0.1).tolist()


def test_a_stop_goes_to_what_was_sent_and_only_once(bench):
    bench.move_fingers()
    bench.present = bench.middle - 0.04
    bench.gate.stop()
    bench.gate.stop()
    bench.spin()
    _, stop = bench.fingers
    # Controllers of ros2_control refuse a trajectory without points.
    assert list(stop.points[0].positions) == bench.present.tolist()
    assert list(stop.joint_names) == list(bench.hand.joint_names)
    assert not bench.wrists


def test_a_hand_that_says_nothing_is_stopped_where_it_should_be(bench):
    bench.move_fingers(times=[2.0])  # from the start to the middle, 0.1 rad
    time.sleep(0.5)
    bench.gate.stop()
    bench.spin()
    share = (np.array(bench.fingers[1].points[0].positions) - bench.start) / 0.1
    assert 0.2 < share.min() <= share.max() < 1.0


def test_fingers_that_are_pressed_beyond_their_limits_are_stopped_within(bench):
    bench.move_fingers()
    bench.present = bench.hand.upper + 0.01
    bench.gate.stop()
    bench.spin()
    assert list(bench.fingers[1].points[0].positions) == bench.hand.upper.tolist()


def test_the_same_hand_again_is_where_it_was_sent_and_another_one_is_not(bench):
    bench.move_fingers()
    bench.gate.configure(bench.hand)
    assert bench.gate.finger_target.tolist() == bench.middle.tolist()
    bench.gate.configure(load_hand('barrett'))
    assert bench.gate.finger_target is None


def test_a_stop_leaves_though_commands_are_not_enabled_any_more(bench):
    bench.move_fingers()
    bench.move_wrist()
    bench.set(command_enabled=False)
    bench.active = False
    bench.gate.stop()
    bench.spin()
    assert [len(m.points) for m in bench.fingers] == [1, 1]
    assert [len(m.points) for m in bench.wrists] == [1, 0]
    assert (bench.wrists[1].header.frame_id, *bench.wrists[1].joint_names) == (
        'table',
        bench.hand.hand_frame,
    )


def test_what_has_come_to_rest_needs_no_stop(bench):
    bench.move_fingers([bench.start], [0.0])
    bench.move_wrist([UP], [2.0])
    bench.spin()
    bench.gate.stop(only_moving=True)
    bench.spin()
    assert [len(m.points) for m in bench.fingers] == [1]
    assert [len(m.points) for m in bench.wrists] == [1, 0]


def test_what_is_released_is_not_stopped(bench):
    bench.move_fingers()
    bench.gate.release()
    bench.gate.stop()
    bench.spin()
    assert [len(m.points) for m in bench.fingers] == [1]


def test_where_the_fingers_were_sent_is_known(bench):
    assert bench.gate.finger_target is None
    bench.move_fingers()
    bench.gate.release()
    assert bench.gate.finger_target.tolist() == bench.middle.tolist()
    bench.move_fingers([bench.start], [1.0])
    bench.gate.stop(keep_grip=True)
    assert bench.gate.finger_target.tolist() == bench.start.tolist()
    bench.move_fingers()
    bench.present = bench.start
    bench.gate.stop()
    assert bench.gate.finger_target.tolist() == bench.start.tolist()


def test_the_action_of_a_controller_needs_its_package(bench):
    try:
        import control_msgs.action  # noqa: F401
    except ImportError:
        bench.set(controller_interface='follow_joint_trajectory')
        with pytest.raises(DexGraspError, match='control_msgs'):
            bench.gate.configure(bench.hand)
    else:
        pytest.skip('control_msgs is installed')


def test_no_wrist_leaves_its_workspace(bench):
    away = np.append([0.0, 0, 2.1], UP[3:])
    with pytest.raises(DexGraspError, match=r"2\.1 m from .* 'workspace\.distance'") as info:
        bench.move_wrist(poses=(UP, away), times=(10.0, 60.0))
    assert info.value.code == ErrorCode.OUT_OF_RANGE
    bench.spin()
    assert not bench.wrists
