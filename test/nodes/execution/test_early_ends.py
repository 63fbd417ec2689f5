"""`execute_grasp`: each way in which a goal can end early, and the stop that goes with it."""

from __future__ import annotations

import random
import signal
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from execute_goals import (
    PHASES,
    TERMINAL,
    call,
    check_end,
    grasp_of,
    put_near,
    set_parameters,
    start,
    stopped,
    wait_for,
)
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode


def next_phase(phase):
    return PHASES[min(PHASES.index(phase) + 1, len(PHASES) - 1)]


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


def test_a_time_limit_beyond_all_clocks_is_none(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'pregrasp', time_limit=1e10)
    assert client.cancel(handle)
    check_end(client, robot, states, handle, GoalStatus.STATUS_CANCELED, ErrorCode.CANCELLED)


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
