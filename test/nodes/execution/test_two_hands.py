"""A left and a right hand in one graph, each in a namespace."""

from __future__ import annotations

import contextlib

import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from execute_goals import PARAMETERS, grasp_of, wait_for
from ideal_robot import IdealRobot
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph

HANDS = {'left': 'allegro_left', 'right': 'allegro'}


@pytest.mark.slow  # two more nodes
def test_each_hand_does_what_it_is_told_and_nothing_of_the_other(ros_domain):
    hands = {side: load_hand(name) for side, name in HANDS.items()}
    clients, robots = {}, {}
    options = {'nodes': ['hand_command_node'], 'parameters': {'hand_command_node': PARAMETERS}}
    with contextlib.ExitStack() as stack:
        for side, name in HANDS.items():
            stack.enter_context(start_graph(namespace=side, hand=name, log=print, **options))
            clients[side] = stack.enter_context(
                GraspClient(namespace=side, node_name=f'of_{side}')
            )
            robots[side] = robot = IdealRobot(ros_domain, hands[side], namespace=side)
            stack.callback(robot.close)
            robot.wrist_silent = True  # links of both have one name in `/tf`, and no arm moves
        grasps = {s: grasp_of(clients[s], hands[s]) for s in HANDS}
        for side, client in clients.items():
            client.wait_until_ready(60, grasps=False, reconstruction=False, execution=True)
            wait_for(lambda r=robots[side]: r.node.count_publishers('joint_trajectory'), side)
            robots[side].wait_until_heard()
        of_the_other = clients['left'].execute(grasps['right'], fingers_only=True, timeout=60)
        assert of_the_other.result.error_code == ErrorCode.INVALID_COMMAND
        assert "'allegro'" in of_the_other.result.error_message
        assert not robots['left'].heard and not robots['right'].heard
        handles = {
            s: c.send_execution(ExecuteGrasp.Goal(grasp=grasps[s], fingers_only=True))
            for s, c in clients.items()
        }
        for side, handle in handles.items():
            reply = clients[side].wait_for_result(handle, 120)
            assert reply.status == GoalStatus.STATUS_SUCCEEDED, reply.result.error_message
            told = [list(m.points[-1].positions) for m in robots[side].commands(JointTrajectory)]
            wanted = [list(getattr(grasps[side], n)) for n in ('pregrasp', 'grasp', 'squeeze')]
            assert told == wanted
            assert not robots[side].commands(MultiDOFJointTrajectory)
