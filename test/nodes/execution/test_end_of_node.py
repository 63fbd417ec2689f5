"""The end of `hand_command_node` while a goal of `execute_grasp` is under way."""

from __future__ import annotations

import signal
import time

import pytest

pytest.importorskip('rclpy')

import numpy as np
from action_msgs.msg import GoalStatus
from execute_goals import PARAMETERS, PHASES, check_end, grasp_of, put_near, start, wait_for
from ideal_robot import IdealRobot
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.nodes.graph import start_graph

REST = 'rest'
KILLED = [p if p == 'grasp' else pytest.param(p, marks=pytest.mark.slow) for p in [REST, *PHASES]]
READY = {'grasps': False, 'reconstruction': False, 'execution': True}


def test_the_end_of_the_node_ends_the_goal_and_stops_the_hand(client, robot, hand, states, graph):
    handle = start(client, robot, grasp_of(client, hand), 'grasp')
    graph['hand_command_node'].send_signal(signal.SIGTERM)
    begin = time.monotonic()
    check_end(
        client,
        robot,
        states,
        handle,
        GoalStatus.STATUS_ABORTED,
        ErrorCode.PREEMPTED,
        node_has_ended=True,
    )
    assert graph['hand_command_node'].wait(30) == 0
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize('phase', KILLED)
def test_a_node_that_was_killed_moves_nothing_when_it_begins_again(ros_domain, hand, phase):
    """What was sent is carried to its end, and the hand stays there; then it obeys again."""
    parameters = {'hand_command_node': {**PARAMETERS, 'follow_grasps': True}}
    options = {'nodes': ['hand_command_node'], 'parameters': parameters, 'log': print}
    robot = IdealRobot(ros_domain, hand)
    with start_graph(**options) as graph, GraspClient() as client:
        client.wait_until_ready(240, **READY)
        wait_for(lambda: robot.node.count_publishers('joint_trajectory'), 'the connection')
        robot.wait_until_heard()
        target = robot.positions
        if phase != REST:
            start(client, robot, grasp_of(client, hand), phase)
            robot.wait_until_heard()  # the command that begins the phase
            target = robot.commands(JointTrajectory)[-1].points[-1].positions
        graph['hand_command_node'].kill()
        graph['hand_command_node'].wait(30)
        wait_for(lambda: np.allclose(robot.positions, target), 'the end of what was sent')
    # For half a minute the old ones would take the dead node for a living one.
    again = IdealRobot(ros_domain, hand)
    again.place(robot.positions, robot.wrist)
    robot.close()
    with start_graph(**options), GraspClient() as client:
        client.wait_until_ready(240, **READY)
        wait_for(lambda: again.node.count_publishers('joint_trajectory'), 'the next node')
        for _ in range(3):
            again.wait_until_heard()
        assert not again.heard
        np.testing.assert_allclose(again.positions, target)
        if phase == REST:
            put_near(again, grasp := grasp_of(client, hand))
            assert client.execute(grasp, hold_time=0.1, timeout=60).succeeded
    again.close()
