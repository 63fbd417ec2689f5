"""`execute_grasp`: a grasp carried out by an ideal robot, and each way in which it can end."""

from __future__ import annotations

import contextlib
import math
import random
import signal
import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus, GoalStatusArray
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Pose, Vector3
from ideal_robot import IdealRobot
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rosgraph_msgs.msg import Clock as ClockMessage
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Contact, Grasp, GraspArray
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.diagnostics import WARN
from dexgrasp_ros.bridge.geometry import point, pose_array, pose_message, vector
from dexgrasp_ros.bridge.qos import latched_publisher, latched_subscription, standard
from dexgrasp_ros.bridge.trajectories import finger_points, pose_points, turn_angle
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph

PARAMETERS = {
    'command_enabled': True,
    'hold_time': 0.3,
    'wrist_linear_speed': 0.5,
    'wrist_angular_speed': 3.0,
    # The robot's thread may have to wait for a busy machine.
    'joint_state_max_age': 1.0,
    'wrist_max_age': 1.0,
    'tracking_delay': 0.8,
    'settle_timeout': 5.0,
}
PHASES = ['pregrasp', 'grasp', 'squeeze', 'hold', 'lift', 'open']
# m and rad; where the object is, above which the hand points down
OBJECT = np.array([0.5, 0.1, 0.05])
UP = np.array([0.0, 0.0, 1.0])
DOWN = np.array([0.0, 1.0, 0.0, 0.0])


@pytest.fixture(scope='module')
def hand():
    return load_hand('allegro')


@pytest.fixture(scope='module')
def log():
    return []


@pytest.fixture(scope='module')
def graph(module_ros_domain, log):
    parameters = {'hand_command_node': PARAMETERS}
    with start_graph(nodes=['hand_command_node'], parameters=parameters, log=log.append) as nodes:
        yield nodes


@pytest.fixture(scope='module')
def client(graph):
    with GraspClient() as client:
        client.wait_until_ready(60, grasps=False, reconstruction=False, execution=True)
        yield client


@pytest.fixture(scope='module')
def connected_robot(module_ros_domain, hand, client):
    robot = IdealRobot(module_ros_domain, hand)
    wait_for(
        lambda: (
            robot.node.count_publishers('joint_trajectory')
            and robot.node.count_subscribers('joint_states')
            and robot.node.count_subscribers('/tf')
        ),
        'the connection',
    )
    yield robot
    robot.close()


@pytest.fixture
def robot(connected_robot, client):
    set_parameters(client, command_enabled=True, follow_grasps=False)
    time.sleep(0.3)  # until nothing that was said before is on its way
    connected_robot.reset()
    time.sleep(0.2)  # until the node has heard where it is now
    return connected_robot


@pytest.fixture(scope='module')
def states(client):
    """Each state of each goal, in order, as the server publishes them."""
    states = {}

    def take(message):
        for entry in message.status_list:
            seen = states.setdefault(bytes(entry.goal_info.goal_id.uuid), [])
            if not seen or seen[-1][0] != entry.status:
                seen.append((entry.status, time.monotonic()))

    subscription = client.node.create_subscription(
        GoalStatusArray, 'execute_grasp/_action/status', take, latched_subscription(10)
    )
    yield states
    client.node.destroy_subscription(subscription)


