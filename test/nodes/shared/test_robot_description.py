"""The hand as a subtree of `robot_description`: flange, reach, and descriptions that change."""

from __future__ import annotations

import contextlib
import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from described_robot import (
    ALLEGRO,
    ARM,
    BARRETT,
    FAR,
    GARBAGE,
    LINK,
    MISSING,
    NEAR,
    OFFSET,
    ROOT,
    SEARCH,
    TABLE,
    Robot,
    goal,
    joined,
    set_parameters,
    wait_for,
    without_overrides,
)
from live_grasps import LiveGrasps
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import pose_array
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix
from dexgrasp_ros.hand import InverseKinematics, find_arm, load_hand, load_hand_text
from dexgrasp_ros.nodes.graph import start_graph


@pytest.fixture(scope='module')
def robot(module_ros_domain):
    """The package's arm with a Barrett hand, described by somebody, and a node that listens."""
    parameters = {
        'grasp_node': {**SEARCH, 'hand_root_link': ROOT, 'hand': 'shadow'},
        'hand_command_node': {
            'hand_root_link': ROOT,
            'hand': 'shadow',
            'command_enabled': True,
            'follow_grasps': True,
        },
    }
    log: list[str] = []
    with (
        start_graph(nodes=list(parameters), parameters=parameters, log=log.append),
        GraspClient() as client,
    ):
        client.wait_until_ready(300, reconstruction=False)
        yield Robot(client, log)


@pytest.fixture
def barrett(robot):
    robot.describe_and_wait(without_overrides(joined('barrett')), BARRETT)
    return robot


def test_grasps_are_of_the_subtree_with_poses_for_the_flange(barrett):
    result = barrett.client.synthesize(goal(max_grasps=4)).check()
    assert result.grasps.header.frame_id == 'arm_base'  # the root link of the description
    for grasp in result.grasps.grasps:
        assert list(grasp.joint_names) == list(load_hand('barrett').joint_names)
        assert (grasp.hand, grasp.hand_frame, grasp.flange_frame) == (BARRETT, ROOT, 'flange')
        for field in ('pose', 'pregrasp_pose', 'lift_pose'):
            wanted = compose(pose_array(getattr(grasp, field)), invert(OFFSET))
            found = pose_array(getattr(grasp, f'flange_{field}'))
            np.testing.assert_allclose(pose_to_matrix(found), pose_to_matrix(wanted), atol=1e-9)
        assert not grasp.arm_joint_names  # nobody asked whether the arm reaches it
        # The box stands where tf puts the table.
        box = compose(TABLE, [NEAR, 0, 0.05, 0, 0, 0, 1])[:3]
        points = [[c.point.x, c.point.y, c.point.z] for c in grasp.contacts]
        assert np.linalg.norm(np.array(points) - box, axis=1).max() < 0.07


def test_the_frame_that_a_goal_asks_for_wins(barrett):
    result = barrett.client.synthesize(goal(max_grasps=1, reference_frame='table')).check()
    assert result.grasps.header.frame_id == 'table'


def test_a_hand_that_the_goal_names_hangs_on_no_arm(barrett):
    result = barrett.client.synthesize(goal(max_grasps=1, hand='allegro')).check()
    assert result.grasps.header.frame_id == 'table'
    (grasp,) = result.grasps.grasps
    assert (grasp.hand, grasp.flange_frame) == ('allegro', '')


@contextlib.contextmanager
def checking(robot):
    set_parameters(robot.node, '/grasp_node', check_reachability=True)
    try:
        yield
    finally:
        set_parameters(robot.node, '/grasp_node', check_reachability=False)


def test_what_the_arm_reaches_comes_with_its_joint_positions(barrett):
    pytest.importorskip('pinocchio')
    arm = find_arm(load_hand_text(joined('barrett')))
    solver = InverseKinematics(arm)
    with checking(barrett):
        result = barrett.client.synthesize(goal(max_grasps=4, seed_count=16)).check()
    assert 'reachability' in {r.stage for r in result.rejected}
    for grasp in result.grasps.grasps:
        assert list(grasp.arm_joint_names) == list(arm.joint_names)
        for q, pose in (
            (grasp.arm_pregrasp, grasp.flange_pregrasp_pose),
            (grasp.arm_grasp, grasp.flange_pose),
        ):
            assert (np.array(q) >= arm.chain.lower).all() and (q <= arm.chain.upper).all()
            at = solver.flange_matrix(np.array(q))
            np.testing.assert_allclose(at, pose_to_matrix(pose_array(pose)), atol=3e-3)


def test_postures_are_near_where_the_arm_is(barrett):
    pytest.importorskip('pinocchio')

    def best():
        reply = barrett.client.synthesize(goal(max_grasps=1, seed_count=16))
        return reply.check().grasps.grasps[0]

    with checking(barrett):
        free = best()
        # The same grasp again, with the arm where the other elbow is nearer.
        there = np.array(free.arm_pregrasp) + 0.1
        seen = []
        until = time.monotonic() + 60
        while time.monotonic() < until and not seen:
            barrett.state(there)
            time.sleep(0.1)
            moved = np.abs(np.subtract(best().arm_pregrasp, free.arm_pregrasp)).max()
            seen += [moved] if moved > 1e-6 else []
    assert seen and seen[0] < 0.5


def test_out_of_reach_there_is_no_grasp_and_the_counts_say_why(barrett):
    pytest.importorskip('pinocchio')
    assert barrett.client.synthesize(goal(FAR)).succeeded
    with checking(barrett):
        reply = barrett.client.synthesize(goal(FAR))
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.NO_GRASP_FOUND
    counts = {r.stage: r.count for r in reply.result.rejected}
    assert counts['reachability'] > 0
    assert f'reachability {counts["reachability"]}' in reply.result.error_message


