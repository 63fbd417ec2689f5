"""`execute_grasp`: a grasp carried out by an ideal robot, and what is told of it."""

from __future__ import annotations

import contextlib
import math
import threading
import time

import numpy as np
import pytest
import trimesh

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from diagnostic_msgs.msg import DiagnosticArray
from execute_goals import (
    OBJECT,
    PARAMETERS,
    PHASES,
    grasp_of,
    put_near,
    set_parameters,
    stale,
    wait_for,
)
from ideal_robot import IdealRobot
from rosgraph_msgs.msg import Clock as ClockMessage
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Object, ObjectArray
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.diagnostics import WARN
from dexgrasp_ros.bridge.geometry import header, mesh_message, pose_array, pose_message
from dexgrasp_ros.bridge.qos import latched_publisher, standard
from dexgrasp_ros.bridge.trajectories import finger_points, pose_points, turn_angle
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.nodes.graph import start_graph


@pytest.fixture
def planned(client, robot):
    """Publish what stands there, a box at each of some places, while the node plans ways."""
    box = trimesh.creation.box((0.04, 0.04, 0.04))
    publisher = client.node.create_publisher(ObjectArray, 'objects', latched_publisher())
    set_parameters(client, check_way=True)

    def publish(*places):
        things = [
            Object(
                header=header(IdealRobot.FRAME, 1),
                id=f'box_{k}',
                mesh=mesh_message(box.vertices + np.asarray(place), box.faces),
            )
            for k, place in enumerate(places)
        ]
        wait_for(lambda: publisher.get_subscription_count() > 0, 'the subscription')
        publisher.publish(ObjectArray(header=header(IdealRobot.FRAME, 1), objects=things))
        robot.wait_until_heard()

    yield publish
    set_parameters(client, check_way=False)
    client.node.destroy_publisher(publisher)


def test_a_way_leads_around_the_newest_objects_or_the_goal_is_refused(
    client, robot, hand, planned
):
    grasp, seen = grasp_of(client, hand), []
    pregrasp = pose_array(grasp.pregrasp_pose)
    planned(OBJECT)
    client.execute(grasp, stop_before_lift=True, feedback=seen.append, timeout=60).check()
    assert {f.phase for f in seen} >= {'pregrasp', 'grasp'}
    straight = pose_points(robot.commands(MultiDOFJointTrajectory)[0])[0]
    robot.reset()
    robot.wait_until_heard()
    # In the middle of that way, which then leads over it.
    planned(OBJECT, 0.5 * (IdealRobot.HOME[:3] + straight[0, :3]) - [0, 0, 0.05])
    reply = client.execute(grasp, stop_before_lift=True, timeout=60)
    around = pose_points(robot.commands(MultiDOFJointTrajectory)[0])[0]
    assert reply.succeeded and len(around) > len(straight)
    np.testing.assert_allclose(around[-1], pregrasp, atol=1e-9)
    robot.reset()
    robot.wait_until_heard()
    planned(OBJECT, pregrasp[:3])
    reply = client.execute(grasp, timeout=60)
    assert reply.result.error_code == ErrorCode.WAY_BLOCKED
    assert (reply.result.phase, robot.heard) == ('plan', [])


def test_what_was_lifted_is_carried_and_let_go(client, robot, hand):
    grasp = grasp_of(client, hand)
    high, aside = pose_array(grasp.lift_pose), pose_array(grasp.lift_pose)
    high[2] += 0.1
    aside[:3] += [0.0, -0.3, 0.1]
    carry = {'carry_poses': [pose_message(high), pose_message(aside)], 'open_at_end': True}
    reply = client.execute(grasp, timeout=60, **carry)
    assert [t.phase for t in reply.check().timing] == [*PHASES[:-1], 'carry', 'open']
    goals = [pose_points(m)[0][-1] for m in robot.commands(MultiDOFJointTrajectory)]
    np.testing.assert_allclose(goals[-2:], [high, aside], atol=1e-9)
    wait_for(lambda: np.allclose(robot.positions, grasp.pregrasp, atol=0.02), 'the open hand')


def test_carrying_alone_leaves_the_fingers_as_they_are(client, robot, hand):
    grasp = grasp_of(client, hand)
    place = pose_array(grasp.lift_pose)
    put_near(robot, grasp)
    reply = client.execute(grasp, carry_only=True, carry_poses=[pose_message(place)], timeout=60)
    assert [t.phase for t in reply.check().timing] == ['carry']
    assert not robot.commands(JointTrajectory)
    for wrong in ({'carry_only': True}, {'fingers_only': True, 'carry_poses': [grasp.lift_pose]}):
        reply = client.execute(grasp, timeout=60, **wrong)
        assert reply.result.error_code == ErrorCode.INVALID_COMMAND
        assert 'expected' in reply.result.error_message


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
    wait_for(lambda: np.allclose(robot.positions, grasp.pregrasp, atol=0.02), 'the open hand')
    assert np.allclose(robot.wrist[:3], wanted[-1][:3], atol=0.01)


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
    robot.wait_until_heard()
    assert list(robot.commands(JointTrajectory)[-1].points[-1].positions) == list(grasp.squeeze)


def test_efforts_are_told_as_shares_of_their_limits_where_anybody_reports_them(
    client, robot, hand
):
    grasp = grasp_of(client, hand)
    for effort, share in ((0.35, 0.35 / hand.effort_limits.min()), (None, math.nan)):
        put_near(robot, grasp)
        robot.effort = effort
        robot.wait_until_heard()
        seen = []
        client.execute(grasp, fingers_only=True, feedback=seen.append, timeout=60).check()
        # Messages have 32 bits for it.
        assert [f.effort for f in seen] == pytest.approx(
            [share] * len(seen), rel=1e-5, nan_ok=True
        )


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
    assert float(newest[name][1]['age of joint states [s]']) <= PARAMETERS['joint_state_max_age']
    robot.silent = True
    wait_for(lambda: says('old') and newest[name][0].level == WARN, 'the warning')
    set_parameters(client, command_enabled=False)
    wait_for(lambda: says('not enabled', commands_enabled='False'), 'the news')
    client.node.destroy_subscription(subscription)


def test_motions_take_the_time_of_a_simulation(module_ros_domain, hand, client):
    """Own nodes in a namespace, whose clock runs twice as fast, then stands still, and ends."""
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
        contextlib.ExitStack() as simulation,
    ):
        now = simulation.enter_context(simulated_clock(own.node, pace))
        own.wait_until_ready(240, grasps=False, reconstruction=False, execution=True)
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
        robot.wait_until_heard()
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
        # And so does the end of whoever makes it.
        pace[0] = 1.0
        handle = own.send_execution(ExecuteGrasp.Goal(grasp=grasp, **slow))
        simulation.close()
        reply = own.wait_for_result(handle, 60)
        assert reply.result.error_code == ErrorCode.STALE_DATA
        assert "'/clock'" in reply.result.error_message
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
