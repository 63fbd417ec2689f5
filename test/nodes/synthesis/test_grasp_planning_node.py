"""`plan_grasps` over real DDS; needs grasping_msgs and moveit_msgs, and says so without them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Pose
from rclpy.action import ActionClient
from shape_msgs.msg import SolidPrimitive

from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import header, pose_array
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph

ABSENT = [p for p in ('grasping_msgs', 'moveit_msgs') if importlib.util.find_spec(p) is None]
MOUNT = np.array([0.0, 0, 0.07, 0, 0, 0, 1])


@pytest.mark.skipif(not ABSENT, reason='its packages are installed')
def test_without_its_packages_the_node_says_what_to_install(ros_domain):
    done = subprocess.run(
        [sys.executable, '-m', 'dexgrasp_ros.nodes.synthesis.grasp_planning_node'],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert 'install ros-$ROS_DISTRO-' in done.stdout + done.stderr


@pytest.mark.skipif(bool(ABSENT), reason=f'absent: {ABSENT}')
def test_an_object_goes_in_and_grasps_of_moveit_come_out(ros_domain):
    from grasping_msgs.action import GraspPlanning
    from grasping_msgs.msg import Object

    hand_frame = load_hand('allegro').hand_frame
    own = {
        'grasp_node': {'synthesis.seed_count': 16, 'synthesis.iterations': 60},
        'grasp_planning_node': {'parent_link': 'flange', 'max_grasps': 2},
    }
    with (
        start_graph(nodes=list(own), parameters=own, log=print),
        GraspClient() as client,
    ):
        StaticTransformPublisher(client.node).publish('flange', hand_frame, 0, MOUNT)
        client.wait_until_ready(180, reconstruction=False)
        planner = ActionClient(client.node, GraspPlanning, 'plan_grasps')
        wait(planner.server_is_ready)
        box = SolidPrimitive(type=SolidPrimitive.BOX, dimensions=[0.05, 0.05, 0.1])
        wanted = Object(
            header=header('base', 0), name='box', primitives=[box], primitive_poses=[Pose()]
        )
        answer = plan(planner, GraspPlanning.Goal(object=wanted))
        assert answer.status == GoalStatus.STATUS_SUCCEEDED
        assert 1 <= len(answer.result.grasps) <= 2
        first = answer.result.grasps[0]
        assert first.id == 'box_0' and first.grasp_pose.header.frame_id == 'base'
        # The hand is at the box, the flange behind it.
        hand = compose(pose_array(first.grasp_pose.pose), MOUNT)
        assert np.linalg.norm(hand[:3]) < 0.25
        nothing = Object(header=header('base', 0), name='nothing')
        answer = plan(planner, GraspPlanning.Goal(object=nothing))
        assert answer.status == GoalStatus.STATUS_ABORTED


def plan(planner, goal):
    sent = planner.send_goal_async(goal)
    wait(sent.done)
    ended = sent.result().get_result_async()
    wait(ended.done)
    return ended.result()


def wait(condition, timeout=120.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