def wait_for(condition, what, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f'{what} did not come about'
        time.sleep(0.005)


def grasp_of(client, hand, **changes):
    """A grasp from above whose contacts carry 4 N in all."""
    middle, span = (hand.lower + hand.upper) / 2, hand.upper - hand.lower
    pose, pregrasp, lift = (np.append(OBJECT + height * UP, DOWN) for height in (0.12, 0.17, 0.22))
    contacts = [
        Contact(
            link='link_3.0',
            point=point(OBJECT + np.array([0.03 * side, 0, 0])),
            normal=vector([-side, 0, 0]),
            force=Vector3(x=-2.0 * side, z=0.5),
        )
        for side in (-1.0, 1.0)
    ]
    fields = {
        'object_id': 'brick',
        'hand': hand.name,
        'hand_frame': hand.hand_frame,
        'pose': pose_message(pose),
        'pregrasp_pose': pose_message(pregrasp),
        'lift_pose': pose_message(lift),
        'joint_names': list(hand.joint_names),
        'pregrasp': middle.tolist(),
        'grasp': (middle + 0.1 * span).tolist(),
        'squeeze': (middle + 0.15 * span).tolist(),
        'joint_stiffness': hand.joint_stiffness.tolist(),
        'contacts': contacts,
    } | changes
    grasp = Grasp(**fields)
    grasp.header.frame_id = IdealRobot.FRAME
    grasp.header.stamp = client.node.get_clock().now().to_msg()
    return grasp


def set_parameters(client, node='hand_command_node', **values):
    kinds = {bool: ('bool_value', 1), float: ('double_value', 3)}
    parameters = []
    for name, value in values.items():
        field, kind = kinds[type(value)]
        parameters.append(Parameter(name=name, value=ParameterValue(type=kind, **{field: value})))
    service = client.node.create_client(SetParameters, f'/{node}/set_parameters')
    response = call(client, service, SetParameters.Request(parameters=parameters))
    assert all(r.successful for r in response.results)


def call(client, service, request):
    assert service.wait_for_service(30)
    future = service.call_async(request)
    wait_for(future.done, 'the response')
    client.node.destroy_client(service)
    return future.result()


def test_a_grasp_goes_through_its_phases_within_all_limits(client, robot, hand):
    seen = []
    grasp = grasp_of(client, hand)
    reply = client.execute(
        grasp, speed_scale=0.5, open_at_end=True, feedback=seen.append, timeout=120
    )
    assert reply.result.error_message == ''
    assert (reply.status, reply.result.error_code) == (GoalStatus.STATUS_SUCCEEDED, 0)
    assert reply.result.phase == 'open'
    assert [t.phase for t in reply.result.timing] == PHASES
    assert list(dict.fromkeys(f.phase for f in seen)) == PHASES
    fractions = [f.fraction for f in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0)
    fingers, wrist = robot.commands(JointTrajectory), robot.commands(MultiDOFJointTrajectory)
    targets = [list(m.points[-1].positions) for m in fingers]
    assert targets == [list(getattr(grasp, n)) for n in ('pregrasp', 'grasp', 'squeeze')] + [
        list(grasp.pregrasp)
    ]
    goals = [pose_points(m)[0][-1] for m in wrist]
    wanted = [pose_array(p) for p in (grasp.pregrasp_pose, grasp.pose, grasp.lift_pose)]
    assert np.allclose(goals, wanted)
    # Every stretch, from where the last one ended: the ideal robot is there.
    start, pose = np.clip(np.zeros(16), hand.lower, None), IdealRobot.HOME
    for message in fingers:
        q, times = finger_points(message)
        speeds = (
            np.abs(np.diff(q, axis=0, prepend=start[None])) / np.diff(times, prepend=0)[:, None]
        )
        assert (speeds <= 0.5 * hand.velocity_limits * 1.02).all()
        start = q[-1]
    for message in wrist:
        poses, times = pose_points(message)
        before = np.concatenate([pose[None], poses[:-1]])
        spans = np.diff(times, prepend=0)
        assert (np.linalg.norm(poses[:, :3] - before[:, :3], axis=1) <= 0.25 * spans + 1e-3).all()
        assert (turn_angle(before, poses) <= 1.5 * spans + 1e-3).all()
        pose = poses[-1]
    assert np.allclose(robot.positions, grasp.pregrasp, atol=0.02)
    assert np.allclose(robot.wrist[:3], wanted[-1][:3], atol=0.01)


TERMINAL = {GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_ABORTED, GoalStatus.STATUS_CANCELED}
# So slow and from so near that each phase takes long enough to end the goal in it.
SLOW = {'speed_scale': 0.1, 'hold_time': 1.0}


def put_near(robot, grasp, away=0.15):
    """Place the robot where the pre-grasp is, but for the fingers."""
    robot.place(np.subtract(grasp.pregrasp, away), pose_array(grasp.pregrasp_pose))
    time.sleep(0.3)  # until the node has heard of it


def start(client, robot, grasp, phase, **fields):
    """Send a goal and return once its `phase` has begun."""
    phases = set()
    put_near(robot, grasp)
    fields = SLOW | {'open_at_end': True} | fields
    goal = ExecuteGrasp.Goal(grasp=grasp, **fields)
    handle = client.send_execution(goal, feedback=lambda message: phases.add(message.phase))
    until = time.monotonic() + 60
    while phase not in phases:
        if time.monotonic() > until:
            pytest.fail(f'{phase}: {client.wait_for_result(handle, 5).result.error_message}')
        time.sleep(0.005)
    return handle


def check_end(client, robot, states, handle, status, code, *, fingers_only=False):
    """One terminal state, the right code, and nothing but a stop on each topic at the end.

    The fingers are not stopped where that would drop what they hold.
    """
    reply = client.wait_for_result(handle, 60)
    assert reply.result.error_message.endswith('.')
    assert (reply.status, reply.result.error_code) == (status, code), reply.result.error_message
    uuid = bytes(handle.goal_id.uuid)
    wait_for(lambda: states.get(uuid, [(0, 0)])[-1][0] in TERMINAL, 'a terminal state')
    keeps = reply.result.phase in ('hold', 'lift') and code != ErrorCode.EFFORT_LIMIT
    kinds = [] if fingers_only else [MultiDOFJointTrajectory]
    kinds += [] if keeps else [JointTrajectory]
    wait_for(lambda: all(stopped(robot, kind) for kind in kinds), 'the stop')
    heard = len(robot.heard)
    time.sleep(0.4)
    assert len(robot.heard) == heard
    assert stopped(robot, JointTrajectory) != keeps
    assert [s for s, _ in states[uuid]][-1] == status
    assert sum(s in TERMINAL for s, _ in states[uuid]) == 1
    return reply.result


def stopped(robot, kind):
    assert not robot.refused
    return robot.is_stopped(kind)


def next_phase(phase):
    return PHASES[min(PHASES.index(phase) + 1, len(PHASES) - 1)]


def test_a_time_limit_beyond_all_clocks_is_none(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'pregrasp', time_limit=1e10)
    assert client.cancel(handle)
    check_end(client, robot, states, handle, GoalStatus.STATUS_CANCELED, ErrorCode.CANCELLED)


def test_a_soft_grasp_does_not_talk_the_effort_limit_down(client, robot, hand):
    grasp = grasp_of(client, hand)
    grasp.joint_stiffness = [1e-3] * len(hand.joint_names)
    grasp.squeeze = np.add(grasp.grasp, 10.0).tolist()
    reply = client.execute(grasp, fingers_only=True)
    assert reply.result.error_code == ErrorCode.EFFORT_LIMIT


def test_a_goal_can_be_polled(client, robot, hand):
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    handle = client.send_execution(ExecuteGrasp.Goal(grasp=grasp, hold_time=0.5))
    phases, until = [], time.monotonic() + 120
    while not client.is_complete(handle):
        feedback = client.newest_feedback(handle)
        if feedback is not None and feedback.phase not in phases:
            phases.append(feedback.phase)
        assert time.monotonic() < until
        time.sleep(0.02)
    assert phases == sorted(phases, key=PHASES.index)
    assert 'hold' in phases
    assert client.wait_for_result(handle, 10).succeeded
    assert client.newest_feedback(handle) is None


@pytest.mark.parametrize('phase', PHASES)
def test_a_goal_can_be_cancelled_in_each_phase(client, robot, hand, states, phase):
    handle = start(client, robot, grasp_of(client, hand), phase)
    assert client.cancel(handle)
    result = check_end(
        client, robot, states, handle, GoalStatus.STATUS_CANCELED, ErrorCode.CANCELLED
    )
    assert result.phase in (phase, next_phase(phase))
    assert not client.cancel(handle)


def test_fifty_cancels_at_random_moments_each_end_the_goal_at_once(
    client, robot, hand, states, record_property
):
    delays = random.Random(5)
    latencies, phases = [], []
    for _ in range(50):
        grasp = grasp_of(client, hand)
        put_near(robot, grasp, away=0.45)
        goal = ExecuteGrasp.Goal(grasp=grasp, speed_scale=0.3, hold_time=0.3, open_at_end=True)
        handle = client.send_execution(goal)
        time.sleep(delays.uniform(0.0, 1.8))
        asked = time.monotonic()
        assert client.cancel(handle)
        reply = client.wait_for_result(handle, 60)
        assert reply.status == GoalStatus.STATUS_CANCELED
        assert reply.result.error_code == ErrorCode.CANCELLED
        uuid = bytes(handle.goal_id.uuid)
        wait_for(lambda uuid=uuid: states[uuid][-1][0] in TERMINAL, 'a terminal state')
        latencies.append(states[uuid][-1][1] - asked)
        phases.append(reply.result.phase)
        assert sum(s in TERMINAL for s, _ in states[uuid]) == 1
    spread = np.percentile(latencies, [0, 50, 90, 100])
    record_property('cancel_latency_s', [round(float(x), 4) for x in spread])
    print('cancel to terminal state [s]: least, median, 90 %, most:', spread.round(4))
    print({p: phases.count(p) for p in PHASES})
    # 0.1 s is promised to a machine that has time for it; this one may be busy.
    assert spread[1] < 1.0
    assert spread[-1] < 10.0
    assert len(set(phases)) >= 4


def test_a_newer_goal_takes_the_place_of_the_older_one(client, robot, hand, states):
    grasp = grasp_of(client, hand)
    older = start(client, robot, grasp, 'grasp')
    newer = client.send_execution(ExecuteGrasp.Goal(grasp=grasp, fingers_only=True))
    first, second = client.wait_for_result(older, 60), client.wait_for_result(newer, 60)
    assert first.status == GoalStatus.STATUS_ABORTED
    assert first.result.error_code == ErrorCode.PREEMPTED
    assert second.succeeded
    # The wrist was stopped, and is left alone by the newer goal.
    assert stopped(robot, MultiDOFJointTrajectory)
    for handle in (older, newer):
        uuid = bytes(handle.goal_id.uuid)
        wait_for(lambda uuid=uuid: states[uuid][-1][0] in TERMINAL, 'a terminal state')
        assert sum(s in TERMINAL for s, _ in states[uuid]) == 1


def test_a_goal_ends_at_its_time_limit(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'grasp', time_limit=1.2)
    check_end(client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.TIME_LIMIT)


def test_disabling_commands_ends_the_goal_and_stops_the_hand(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'grasp')
    set_parameters(client, command_enabled=False)
    check_end(client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.COMMAND_DISABLED)


@pytest.mark.parametrize('phase', ['pregrasp', 'grasp', 'hold', 'lift'])
def test_joint_states_that_stop_coming_end_the_goal(client, robot, hand, states, phase):
    handle = start(client, robot, grasp_of(client, hand), phase)
    robot.silent = True
    result = check_end(
        client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.STALE_DATA
    )
    assert 'joint_states' in result.error_message


def test_a_wrist_that_is_heard_of_no_more_ends_the_goal(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'grasp')
    robot.wrist_silent = True
    result = check_end(
        client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.STALE_DATA
    )
    assert hand.hand_frame in result.error_message


@pytest.mark.parametrize('phase', ['pregrasp', 'open'])
def test_a_joint_that_does_not_follow_is_named(client, robot, hand, states, phase):
    grasp = grasp_of(client, hand)
    stuck = hand.joint_names[5]
    if phase == 'pregrasp':
        robot.stuck = (stuck,)
    put_near(robot, grasp, away=0.4)
    goal = ExecuteGrasp.Goal(grasp=grasp, fingers_only=True, open_at_end=True, hold_time=0.3)
    handle = client.send_execution(goal)
    if phase == 'open':
        wait_for(lambda: len(robot.commands(JointTrajectory)) == 3, 'the squeeze')
        wait_for(lambda: np.allclose(robot.positions, grasp.squeeze, atol=0.01), 'its end')
        robot.stuck = (stuck,)
        robot.positions = robot.positions + 0.3  # and does not come back
    result = check_end(
        client,
        robot,
        states,
        handle,
        GoalStatus.STATUS_ABORTED,
        ErrorCode.TRACKING_FAILED,
        fingers_only=True,
    )
    assert f"'{stuck}'" in result.error_message
    assert result.phase == phase


def test_a_wrist_that_does_not_follow_is_named(client, robot, hand, states):
    robot.wrist_stuck = True
    handle = client.send_execution(ExecuteGrasp.Goal(grasp=grasp_of(client, hand)))
    result = check_end(
        client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.TRACKING_FAILED
    )
    assert 'wrist' in result.error_message


def test_fingers_that_the_object_stops_are_what_is_wanted(client, robot, hand):
    grasp = grasp_of(client, hand)
    put_near(robot, grasp, away=0.0)
    robot.stuck = tuple(hand.joint_names[::3])
    seen = []
    reply = client.execute(grasp, hold_time=0.3, feedback=seen.append, timeout=60)
    assert reply.check().phase == 'lift'
    # And the error is told.
    behind = np.subtract(grasp.squeeze, grasp.pregrasp)[::3].max()
    assert max(f.tracking_error for f in seen if f.phase == 'hold') == pytest.approx(
        behind, abs=0.05
    )
    assert {f.tracking_joint for f in seen if f.phase == 'hold'} <= set(robot.stuck)


def test_a_closing_joint_that_goes_the_other_way_is_named(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'grasp')
    robot.stuck = (hand.joint_names[2],)
    robot.positions = robot.positions - 0.4 * np.isin(hand.joint_names, robot.stuck)
    result = check_end(
        client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.TRACKING_FAILED
    )
    assert f"'{robot.stuck[0]}'" in result.error_message
    assert result.phase == 'grasp'


@pytest.mark.parametrize('phase', ['pregrasp', 'hold'])
def test_too_much_effort_ends_the_goal(client, robot, hand, states, phase):
    handle = start(client, robot, grasp_of(client, hand), phase)
    robot.effort = 1.5 * hand.effort_limits.min()
    result = check_end(
        client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.EFFORT_LIMIT
    )
    assert '1.50' in result.error_message


def test_efforts_are_told_as_shares_of_their_limits_where_anybody_reports_them(
    client, robot, hand
):
    grasp = grasp_of(client, hand)
    for effort, share in ((0.35, 0.35 / hand.effort_limits.min()), (None, math.nan)):
        put_near(robot, grasp)
        robot.effort = effort
        time.sleep(0.1)
        seen = []
        client.execute(grasp, fingers_only=True, feedback=seen.append, timeout=60).check()
        # Messages have 32 bits for it.
        assert [f.effort for f in seen] == pytest.approx(
            [share] * len(seen), rel=1e-5, nan_ok=True
        )


def test_nothing_leaves_while_commands_are_not_enabled(client, robot, hand):
    set_parameters(client, command_enabled=False)
    reply = client.execute(grasp_of(client, hand), timeout=60)
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.COMMAND_DISABLED
    time.sleep(0.4)
    assert not robot.heard


def stale(client, hand):
    grasp = grasp_of(client, hand)
    grasp.header.stamp.sec -= 600
    return grasp


def unstamped(client, hand):
    grasp = grasp_of(client, hand)
    grasp.header.stamp = Time()
    return grasp


def in_frame(client, hand, frame):
    grasp = grasp_of(client, hand)
    grasp.header.frame_id = frame
    return grasp


BAD = {
    'old image': (lambda c, h: {'grasp': stale(c, h)}, ErrorCode.STALE_DATA),
    'other joints': (
        lambda c, h: {'grasp': grasp_of(c, h, joint_names=['a'] * 16)},
        ErrorCode.INVALID_COMMAND,
    ),
    'beyond the limits': (
        lambda c, h: {'grasp': grasp_of(c, h, grasp=[9.0] * 16)},
        ErrorCode.INVALID_COMMAND,
    ),
    'not a number': (
        lambda c, h: {'grasp': grasp_of(c, h, squeeze=[math.nan] * 16)},
        ErrorCode.INVALID_COMMAND,
    ),
    'squeeze too strong': (
        lambda c, h: {'grasp': grasp_of(c, h, squeeze=h.upper.tolist())},
        ErrorCode.EFFORT_LIMIT,
    ),
    'no stiffness': (
        lambda c, h: {'grasp': grasp_of(c, h, joint_stiffness=[0.0] * 16)},
        ErrorCode.INVALID_COMMAND,
    ),
    'force too large': (
        lambda c, h: {'grasp': grasp_of(c, h), 'hold_force': 40.0},
        ErrorCode.EFFORT_LIMIT,
    ),
    'force without contacts': (
        lambda c, h: {'grasp': grasp_of(c, h, contacts=[]), 'hold_force': 2.0},
        ErrorCode.INVALID_COMMAND,
    ),
    'too fast': (
        lambda c, h: {'grasp': grasp_of(c, h), 'speed_scale': 1.5},
        ErrorCode.OUT_OF_RANGE,
    ),
    'no speed': (
        lambda c, h: {'grasp': grasp_of(c, h), 'speed_scale': math.nan},
        ErrorCode.OUT_OF_RANGE,
    ),
    'hardly any speed': (
        lambda c, h: {'grasp': grasp_of(c, h), 'speed_scale': 1e-10},
        ErrorCode.OUT_OF_RANGE,
    ),
    'no stamp': (lambda c, h: {'grasp': unstamped(c, h)}, ErrorCode.STALE_DATA),
    'negative limit': (
        lambda c, h: {'grasp': grasp_of(c, h), 'time_limit': -1.0},
        ErrorCode.OUT_OF_RANGE,
    ),
    'other hand': (
        lambda c, h: {'grasp': grasp_of(c, h, hand_frame='claw')},
        ErrorCode.INVALID_COMMAND,
    ),
    'no pose': (lambda c, h: {'grasp': grasp_of(c, h, pose=Pose())}, ErrorCode.INVALID_COMMAND),
    'pose of zeros': (
        lambda c, h: {'grasp': grasp_of(c, h, pose=pose_message([0.0] * 7))},
        ErrorCode.INVALID_COMMAND,
    ),
    'pose without a turn': (
        lambda c, h: {'grasp': grasp_of(c, h, lift_pose=pose_message([*OBJECT, 0, 0, 0, 0]))},
        ErrorCode.INVALID_COMMAND,
    ),
    'hand in itself': (
        lambda c, h: {'grasp': in_frame(c, h, h.hand_frame)},
        ErrorCode.INVALID_COMMAND,
    ),
    'no pregrasp': (
        lambda c, h: {'grasp': grasp_of(c, h, pregrasp_pose=Pose())},
        ErrorCode.INVALID_COMMAND,
    ),
    'no lift': (
        lambda c, h: {'grasp': grasp_of(c, h, lift_pose=Pose())},
        ErrorCode.INVALID_COMMAND,
    ),
    'contacts nowhere': (
        lambda c, h: {'grasp': grasp_of(c, h, contacts=[Contact(point=point([math.nan] * 3))])},
        ErrorCode.OUT_OF_RANGE,
    ),
    'frame on the hand': (
        lambda c, h: {'grasp': in_frame(c, h, 'hand_camera')},
        ErrorCode.TRANSFORM_UNAVAILABLE,
    ),
    'no frame': (lambda c, h: {'grasp': in_frame(c, h, '')}, ErrorCode.INVALID_COMMAND),
    'unknown frame': (
        lambda c, h: {'grasp': in_frame(c, h, 'moon')},
        ErrorCode.TRANSFORM_UNAVAILABLE,
    ),
}


@pytest.fixture(scope='module')
def hand_camera(client, hand):
    """A camera that the hand carries."""
    camera = StaticTransformPublisher(client.node)
    camera.publish(hand.hand_frame, 'hand_camera', 0, np.array([0, 0, 0.1, 0, 0, 0, 1.0]))
    time.sleep(1.0)  # until the node has heard of it


@pytest.mark.parametrize(('make', 'code'), BAD.values(), ids=BAD.keys())
def test_a_bad_goal_is_aborted_with_its_code_before_anything_moves(
    client, robot, hand, hand_camera, make, code
):
    handle = client.send_execution(ExecuteGrasp.Goal(**make(client, hand)))
    reply = client.wait_for_result(handle, 60)
    assert reply.result.error_message.endswith('.')
    assert (reply.status, reply.result.error_code) == (GoalStatus.STATUS_ABORTED, code)
    time.sleep(0.1)
    assert not robot.heard


def test_without_joint_states_nothing_moves(client, robot, hand):
    robot.silent = True
    time.sleep(1.3)
    reply = client.execute(grasp_of(client, hand), timeout=60)
    assert reply.result.error_code == ErrorCode.STALE_DATA
    assert not robot.heard


def test_the_squeeze_is_scaled_to_the_force_that_is_asked_for(client, robot, hand):
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    # The contacts carry 4 N.
    client.execute(grasp, hold_force=3.0, fingers_only=True, timeout=60).check()
    squeeze = robot.commands(JointTrajectory)[-1].points[-1].positions
    wanted = np.add(grasp.grasp, 0.75 * np.subtract(grasp.squeeze, grasp.grasp))
    assert np.allclose(squeeze, wanted)


def test_a_planned_squeeze_is_cut_to_the_effort_limits_and_the_log_says_so(
    client, robot, hand, log
):
    most = hand.effort_limits / hand.joint_stiffness
    grasp = grasp_of(client, hand)
    wanted = np.add(grasp.grasp, 0.5 * most)
    wanted[3] += most[3]
    grasp.squeeze = wanted.tolist()
    put_near(robot, grasp)
    client.execute(grasp, fingers_only=True, timeout=60).check()
    squeeze = robot.commands(JointTrajectory)[-1].points[-1].positions
    wanted[3] = grasp.grasp[3] + most[3]
    assert np.allclose(squeeze, wanted)
    warnings = [line for line in log if 'effort limit' in line]
    assert warnings
    assert f"'{hand.joint_names[3]}' is cut" in warnings[-1]


def test_a_squeeze_may_pass_the_joint_limits_as_far_as_its_effort_allows(client, robot, hand):
    push = 0.9 * hand.effort_limits / hand.joint_stiffness
    grasp = grasp_of(client, hand, grasp=hand.upper.tolist(), squeeze=(hand.upper + push).tolist())
    put_near(robot, grasp)
    client.execute(grasp, fingers_only=True, timeout=60).check()
    squeeze = robot.commands(JointTrajectory)[-1].points[-1].positions
    assert list(squeeze) == list(grasp.squeeze)


def test_with_fingers_only_the_wrist_is_neither_commanded_nor_watched(client, robot, hand):
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    robot.wrist_silent = True
    reply = client.execute(grasp, fingers_only=True, open_at_end=True, timeout=60)
    assert [t.phase for t in reply.check().timing] == [p for p in PHASES if p != 'lift']
    assert not robot.commands(MultiDOFJointTrajectory)


def test_a_goal_may_stop_before_the_lift(client, robot, hand):
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    result = client.execute(grasp, stop_before_lift=True, timeout=60).check()
    assert [t.phase for t in result.timing] == PHASES[:4]
    assert np.allclose(robot.wrist, pose_array(grasp.pose), atol=0.01)
    # It holds: neither the end nor disabling lets go.
    set_parameters(client, command_enabled=False)
    time.sleep(0.3)
    assert list(robot.commands(JointTrajectory)[-1].points[-1].positions) == list(grasp.squeeze)


@pytest.fixture
def grasps(client):
    publisher = client.node.create_publisher(GraspArray, 'grasps', latched_publisher())
    wait_for(publisher.get_subscription_count, 'the subscription')
    yield publisher
    client.node.destroy_publisher(publisher)


def test_grasps_are_followed_only_where_that_is_wanted_and_no_goal_runs(
    client, robot, hand, grasps
):
    grasp = grasp_of(client, hand)
    message = GraspArray(header=grasp.header, grasps=[grasp])
    grasps.publish(message)
    time.sleep(0.5)
    assert not robot.heard
    set_parameters(client, follow_grasps=True)
    handle = start(client, robot, grasp, 'grasp')
    heard = len(robot.commands(JointTrajectory))
    grasps.publish(message)
    time.sleep(0.3)
    assert len(robot.commands(JointTrajectory)) == heard
    client.cancel(handle)
    client.wait_for_result(handle, 60)
    wait_for(lambda: stopped(robot, JointTrajectory), 'the stop')
    grasps.publish(message)
    wait_for(lambda: not stopped(robot, JointTrajectory), 'the command')
    # What was begun unasked is stopped as well.
    set_parameters(client, command_enabled=False)
    wait_for(lambda: stopped(robot, JointTrajectory), 'the stop')


def test_new_grasps_do_not_open_a_hand_that_was_told_to_hold(client, robot, hand, grasps, log):
    set_parameters(client, follow_grasps=True)
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    assert client.execute(grasp, fingers_only=True, hold_time=0.1, timeout=60).succeeded
    heard = len(robot.heard)
    grasps.publish(GraspArray(header=grasp.header, grasps=[grasp]))
    wait_for(lambda: any('Did not follow' in line for line in log), 'the line in the log')
    time.sleep(0.3)
    assert len(robot.heard) == heard
    reply = client.execute(grasp, fingers_only=True, hold_time=0.1, open_at_end=True, timeout=60)
    assert reply.succeeded
    heard = len(robot.heard)
    grasps.publish(GraspArray(header=grasp.header, grasps=[grasp]))
    wait_for(lambda: len(robot.heard) > heard, 'the command')


def test_a_first_move_is_slow_enough_from_where_the_last_goal_left_the_controller(
    client, robot, hand
):
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    assert client.execute(grasp, fingers_only=True, hold_time=0.1, timeout=60).succeeded
    # An object that is stiffer than the controller holds the fingers where they started.
    put_near(robot, grasp, away=0.0)
    heard = len(robot.heard)
    handle = client.send_execution(ExecuteGrasp.Goal(grasp=grasp, fingers_only=True, **SLOW))
    wait_for(lambda: len(robot.heard) > heard, 'the first move')
    client.cancel(handle)
    client.wait_for_result(handle, 60)
    points, times = finger_points(robot.heard[heard])
    ways = np.abs(np.subtract(points[0], grasp.squeeze))
    allowed = SLOW['speed_scale'] * hand.velocity_limits * times[0]
    assert (ways <= allowed * 1.01 + 1e-3).all()


def test_a_refused_goal_does_not_let_go_of_what_the_hand_holds(client, robot, hand, grasps):
    set_parameters(client, follow_grasps=True)
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    grasps.publish(GraspArray(header=grasp.header, grasps=[grasp]))
    wait_for(lambda: np.allclose(robot.positions, grasp.squeeze, atol=0.01), 'the squeeze')
    time.sleep(0.2)
    reply = client.execute(stale(client, hand), timeout=60)
    assert reply.result.error_code == ErrorCode.STALE_DATA
    time.sleep(0.3)
    assert len(robot.heard) == 1


def test_diagnostics_tell_what_a_commander_asks_first(client, robot, hand):
    newest = {}

    def take(message):
        for status in message.status:
            newest[status.name] = (status, {v.key: v.value for v in status.values})

    subscription = client.node.create_subscription(
        DiagnosticArray, '/diagnostics', take, standard()
    )
    name = '/hand_command_node: commands'
    client.execute(stale(client, hand), timeout=60)

    def says(text, **values):
        status, found = newest.get(name, (None, {}))
        return (
            status is not None
            and text in status.message
            and all(part in found[key.replace('_', ' ')] for key, part in values.items())
        )

    wait_for(lambda: says('Ready', commands_enabled='True', last_goal='STALE_DATA'), 'its end')
    assert float(newest[name][1]['age of joint states [s]']) < 1.0
    robot.silent = True
    wait_for(lambda: says('old') and newest[name][0].level == WARN, 'the warning')
    set_parameters(client, command_enabled=False)
    wait_for(lambda: says('not enabled', commands_enabled='False'), 'the news')
    client.node.destroy_subscription(subscription)


def test_motions_take_the_time_of_a_simulation(module_ros_domain, hand, client):
    """Own nodes in a namespace, whose clock runs at twice the speed and then stands still."""
    # All robots share /tf, so only fingers move here.
    pace = [2.0]
    with (
        start_graph(
            nodes=['hand_command_node'],
            namespace='simulated',
            parameters={'hand_command_node': PARAMETERS | {'use_sim_time': True}},
            log=print,
        ),
        GraspClient(namespace='simulated', node_name='simulated_client') as own,
        simulated_clock(own.node, pace) as now,
    ):
        own.wait_until_ready(60, grasps=False, reconstruction=False, execution=True)
        robot = IdealRobot(module_ros_domain, hand, namespace='simulated', use_sim_time=True)
        robot.wrist_silent = True
        wait_for(
            lambda: (
                robot.node.count_publishers('joint_trajectory')
                and robot.node.count_subscribers('joint_states')
                and robot.node.get_clock().now().nanoseconds
            ),
            'the connection',
        )
        time.sleep(0.5)
        grasp = grasp_of(client, hand)
        grasp.header.stamp.sec, grasp.header.stamp.nanosec = divmod(now(), 10**9)
        begin = now()
        seen = []
        slow = {'fingers_only': True, 'speed_scale': 0.2, 'hold_time': 1.0}
        result = own.execute(grasp, **slow, feedback=seen.append, timeout=120).check()
        simulated = (now() - begin) / 1e9
        # The trajectories' own times and the rest.
        planned = sum(finger_points(m)[1][-1] for m in robot.commands(JointTrajectory))
        assert simulated >= planned + 1.0 - 0.05
        # In half the time that the clock on the wall shows.
        assert sum(t.seconds for t in result.timing) < 0.75 * simulated
        # Where the clock stands still, the limit still ends the goal.
        goal = ExecuteGrasp.Goal(grasp=grasp, time_limit=1.5, **slow)
        handle = own.send_execution(goal)
        pace[0] = 0.0
        reply = own.wait_for_result(handle, 60)
        assert reply.result.error_code == ErrorCode.TIME_LIMIT
        robot.close()


@contextlib.contextmanager
def simulated_clock(node, pace):
    """Publish `/clock` every 10 ms, at ``pace[0]`` times the speed of the one on the wall."""
    publisher = node.create_publisher(ClockMessage, '/clock', standard())
    time_now, end = [1000 * 10**9], threading.Event()

    def run():
        last = time.monotonic()
        while not end.wait(0.01):
            new = time.monotonic()
            time_now[0] += int(pace[0] * (new - last) * 1e9)
            last = new
            stamp = time_now[0]
            message = ClockMessage()
            message.clock.sec, message.clock.nanosec = divmod(stamp, 10**9)
            publisher.publish(message)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lambda: time_now[0]
    finally:
        end.set()
        thread.join()
        node.destroy_publisher(publisher)


def test_an_inactive_node_rejects_goals_and_ends_the_one_under_way(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'grasp')
    change_state(client, Transition.TRANSITION_DEACTIVATE)
    check_end(client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.PREEMPTED)
    with pytest.raises(DexGraspError, match='not active'):
        client.execute(grasp_of(client, hand))
    change_state(client, Transition.TRANSITION_ACTIVATE)
    put_near(robot, grasp_of(client, hand))
    assert client.execute(grasp_of(client, hand), fingers_only=True, timeout=60).succeeded


def change_state(client, transition):
    service = client.node.create_client(ChangeState, '/hand_command_node/change_state')
    request = ChangeState.Request(transition=Transition(id=transition))
    assert call(client, service, request).success


# The last test: it ends the node.
def test_the_end_of_the_node_ends_the_goal_and_stops_the_hand(client, robot, hand, states, graph):
    handle = start(client, robot, grasp_of(client, hand), 'grasp')
    graph['hand_command_node'].send_signal(signal.SIGINT)
    check_end(client, robot, states, handle, GoalStatus.STATUS_ABORTED, ErrorCode.PREEMPTED)
    assert graph['hand_command_node'].wait(30) == 0
