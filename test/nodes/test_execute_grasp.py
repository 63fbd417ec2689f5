"""`execute_grasp`: a grasp carried out by an ideal robot, and each way in which it can end."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Vector3
from ideal_robot import IdealRobot
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_msgs.msg import Contact, Grasp
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import point, pose_array, pose_message, vector
from dexgrasp_ros.bridge.trajectories import finger_points, pose_points, turn_angle
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.graph import start_graph

PARAMETERS = {
    'command_enabled': True,
    'hold_time': 0.3,
    'wrist_linear_speed': 0.5,
    'wrist_angular_speed': 3.0,
}
PHASES = ['pregrasp', 'grasp', 'squeeze', 'hold', 'lift', 'open']
# m and rad; where the object is, above which the hand points down
OBJECT = np.array([0.5, 0.1, 0.05])
UP = np.array([0.0, 0.0, 1.0])
DOWN = np.array([0.0, 1.0, 0.0, 0.0])


@pytest.fixture(scope='module')
def hand():
    return load_hand('allegro')


@pytest.fixture(scope='module')
def graph(module_ros_domain):
    log = []
    parameters = {'hand_command_node': PARAMETERS}
    with start_graph(nodes=['hand_command_node'], parameters=parameters, log=log.append) as nodes:
        yield nodes


@pytest.fixture(scope='module')
def client(graph):
    with GraspClient() as client:
        client.wait_until_ready(60, grasps=False, reconstruction=False, execution=True)
        yield client


@pytest.fixture(scope='module')
def connected_robot(module_ros_domain, hand, client):
    robot = IdealRobot(module_ros_domain, hand)
    wait_for(
        lambda: (
            robot.node.count_publishers('joint_trajectory')
            and robot.node.count_subscribers('joint_states')
            and robot.node.count_subscribers('/tf')
        ),
        'the connection',
    )
    yield robot
    robot.close()


@pytest.fixture
def robot(connected_robot, client):
    connected_robot.reset()
    set_parameters(client, command_enabled=True)
    time.sleep(0.3)  # until nothing that was said before is on its way
    connected_robot.reset()
    return connected_robot


def wait_for(condition, what, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f'{what} did not come about'
        time.sleep(0.005)


def grasp_of(client, hand, **changes):
    """A grasp from above whose contacts carry 4 N in all."""
    middle, span = (hand.lower + hand.upper) / 2, hand.upper - hand.lower
    pose, pregrasp, lift = (np.append(OBJECT + height * UP, DOWN) for height in (0.12, 0.17, 0.22))
    contacts = [
        Contact(
            link='link_3.0',
            point=point(OBJECT + np.array([0.03 * side, 0, 0])),
            normal=vector([-side, 0, 0]),
            force=Vector3(x=-2.0 * side, z=0.5),
        )
        for side in (-1.0, 1.0)
    ]
    fields = {
        'object_id': 'brick',
        'hand': hand.name,
        'hand_frame': hand.hand_frame,
        'pose': pose_message(pose),
        'pregrasp_pose': pose_message(pregrasp),
        'lift_pose': pose_message(lift),
        'joint_names': list(hand.joint_names),
        'pregrasp': middle.tolist(),
        'grasp': (middle + 0.1 * span).tolist(),
        'squeeze': (middle + 0.15 * span).tolist(),
        'joint_stiffness': hand.joint_stiffness.tolist(),
        'contacts': contacts,
    } | changes
    grasp = Grasp(**fields)
    grasp.header.frame_id = IdealRobot.FRAME
    grasp.header.stamp = client.node.get_clock().now().to_msg()
    return grasp


def set_parameters(client, node='hand_command_node', **values):
    kinds = {bool: ('bool_value', 1), float: ('double_value', 3)}
    parameters = []
    for name, value in values.items():
        field, kind = kinds[type(value)]
        parameters.append(Parameter(name=name, value=ParameterValue(type=kind, **{field: value})))
    service = client.node.create_client(SetParameters, f'/{node}/set_parameters')
    response = call(client, service, SetParameters.Request(parameters=parameters))
    assert all(r.successful for r in response.results)


def call(client, service, request):
    assert service.wait_for_service(30)
    future = service.call_async(request)
    wait_for(future.done, 'the response')
    client.node.destroy_client(service)
    return future.result()


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
    assert np.allclose(robot.positions, grasp.pregrasp, atol=0.02)
    assert np.allclose(robot.wrist[:3], wanted[-1][:3], atol=0.01)
