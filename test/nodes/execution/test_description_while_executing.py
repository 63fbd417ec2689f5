"""A description that changes while a grasp is carried out."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from arms import arm_with
from ideal_robot import IdealRobot
from live_grasps import LiveGrasps
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import pose_message
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.nodes.graph import start_graph

# Whatever a busy machine delays, it is the description that ends the goal.
PATIENCE = {
    'wrist_max_age': 30.0,
    'joint_state_max_age': 30.0,
    'tracking_delay': 30.0,
    'max_tracking_error': 10.0,
    'max_wrist_error': 10.0,
    'max_wrist_turn': 3.2,
    'hold_time': 0.1,
}
PARAMETERS = {'hand_command_node': {'command_enabled': True, 'hand': 'barrett', **PATIENCE}}
HEIGHTS = {'pregrasp_pose': 0.17, 'pose': 0.12, 'lift_pose': 0.22}  # m above the table


def wait_for(condition, what, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f'{what} did not come about'
        time.sleep(0.01)


def comes_about(condition, timeout=2.0) -> bool:
    until = time.monotonic() + timeout
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return bool(condition())


def grasp_of(client, hand) -> Grasp:
    middle, span = (hand.lower + hand.upper) / 2, hand.upper - hand.lower
    poses = {n: pose_message([0.5, 0.1, z, 0.0, 1.0, 0.0, 0.0]) for n, z in HEIGHTS.items()}
    grasp = Grasp(
        object_id='brick',
        hand=hand.name,
        hand_frame=hand.hand_frame,
        joint_names=list(hand.joint_names),
        pregrasp=middle.tolist(),
        grasp=(middle + 0.1 * span).tolist(),
        squeeze=(middle + 0.11 * span).tolist(),
        joint_stiffness=hand.joint_stiffness.tolist(),
        **poses,
    )
    grasp.header.frame_id = IdealRobot.FRAME
    grasp.header.stamp = client.node.get_clock().now().to_msg()
    return grasp


def execution_goal(grasp: Grasp) -> ExecuteGrasp.Goal:
    return ExecuteGrasp.Goal(grasp=grasp, speed_scale=0.1)


def test_another_hand_ends_the_execution_and_stops_the_robot(ros_domain):
    log: list[str] = []
    own, other = load_hand('barrett'), load_hand_text(arm_with('allegro'))
    with (
        start_graph(nodes=['hand_command_node'], parameters=PARAMETERS, log=log.append),
        GraspClient() as client,
    ):
        client.wait_until_ready(240, grasps=False, reconstruction=False, execution=True)
        robot = IdealRobot(ros_domain, own)
        description = client.node.create_publisher(
            String, 'robot_description', latched_publisher()
        )
        wait_for(lambda: robot.node.count_publishers('joint_trajectory'), 'the connection')
        phases = []
        begun = False
        until = time.monotonic() + 60
        while not begun:  # until the node has heard where the robot is
            assert time.monotonic() < until
            handle = client.send_execution(
                execution_goal(grasp_of(client, own)), feedback=lambda f: phases.append(f.phase)
            )
            begun = comes_about(lambda: 'pregrasp' in phases and robot.commands(JointTrajectory))
        description.publish(String(data=arm_with('allegro')))
        reply = client.wait_for_result(handle, 60)
        assert reply.status == GoalStatus.STATUS_ABORTED
        assert reply.result.error_code == ErrorCode.PREEMPTED
        assert 'description' in reply.result.error_message
        # The last that the robot heard is a stop.
        wait_for(lambda: robot.is_stopped(JointTrajectory), 'the stop')
        wait_for(lambda: any('The hand is now' in line for line in log), 'the other hand')
        # Now the old hand's grasps are refused, and those of the other one are not.
        wrong = client.execute(grasp_of(client, own), timeout=60)
        assert wrong.result.error_code == ErrorCode.INVALID_COMMAND
        robot.close()
        robot = IdealRobot(ros_domain, other)
        wait_for(lambda: robot.node.count_publishers('joint_trajectory'), 'the connection')
        robot.reset()
        until = time.monotonic() + 60
        while not robot.commands(JointTrajectory):
            assert time.monotonic() < until
            handle = client.send_execution(execution_goal(grasp_of(client, other)))
            comes_about(lambda: robot.commands(JointTrajectory))
        names = robot.commands(JointTrajectory)[0].joint_names
        assert list(names) == list(other.joint_names)
        assert np.isfinite(robot.commands(JointTrajectory)[0].points[-1].positions).all()
        client.cancel(handle)
        robot.close()


def test_a_hand_that_holds_is_not_opened_because_its_description_came_again(ros_domain):
    """Nor because one came that is none."""
    log: list[str] = []
    hand = load_hand('barrett')
    own = PARAMETERS['hand_command_node'] | {'follow_grasps': True}
    with (
        start_graph(
            nodes=['hand_command_node'], parameters={'hand_command_node': own}, log=log.append
        ),
        GraspClient() as client,
    ):
        client.wait_until_ready(240, grasps=False, reconstruction=False, execution=True)
        robot = IdealRobot(ros_domain, hand)
        node = client.node
        description = node.create_publisher(String, 'robot_description', latched_publisher())
        grasps = LiveGrasps(node)
        wait_for(lambda: robot.node.count_publishers('joint_trajectory'), 'the connection')
        held, until = False, time.monotonic() + 60
        while not held:  # until the node has heard where the robot is
            assert time.monotonic() < until
            goal = {'fingers_only': True, 'hold_time': 0.1, 'timeout': 60}
            held = client.execute(grasp_of(client, hand), **goal).succeeded
        description.publish(String(data=hand.urdf))
        wait_for(lambda: any('The hand is now' in line for line in log), 'the same hand again')
        description.publish(String(data='no robot'))
        wait_for(lambda: any('Refused' in line for line in log), 'the refusal')
        heard = len(robot.heard)
        grasps.publish(grasp_of(client, hand))
        wait_for(lambda: any('Did not follow' in line for line in log), 'the line in the log')
        assert len(robot.heard) == heard
        robot.close()
