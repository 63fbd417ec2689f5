"""The closed loop over real DDS: what is seen of the robot, what moves it, what it lifts.

The tests share one graph, since its start and its robot take longer than they do.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import trimesh

pytest.importorskip('rclpy')

from node_door import try_some
from node_doors import short_doors
from node_session import NodeSession
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.bridge.attempt import attempt_grasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.trajectories import finger_trajectory, pose_trajectory
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix
from dexgrasp_ros.hand import load_hand, moving_joint_names
from dexgrasp_ros.nodes.graph import start_graph

CAMERA = 'camera_depth_optical_frame'
RATE = 20.0  # Hz, of the clock, which every node hears


@pytest.fixture(scope='module')
def robot(module_ros_domain, box, simulated_robot):
    """The whole graph, for all tests of the module."""
    log = []
    parameters = {
        'sim_hand_node': {'objects': str(box), 'joint_state_rate': RATE, 'tf_rate': 10.0},
        'sim_camera_node': {'noisy': False, 'width': 320, 'height': 240, 'rate': 2.0},
        'grasp_node': {'synthesis.seed_count': 64, 'synthesis.max_grasps': 4},
        # Five processes work as long as the robot moves: not as slowly as beside people.
        'hand_command_node': {'wrist_linear_speed': 0.25, 'speed_scale': 1.0, 'hold_time': 0.5},
    }
    options = {'closed_loop': True, 'parameters': parameters, 'log': log.append}
    with contextlib.ExitStack() as stack, GraspClient() as client:
        nodes = stack.enter_context(start_graph(**options))
        client.wait_until_ready(300, execution=True)
        robot = simulated_robot(client, log)

        def replace_simulation():
            nodes['sim_hand_node'].kill()
            nodes['sim_hand_node'].wait(30)
            nodes.update(stack.enter_context(start_graph(nodes=['sim_hand_node'], **options)))

        robot.replace_simulation = replace_simulation
        yield robot


def test_joint_states_are_those_of_all_joints_at_simulated_time(robot):
    robot.start_anew()
    robot.watch.sleep(0.4)
    state = robot.states[-1]
    assert state.name == moving_joint_names(robot.hand)
    assert len(state.position) == len(state.velocity) == len(state.effort) == 16
    np.testing.assert_allclose(state.position, robot.hand.preshape, atol=0.01)
    stamps = [s.header.stamp.sec + s.header.stamp.nanosec / 1e9 for s in robot.states[-25:]]
    assert np.all(np.diff(stamps) > 0)
    # In steps of 4 ms; on a busy machine some get lost on the way here.
    assert abs(np.quantile(np.diff(stamps), 0.25) - 1 / RATE) < 0.0041
    assert abs(robot.watch.now - stamps[-1]) < 1.0


def test_the_camera_sees_the_state_at_its_stamp(robot, box):
    """Depth and labels are those of rays that meet the box where tf says that it stands."""
    robot.start_anew()
    frame = robot.frame()
    mesh = trimesh.load(box)
    place = robot.transforms.lookup(CAMERA, 'object_1', frame.stamp, timeout=30)
    mesh.apply_transform(pose_to_matrix(place))
    rows, columns = np.nonzero(frame.labels == 1)
    assert len(rows) > 500
    some = np.random.default_rng(0).choice(len(rows), 200, replace=False)
    rows, columns = rows[some], columns[some]
    K = frame.intrinsics
    rays = np.stack(
        [(columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1], np.ones(len(rows))], axis=1
    )
    points = rays * frame.depth[rows, columns][:, None]
    distance = np.abs(trimesh.proximity.signed_distance(mesh, points))
    assert np.quantile(distance, 0.95) < 1e-3
    # The table has label 0 and is z = 0 of the world.
    camera = robot.transforms.lookup('world', CAMERA, frame.stamp, timeout=30)
    v, u = 230, 160
    ray = np.array([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], 1.0]) * frame.depth[v, u]
    assert frame.labels[v, u] == 0
    assert (pose_to_matrix(camera) @ [*ray, 1.0])[2] == pytest.approx(0.0, abs=1e-3)


def test_the_hand_is_out_of_the_picture_until_it_comes(robot):
    """And is no object when it is in it."""
    robot.start_anew()
    before = robot.frame()
    start = robot.wrist_pose()
    over = start.copy()
    over[:3] += [0.15, 0.0, -0.2]
    robot.wrist.publish(pose_trajectory('world', robot.hand.hand_frame, [over], [1.0]))
    robot.watch.sleep(1.4)
    after = robot.frame()
    assert np.mean(np.abs(after.depth - before.depth) > 0.05) > 0.02
    changed = (np.abs(after.depth - before.depth) > 0.05) & (before.labels == 0)
    assert not after.labels[changed].any()


def test_wrist_and_fingers_follow_and_stop(robot):
    robot.start_anew()
    start, names = robot.wrist_pose(), robot.hand.joint_names
    camera = robot.transforms.newest('world', CAMERA)[0]
    goal = start.copy()
    goal[:3] += [0.0, 0.1, 0.05]
    # In the frame of the camera, as grasps may be.
    inside = compose(invert(camera), goal)
    robot.wrist.publish(pose_trajectory(CAMERA, robot.hand.hand_frame, [inside], [0.6]))
    q = np.clip(robot.hand.preshape + 0.2, robot.hand.lower, robot.hand.upper)
    robot.fingers.publish(finger_trajectory(names, [q], [0.5]))
    robot.watch.wait(lambda: np.abs(robot.wrist_pose() - goal)[:3].max() < 2e-3, 60, 'the wrist')
    robot.watch.wait(lambda: np.abs(robot.states[-1].position - q).max() < 0.01, 60, 'the fingers')
    far = goal + np.array([0, 0, 2.0, 0, 0, 0, 0])
    robot.wrist.publish(pose_trajectory('world', robot.hand.hand_frame, [far], [20.0]))
    robot.watch.sleep(0.6)
    robot.wrist.publish(pose_trajectory('world', robot.hand.hand_frame))
    robot.watch.sleep(0.6)
    stopped = robot.wrist_pose()
    robot.watch.sleep(0.4)
    np.testing.assert_allclose(robot.wrist_pose()[:3], stopped[:3], atol=1e-3)
    assert goal[2] + 0.02 < stopped[2] < far[2] - 0.5, stopped


def trajectory(**changes):
    point = JointTrajectoryPoint(positions=changes.pop('positions', [0.5] * 16))
    names = changes.pop('joint_names', list(load_hand('allegro').joint_names))
    return JointTrajectory(joint_names=names, points=[point])


@pytest.mark.parametrize(
    ('make', 'words'),
    [
        (lambda hand: trajectory(joint_names=['thumb'] * 16), "'thumb'"),
        (lambda hand: trajectory(positions=[float('nan')] * 16), 'finite'),
        (lambda hand: trajectory(positions=[0.0]), 'positions'),
        (lambda hand: pose_trajectory('moon', hand, [[0, 0, 1.0, 0, 0, 0, 1]], [0.1]), "'moon'"),
        (lambda hand: pose_trajectory('', hand, [[0, 0, 1.0, 0, 0, 0, 1]], [0.1]), 'empty'),
        (lambda hand: pose_trajectory('world', 'foot', [[0, 0, 1.0, 0, 0, 0, 1]], [0.1]), 'foot'),
    ],
    ids=['other joints', 'not a number', 'too short', 'no such frame', 'no frame', 'other link'],
)
def test_what_cannot_be_followed_is_an_error_and_moves_nothing(robot, make, words):
    robot.start_anew()
    robot.watch.sleep(0.5)  # until it is at rest
    message = make(robot.hand.hand_frame)
    wrist, fingers = robot.wrist_pose(), robot.states[-1].position
    publisher = robot.fingers if isinstance(message, JointTrajectory) else robot.wrist

    def told():
        publisher.publish(message)  # again, since errors are told once a second
        return any('is not followed' in line and words in line for line in robot.log)

    robot.watch.wait(told, 60, 'an error')
    robot.watch.sleep(0.2)
    np.testing.assert_allclose(robot.wrist_pose(), wrist, atol=1e-6)
    np.testing.assert_allclose(robot.states[-1].position, fingers, atol=0.01)


def test_a_reset_puts_other_objects_on_the_table(robot, box, tmp_path):
    other = tmp_path / 'ball.obj'
    trimesh.creation.icosphere(radius=0.04).export(other)
    before = robot.watch.now
    robot.watch.reset({'objects': f'{box},{other}', 'object_spacing': 0.2})
    assert robot.watch.now > before  # a clock does not go back
    assert [o.name for o in robot.watch.objects.values()] == ['table', 'carton', 'ball']
    assert set(np.unique(robot.frame().labels)) == {0, 1, 2}
    with pytest.raises(DexGraspError, match='no_such_file') as caught:
        robot.watch.reset({'objects': str(tmp_path / 'no_such_file.obj')})
    assert caught.value.code == ErrorCode.INVALID_INPUT
    assert set(np.unique(robot.frame().labels)) == {0, 1, 2}
    robot.watch.reset({'objects': str(box)})


def test_what_is_seen_is_lifted_and_nothing_moves_before_that_is_asked_for(robot):
    robot.start_anew()
    robot.client.clear_objects()
    robot.watch.wait_for_image()
    start = robot.wrist_pose()
    grasp = robot.client.synthesize(label=1, timeout=300).check().grasps.grasps[0]
    assert grasp.header.frame_id == 'world'
    robot.watch.sleep(0.5)
    np.testing.assert_allclose(robot.wrist_pose(), start, atol=1e-6)
    np.testing.assert_allclose(robot.states[-1].position, robot.hand.preshape, atol=0.01)
    attempt = attempt_grasp(robot.client, robot.watch, grasp)
    assert attempt.reply.succeeded, attempt.reply.result.error_message
    assert attempt.lifted, attempt.cause
    moved = [phase for phase in attempt.phases if phase != 'plan']  # which may be over at once
    assert moved == ['pregrasp', 'grasp', 'squeeze', 'hold', 'lift']
    assert attempt.course.heights()[-1] > 0.08


@pytest.mark.slow  # it starts another simulation and another search
def test_another_simulation_in_place_of_one_that_was_killed(robot, simulated_robot):
    """Its time begins anew: a goal under way ends, and what was known before counts no more."""
    robot.start_anew()
    grasp = robot.client.synthesize(label=1, timeout=300).check().grasps.grasps[0]
    goal = ExecuteGrasp.Goal(grasp=grasp, speed_scale=0.1, hold_time=600.0)
    handle = robot.client.send_execution(goal)
    before = robot.watch.now
    robot.replace_simulation()
    result = robot.client.wait_for_result(handle, 120).result
    assert result.error_code == ErrorCode.STALE_DATA, result.error_message
    other = simulated_robot(robot.client, robot.log)
    other.watch.wait(lambda: 0 < other.watch.now < before, 60, 'the time that began anew')
    other.watch.wait_for_image()
    grasp = other.client.synthesize(label=1, timeout=300).check().grasps.grasps[0]
    attempt = attempt_grasp(other.client, other.watch, grasp)
    assert attempt.reply.succeeded, attempt.reply.result.error_message


DOORS = (*short_doors('sim_hand_node'), *short_doors('sim_camera_node'))


@pytest.mark.parametrize('door', DOORS, ids=lambda door: door.way)
def test_spoilt_messages_are_dealt_with(door, robot):
    robot.start_anew()
    try_some(door, NodeSession(robot.client, robot.log))
