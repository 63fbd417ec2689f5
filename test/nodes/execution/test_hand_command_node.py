"""`hand_command_node`: what moves the hand, and above all what does not."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from geometry_msgs.msg import Pose
from lifecycle_msgs.srv import GetState
from live_grasps import LiveGrasps
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_msgs.msg import Grasp, GraspArray
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.nodes.graph import start_graph

SPEED_SCALE = 0.5  # the node's default
STATE_AGE = 0.5  # s; the same


@pytest.fixture(scope='module')
def bench(module_ros_domain):
    log = []
    parameters = {'hand_command_node': {'follow_grasps': True}}
    with (
        start_graph(nodes=['hand_command_node'], parameters=parameters, log=log.append),
        GraspClient() as client,
    ):
        bench = Bench(client.node, log)
        yield bench


class Bench:
    """Publishes grasps and joint states, and hears trajectories and the log."""

    def __init__(self, node, log):
        self.node, self.log, self.heard = node, log, []
        self._said = -np.inf
        self._grasps = LiveGrasps(node)
        self._states = node.create_publisher(JointState, 'joint_states', 10)
        node.create_subscription(JointTrajectory, 'joint_trajectory', self.heard.append, 10)
        wait_for(
            lambda: (
                self._states.get_subscription_count() and node.count_publishers('joint_trajectory')
            )
        )
        wait_for(lambda: self._call(GetState, 'get_state').current_state.label == 'active')

    def enable(self, value):
        parameter = Parameter(
            name='command_enabled', value=ParameterValue(type=1, bool_value=value)
        )
        request = SetParameters.Request(parameters=[parameter])
        assert self._call(SetParameters, 'set_parameters', request).results[0].successful

    def send(self, grasp, age=0.0):
        stamp = self.node.get_clock().now().nanoseconds - int(age * 1e9)
        grasp.header.stamp.sec, grasp.header.stamp.nanosec = divmod(stamp, 10**9)
        self.heard.clear()
        self.log.clear()
        return self._grasps.publish(grasp)

    def send_again(self, message):
        self.heard.clear()
        self._grasps.publish_again(message)

    def say_where(self, names, positions):
        stamp = self.node.get_clock().now().to_msg()
        state = JointState(name=names, position=positions)
        state.header.stamp = stamp
        self._states.publish(state)
        self._said = time.monotonic()

    def wait_until_heard(self):
        """Return once what was sent has come to the node, and what it sent then, here."""
        for _ in range(3):
            self._call(GetState, 'get_state')

    def wait_until_forgotten(self):
        """Return once no joint state counts any more."""
        wait_for(lambda: time.monotonic() > self._said + 2 * STATE_AGE)

    def _call(self, kind, name, request=None):
        client = self.node.create_client(kind, f'/hand_command_node/{name}')
        assert client.wait_for_service(60)
        future = client.call_async(request or kind.Request())
        wait_for(future.done)
        self.node.destroy_client(client)
        return future.result()


def wait_for(condition, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def grasp_of(hand, /, **changes):
    middle = (hand.lower + hand.upper) / 2
    span = hand.upper - hand.lower
    fields = {
        'hand': hand.name,
        'hand_frame': hand.hand_frame,
        'joint_names': list(hand.joint_names),
        'pregrasp': middle.tolist(),
        'grasp': (middle + 0.1 * span).tolist(),
        'squeeze': (middle + 0.15 * span).tolist(),
    } | changes
    return Grasp(**fields)


def nowhere():
    """A pose that is none."""
    pose = Pose()
    pose.position.y = float('nan')
    return pose


def seconds(point):
    return point.time_from_start.sec + point.time_from_start.nanosec / 1e9


def test_nothing_moves_until_commands_are_enabled(bench, hand):
    bench.enable(False)
    bench.send(grasp_of(hand))
    bench.wait_until_heard()
    assert not bench.heard
    # Nor does the grasp that came before.
    bench.enable(True)
    bench.wait_until_heard()
    assert not bench.heard


def test_no_joint_is_asked_for_more_than_its_speed(bench, hand):
    bench.enable(True)
    bench.wait_until_forgotten()
    bench.send(grasp_of(hand))
    wait_for(lambda: bench.heard)
    points = bench.heard[0].points
    assert list(bench.heard[0].joint_names) == list(hand.joint_names)
    for before, after in itertools.pairwise(points):
        speed = np.abs(np.subtract(after.positions, before.positions)) / (
            seconds(after) - seconds(before)
        )
        assert (speed <= SPEED_SCALE * hand.velocity_limits * (1 + 1e-6)).all()
        assert (speed / hand.velocity_limits).max() == pytest.approx(SPEED_SCALE, rel=1e-3)
    # Nobody said where the hand is: time enough to come from any posture.
    farthest = (hand.upper - hand.lower) / 2 / hand.velocity_limits / SPEED_SCALE
    assert seconds(points[0]) >= farthest.max() - 1e-6


def test_it_starts_from_where_the_hand_is_or_was_sent_to(bench, hand):
    bench.enable(True)
    grasp = grasp_of(hand)
    bench.send(grasp)
    wait_for(lambda: bench.heard)
    sent = np.array(bench.heard[0].points[-1].positions)
    # The hand is at the pregrasp, and its controller may go on from the squeeze before.
    longest = np.abs(sent - grasp.pregrasp) / hand.velocity_limits / SPEED_SCALE
    until = time.monotonic() + 30
    first = np.inf
    while first > longest.max() + 0.01 and time.monotonic() < until:
        bench.say_where(list(hand.joint_names)[::-1], list(grasp.pregrasp)[::-1])
        time.sleep(0.1)
        bench.send(grasp)
        wait_for(lambda: bench.heard)
        first = seconds(bench.heard[0].points[0])
    assert first == pytest.approx(longest.max(), abs=1e-3)


@pytest.mark.parametrize(
    ('changes', 'age', 'words'),
    [
        ({}, 600.0, 'old'),
        ({'joint_names': ['a'] * 16}, 0.0, "'a'"),
        ({'grasp': [99.0] * 16}, 0.0, 'limits'),
        ({'squeeze': [float('nan')] * 16}, 0.0, 'finite'),
        ({'pregrasp': [0.0]}, 0.0, 'pregrasp'),
        ({'hand': 'allegro_left'}, 0.0, "planned for 'allegro_left'"),
        ({'hand_digest': 'f' * 64}, 0.0, 'digest ffffffffffff'),
        ({'pose': nowhere()}, 0.0, "'pose.position.y'"),
        ({'lift_pose': nowhere()}, 0.0, "'lift_pose.position.y'"),
        ({'object_id': 'x' * 300}, 0.0, '300 bytes'),
    ],
    ids=[
        *('stale', 'other joints', 'beyond the limits', 'not a number', 'too short', 'other hand'),
        *('other digest', 'no pose', 'no lift', 'endless name'),
    ],
)
def test_what_must_not_move_the_hand_does_not(bench, hand, changes, age, words):
    bench.enable(True)
    bench.send(grasp_of(hand, **changes), age)
    wait_for(lambda: any('No command' in line for line in bench.log))
    assert any('No command' in line and words in line for line in bench.log)
    assert not bench.heard


def test_what_is_replayed_never_moves_the_hand(bench, hand):
    bench.enable(True)
    live = bench.send(grasp_of(hand, hand_digest=hand.digest))
    wait_for(lambda: bench.heard)
    # Again, as it was and with other stamps, before and after grasps that are live.
    for _ in range(2):
        for stamp in (live.header.stamp, bench.node.get_clock().now().to_msg()):
            live.header.stamp = live.grasps[0].header.stamp = stamp
            bench.send_again(live)
            bench.wait_until_heard()
            assert not bench.heard
        bench.send(grasp_of(hand))
        wait_for(lambda: bench.heard)
    # Nor does one that came while nothing was to move.
    bench.enable(False)
    live = bench.send(grasp_of(hand))
    bench.wait_until_heard()
    bench.enable(True)
    bench.log.clear()

    def told():
        bench.send_again(live)  # again, since errors are told once a second
        return any('follow_token' in line for line in bench.log)

    wait_for(told)
    bench.wait_until_heard()
    assert not bench.heard


def test_grasps_from_before_the_node_began_move_nothing(ros_domain, hand):
    parameters = {'hand_command_node': {'follow_grasps': True, 'command_enabled': True}}
    with GraspClient() as client:
        node, log = client.node, []
        grasps = node.create_publisher(GraspArray, 'grasps', latched_publisher())
        grasp = grasp_of(hand)
        grasp.header.stamp = node.get_clock().now().to_msg()
        grasps.publish(GraspArray(header=grasp.header, grasps=[grasp]))
        with start_graph(nodes=['hand_command_node'], parameters=parameters, log=log.append):
            bench = Bench(node, log)
            bench.wait_until_heard()
            assert not bench.heard
            bench.send(grasp)  # those that come now do
            wait_for(lambda: bench.heard)
