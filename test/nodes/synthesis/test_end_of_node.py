"""The end of `grasp_node` while a goal is under way."""

from __future__ import annotations

import signal
import threading

import pytest

pytest.importorskip('rclpy')

import trimesh
from action_msgs.msg import GoalStatus

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_message
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.nodes.graph import start_graph

Goal = SynthesizeGrasps.Goal


def long_search() -> Goal:
    """It takes minutes."""
    box = trimesh.creation.box((0.06, 0.06, 0.1))
    goal = Goal(source=Goal.SOURCE_MESH, mesh=mesh_message(box.vertices, box.faces))
    goal.mesh_pose.header.frame_id = 'table'
    goal.seed_count = 512
    return goal


@pytest.mark.parametrize(
    ('goal', 'phase'),
    [pytest.param(Goal(label=5), None, marks=pytest.mark.slow), (long_search(), 'optimize')],
    ids=['it waits for a reconstruction node', 'it searches'],
)
def test_a_goal_gets_its_result_before_the_node_ends(ros_domain, goal, phase):
    with start_graph(nodes=['grasp_node'], log=print) as processes, GraspClient() as client:
        client.wait_until_ready(300, reconstruction=False)
        under_way = threading.Event()

        def feedback(message):
            if message.phase == phase:
                under_way.set()

        handle = client.send_goal(goal, feedback=feedback)
        assert phase is None or under_way.wait(120)
        processes['grasp_node'].send_signal(signal.SIGINT)
        reply = client.wait_for_result(handle, 60)
        assert reply.status == GoalStatus.STATUS_ABORTED
        assert reply.result.error_code == ErrorCode.PREEMPTED
        assert processes['grasp_node'].wait(60) == 0
