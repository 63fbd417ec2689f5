"""What the controller of the fingers says, and what an execution makes of it; without DDS."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from rclpy.exceptions import InvalidTopicNameException
from sensor_msgs.msg import JointState

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.trajectories import finger_trajectory
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.execution import finger_actions
from dexgrasp_ros.nodes.execution.command_gate import CommandGate
from dexgrasp_ros.nodes.execution.goal import Execution
from dexgrasp_ros.nodes.execution.joint_feed import JointFeed
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters
from dexgrasp_ros.nodes.shared.worker import settle

GRIPPER = Path(__file__).resolve().parents[3] / 'docs' / 'hands' / 'simple_gripper.urdf'
START = 100.0  # s, of the clock
SUCCEEDED, ABORTED = GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_ABORTED


class Later:
    """A future whose outcome the test decides; the rclpy one needs an executor."""

    def __init__(self):
        self._value, self._callbacks = None, []

    def add_done_callback(self, callback):
        self._callbacks.append(callback)

    def set_result(self, value):
        self._value = value
        for callback in self._callbacks:
            callback(self)

    def done(self):
        return self._value is not None

    def result(self):
        return self._value


class Client:
    """An action client whose server is the test."""

    def __init__(self, _node, kind, name):
        self.kind, self.name, self.is_there, self.sent = kind, name, True, []

    def server_is_ready(self):
        return self.is_there

    def send_goal_async(self, goal):
        self.sent.append(SimpleNamespace(goal=goal, answer=Later(), end=Later(), handle=Mock()))
        return self.sent[-1].answer

    def destroy(self):
        self.is_there = False

    def accept(self, number=-1, accepted=True):
        sent = self.sent[number]
        sent.handle.accepted = accepted
        sent.handle.get_result_async.return_value = sent.end
        settle(sent.answer, sent.handle)

    def end(self, status=SUCCEEDED, number=-1, **result):
        fields = {'error_code': 0, 'error_string': '', 'stalled': False, 'reached_goal': True}
        settle(
            self.sent[number].end,
            SimpleNamespace(status=status, result=SimpleNamespace(**{**fields, **result})),
        )


@pytest.fixture(scope='module')
def gripper():
    return load_hand(GRIPPER)


@pytest.fixture
def clients(monkeypatch):
    """All action clients, in order; the types are stand-ins that keep their fields."""
    kinds = {
        name: type(name, (SimpleNamespace,), {'Goal': type('Goal', (SimpleNamespace,), {})})
        for name in ('FollowJointTrajectory', 'ParallelGripperCommand', 'GripperCommand')
    }
    others = {n: type(n, (SimpleNamespace,), {}) for n in ('GripperCommand', 'JointTolerance')}
    for part, types in (('action', kinds), ('msg', others)):
        module = ModuleType(f'control_msgs.{part}')
        vars(module).update(types)
        monkeypatch.setitem(sys.modules, 'control_msgs', ModuleType('control_msgs'))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    made = []

    def make(*args):
        made.append(Client(*args))
        return made[-1]

    monkeypatch.setattr(finger_actions, 'ActionClient', make)
    return made


class Bench:
    """A gate and an execution of the gripper, whose clock and joints the test moves."""

    def __init__(self, hand, **parameters):
        self.hand, self.now = hand, START
        self.config = HandCommandParameters(command_enabled=True, hold_time=0.1, **parameters)
        self.failures, self.feed = [], JointFeed(hand.joint_names)
        node = Mock()
        node.get_clock.return_value.now.side_effect = lambda: Mock(nanoseconds=self.nanoseconds)
        self.gate = CommandGate(
            node, lambda: self.config, lambda: True, self.failures.append, lambda: None
        )
        self.gate.configure(hand)

    @property
    def nanoseconds(self):
        return round(1e9 * self.now)

    def start(self, **fields):
        self.be(0.04)
        grasp = Grasp(
            header=header('table', self.nanoseconds),
            hand=self.hand.name,
            joint_names=list(self.hand.joint_names),
            pregrasp=[0.03],
            grasp=[0.02],
            squeeze=[0.018],
        )
        goal = ExecuteGrasp.Goal(grasp=grasp, fingers_only=True, speed_scale=1.0, **fields)
        self.execution = Execution(
            goal,
            self.hand,
            lambda: self.config,
            self.gate,
            self.feed,
            Mock(),
            lambda: self.nanoseconds,
            Mock(),  # no wrist is led anywhere
        )
        self.execution.start()

    def be(self, position):
        stamp = header('', self.nanoseconds)
        self.feed.take(
            JointState(header=stamp, name=list(self.hand.joint_names), position=[position])
        )

    def run(self, seconds, position):
        """Tick for so long with the joint at a position; whether the last phase is over."""
        until, over = self.now + seconds, False
        while self.now < until and not over:
            self.now += 0.05
            self.be(position)
            over = self.execution.tick()
        return over


def test_a_motion_has_not_arrived_before_its_controller_says_so(gripper, clients):
    bench = Bench(gripper, controller_interface='follow_joint_trajectory', settle_timeout=2.0)
    bench.start()
    (client,) = clients
    client.accept()
    bench.run(1.5, 0.03)
    assert bench.execution.phase == 'pregrasp' and len(client.sent) == 1
    client.end()
    bench.run(0.1, 0.03)
    assert bench.execution.phase == 'grasp'
    assert list(client.sent[1].goal.trajectory.points[0].positions) == [0.02]


def test_a_controller_that_aborts_after_the_arrival_has_not_done_it(gripper, clients):
    bench = Bench(gripper, controller_interface='follow_joint_trajectory')
    bench.start()
    clients[0].accept()
    bench.run(1.0, 0.03)
    clients[0].end(ABORTED, error_code=-5, error_string='goal tolerance violated')
    assert 'goal tolerance violated' in bench.failures[0]
    assert bench.execution.phase == 'pregrasp'


def test_a_controller_that_never_answers_ends_the_goal(gripper, clients):
    bench = Bench(gripper, controller_interface='follow_joint_trajectory', settle_timeout=1.0)
    bench.start()
    clients[0].accept()
    with pytest.raises(DexGraspError, match='controller') as caught:
        bench.run(5.0, 0.03)
    assert caught.value.code == ErrorCode.TRACKING_FAILED


def test_where_free_fingers_have_arrived_is_for_the_controller_to_say(gripper, clients):
    """It is 6 mm off, more than the 2.5 mm that are our own tolerance."""
    bench = Bench(gripper, controller_interface='follow_joint_trajectory')
    bench.start()
    clients[0].accept()
    clients[0].end()
    bench.run(0.5, 0.036)
    assert bench.execution.phase == 'grasp'


def test_success_with_an_error_code_is_none(gripper, clients):
    bench = Bench(gripper, controller_interface='follow_joint_trajectory')
    bench.start()
    clients[0].accept()
    clients[0].end(error_code=-4, error_string='path tolerance violated')
    assert 'path tolerance violated' in bench.failures[0]


def test_only_the_newest_motion_is_answered(gripper, clients):
    bench = Bench(gripper, controller_interface='follow_joint_trajectory')
    bench.start()
    bench.gate.stop()
    (client,) = clients
    client.accept(0)  # accepted late, when another one has been sent
    client.sent[0].handle.cancel_goal_async.assert_called_once_with()
    client.accept(1)
    client.end(ABORTED, number=0, error_string='preempted')
    assert not bench.failures
    client.end(ABORTED, number=1, error_string='motor too hot')
    assert 'motor too hot' in bench.failures[0]


@pytest.mark.parametrize('kind', ['parallel_gripper_command', 'gripper_command'])
def test_a_gripper_is_sent_from_posture_to_posture(gripper, clients, kind):
    bench = Bench(gripper, controller_interface=kind, controller='/left/gripper_controller')
    bench.start()
    (client,) = clients
    assert client.name == '/left/gripper_controller/gripper_cmd'

    def told():
        command = client.sent[-1].goal.command
        if kind == 'gripper_command':
            return command.position, command.max_effort
        assert command.name == list(gripper.joint_names)
        assert list(command.velocity) == pytest.approx(gripper.velocity_limits)
        return command.position[0], command.effort[0]

    # What it may press with: all it has, and in the squeeze what the grasp is planned with.
    for position, effort, at in ((0.03, 60.0, 0.03), (0.02, 60.0, 0.021)):
        assert told() == (pytest.approx(position), pytest.approx(effort))
        client.accept()
        # Quicker than the trajectory, and in the end held up by the object.
        client.end(
            ABORTED if at != position else SUCCEEDED,
            stalled=at != position,
            reached_goal=at == position,
        )
        bench.run(0.7, at)
    assert told() == (pytest.approx(0.018), pytest.approx(24.0))
    client.accept()
    client.end(ABORTED, stalled=True, reached_goal=False)
    assert bench.run(2.0, 0.021)
    assert not bench.failures


def test_a_gripper_that_stalls_where_nothing_should_be_has_failed(gripper, clients):
    bench = Bench(gripper, controller_interface='parallel_gripper_command')
    bench.start()
    clients[0].accept()
    clients[0].end(SUCCEEDED, stalled=True, reached_goal=False)  # as `allow_stalling` has it
    assert 'stalled' in bench.failures[0]


def test_grippers_have_one_joint_and_one_posture_at_a_time(gripper, hand, clients):
    with pytest.raises(DexGraspError, match='moves one joint') as caught:
        Bench(hand, controller_interface='gripper_command')
    assert caught.value.code == ErrorCode.INVALID_COMMAND
    bench = Bench(gripper, controller_interface='gripper_command')
    with pytest.raises(DexGraspError, match='follow_grasps'):
        bench.gate.send_fingers(
            finger_trajectory(gripper.joint_names, [[0.03], [0.02]], [1.0, 2.0]),
            starts=np.array([[0.04]]),
            speed_scale=1.0,
        )
    assert not clients[0].sent


def test_one_parameter_names_topic_or_action(gripper, clients):
    assert topic_of(Bench(gripper)) == 'joint_trajectory'
    assert topic_of(Bench(gripper, controller='hand_controller')) == (
        'hand_controller/joint_trajectory'
    )
    Bench(gripper, controller='hand_controller', controller_interface='follow_joint_trajectory')
    assert clients[0].name == 'hand_controller/follow_joint_trajectory'


def topic_of(bench):
    calls = bench.gate._node.create_publisher.call_args_list
    (name,) = {call.args[1] for call in calls} - {'wrist_trajectory'}
    return name


def test_a_name_that_is_none_says_what_was_expected(gripper, clients, monkeypatch):
    monkeypatch.setattr(
        finger_actions,
        'ActionClient',
        Mock(side_effect=InvalidTopicNameException('hand controller', 'a blank', 4)),
    )
    with pytest.raises(DexGraspError, match="'hand controller'; expected the name"):
        Bench(
            gripper,
            controller='hand controller',
            controller_interface='follow_joint_trajectory',
        )


def test_the_way_to_the_controller_is_kept_when_the_hand_changes(gripper, clients):
    """A new client or publisher would not be known to the controller at first."""
    bench = Bench(gripper, controller_interface='follow_joint_trajectory')
    bench.start()
    bench.gate.configure(gripper)
    (client,) = clients
    client.accept()
    client.end(ABORTED)  # of the hand before
    assert not bench.failures and client.is_there
