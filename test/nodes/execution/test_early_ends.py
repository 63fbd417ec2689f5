"""`execute_grasp`: each way in which a goal can end early, and the stop that goes with it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from execute_goals import (
    call,
    check_end,
    grasp_of,
    put_near,
    set_parameters,
    start,
    wait_for,
)
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode


def test_a_goal_ends_at_its_time_limit(client, robot, hand, states):
    handle = start(client, robot, grasp_of(client, hand), 'pregrasp', time_limit=1.5)
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
