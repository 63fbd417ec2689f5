"""The end of `hand_command_node` while a goal of `execute_grasp` is under way."""

from __future__ import annotations

import signal

import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from execute_goals import check_end, grasp_of, start

from dexgrasp_ros.core.errors import ErrorCode


def test_the_end_of_the_node_ends_the_goal_and_stops_the_hand(client, robot, hand, states, graph):
    handle = start(client, robot, grasp_of(client, hand), 'grasp')
    graph['hand_command_node'].send_signal(signal.SIGINT)
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
