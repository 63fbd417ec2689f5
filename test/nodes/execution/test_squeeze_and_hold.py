"""How hard a hand squeezes, and that it keeps what it holds when further grasps or goals come."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

from execute_goals import SLOW, grasp_of, put_near, set_parameters, stale, start, stopped, wait_for
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import GraspArray
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.bridge.trajectories import finger_points
from dexgrasp_ros.core.errors import ErrorCode


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


def test_a_soft_grasp_does_not_talk_the_effort_limit_down(client, robot, hand):
    grasp = grasp_of(client, hand)
    grasp.joint_stiffness = [1e-3] * len(hand.joint_names)
    grasp.squeeze = np.add(grasp.grasp, 10.0).tolist()
    reply = client.execute(grasp, fingers_only=True)
    assert reply.result.error_code == ErrorCode.EFFORT_LIMIT


@pytest.fixture
def grasps(client, robot, hand):
    """Publish grasps for a hand that holds nothing, whatever the test before has left in it."""
    grasp = grasp_of(client, hand)
    put_near(robot, grasp)
    opened = client.execute(grasp, fingers_only=True, hold_time=0.1, open_at_end=True, timeout=60)
    assert opened.succeeded, opened.result.error_message
    robot.reset()
    robot.wait_until_heard()
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
    robot.wait_until_heard()
    assert not robot.heard
    set_parameters(client, follow_grasps=True)
    handle = start(client, robot, grasp, 'grasp')
    robot.wait_until_heard()  # feedback of a phase may come before the command that begins it
    heard = len(robot.commands(JointTrajectory))
    grasps.publish(message)
    robot.wait_until_heard()
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
    robot.wait_until_heard()
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
    robot.wait_until_heard()
    reply = client.execute(stale(client, hand), timeout=60)
    assert reply.result.error_code == ErrorCode.STALE_DATA
    robot.wait_until_heard()
    assert len(robot.heard) == 1