def test_reach_cannot_be_checked_for_a_hand_on_no_arm(barrett):
    with checking(barrett):
        reply = barrett.client.synthesize(goal(hand='allegro'))
    assert reply.result.error_code == ErrorCode.UNSUPPORTED_HAND
    assert 'hand_root_link' in reply.result.error_message


@pytest.mark.parametrize(
    ('make', 'code'),
    [
        (lambda: GARBAGE, 'INVALID_URDF'),
        (lambda: '', 'INVALID_URDF'),
        (lambda: ARM.read_text(), 'UNKNOWN_LINK'),
        # A description, as it seems; that a file is missing is found when it is loaded.
        (lambda: joined('barrett').replace(LINK, LINK + MISSING), 'FILE_NOT_FOUND'),
    ],
    ids=['no XML', 'empty', 'no such link', 'no such mesh'],
)
def test_a_bad_description_changes_nothing_and_is_reported(barrett, make, code):
    before = int(barrett.about('/grasp_node')['descriptions refused'])
    barrett.describe(make())
    wait_for(
        lambda: int(barrett.about('/grasp_node')['descriptions refused']) > before, 'the refusal'
    )
    assert code in barrett.say('/grasp_node')
    assert any('Refused' in line and code in line for line in barrett.log)
    assert barrett.about('/grasp_node')['hand'] == BARRETT
    if code != 'INVALID_URDF':  # those are refused in the same place as what has no such link
        result = barrett.client.synthesize(goal(max_grasps=1)).check()
        assert list(result.grasps.grasps[0].joint_names) == list(load_hand('barrett').joint_names)


def test_another_description_ends_the_goal_and_the_next_one_has_the_other_hand(barrett):
    under_way = threading.Event()

    def feedback(message):
        if message.phase == 'optimize':
            under_way.set()

    handle = barrett.client.send_goal(goal(seed_count=512), feedback=feedback)
    assert under_way.wait(120)
    barrett.describe(without_overrides(joined('allegro')))
    reply = barrett.client.wait_for_result(handle, 60)
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.PREEMPTED
    assert 'description' in reply.result.error_message
    # Sent while the other hand is loaded, it waits for it.
    result = barrett.client.synthesize(goal(max_grasps=2)).check()
    for grasp in result.grasps.grasps:
        assert grasp.hand == ALLEGRO
        assert list(grasp.joint_names) == list(load_hand('allegro').joint_names)


def test_garbage_does_not_end_a_goal(barrett):
    under_way = threading.Event()

    def feedback(message):
        if message.phase == 'optimize':
            under_way.set()

    handle = barrett.client.send_goal(goal(seed_count=24), feedback=feedback)
    assert under_way.wait(120)
    barrett.describe(GARBAGE)
    assert barrett.client.wait_for_result(handle, 300).succeeded


def test_the_command_node_takes_the_same_hand(barrett):
    node = '/hand_command_node'
    heard: list[JointTrajectory] = []
    barrett.node.create_subscription(JointTrajectory, 'joint_trajectory', heard.append, 10)
    grasps = LiveGrasps(barrett.node)
    wait_for(lambda: barrett.node.count_publishers('joint_trajectory'), 'the trajectory')
    grasps.wait_until_heard()
    for name, own in ((ALLEGRO, 'allegro'), (BARRETT, 'barrett')):
        barrett.describe_and_wait(without_overrides(joined(own)), name, node)
        hand = load_hand(own)
        middle = ((hand.lower + hand.upper) / 2).tolist()
        grasp = Grasp(
            hand=name, hand_frame=ROOT, joint_names=list(hand.joint_names),
            pregrasp=middle, grasp=middle, squeeze=middle,
        )  # fmt: skip
        heard.clear()
        until = time.monotonic() + 60
        while not heard:  # what is said of the hand may be a moment older than the hand
            assert time.monotonic() < until
            grasp.header.stamp = barrett.node.get_clock().now().to_msg()
            grasps.publish(grasp)
            time.sleep(0.2)
        assert list(heard[-1].joint_names) == list(hand.joint_names)


def test_of_descriptions_in_quick_succession_the_last_one_counts(barrett):
    for own in ('allegro', 'barrett', 'allegro', 'barrett', 'allegro'):
        barrett.describe(without_overrides(joined(own)))
        time.sleep(0.1)
    # A goal may overtake the last description, which then ends it.
    replies = (barrett.client.synthesize(goal(max_grasps=1)) for _ in range(5))
    reply = next(r for r in replies if r.result.error_code != ErrorCode.PREEMPTED)
    assert reply.check().grasps.grasps[0].hand == ALLEGRO


@pytest.mark.slow  # test_processes has two graphs in two namespaces
def test_two_hands_in_two_namespaces_do_not_mix(barrett):
    parameters = {'grasp_node': {**SEARCH, 'hand_root_link': ROOT}}
    with (
        start_graph(nodes=['grasp_node'], parameters=parameters, namespace='right', log=print),
        GraspClient(namespace='right') as client,
    ):
        client.wait_until_ready(300, reconstruction=False)
        right = Robot(client, [])
        right.describe_and_wait(joined('allegro'), ALLEGRO, '/right/grasp_node')
        for robot, own in ((barrett, 'barrett'), (right, 'allegro')):
            result = robot.client.synthesize(goal(max_grasps=1)).check()
            (grasp,) = result.grasps.grasps
            assert list(grasp.joint_names) == list(load_hand(own).joint_names)
            assert grasp.flange_frame == 'flange'
