"""Goals of `execute_grasp` for an ideal robot, how they are begun, and how they end."""

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

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Contact, Grasp
from dexgrasp_ros.bridge.geometry import point, pose_array, pose_message, vector
from dexgrasp_ros.core.errors import ErrorCode

PARAMETERS = {
    'command_enabled': True,
    'hold_time': 0.3,
    'wrist_linear_speed': 0.5,
    'wrist_angular_speed': 3.0,
    # The robot's thread may have to wait for a busy machine.
    'joint_state_max_age': 1.5,
    'wrist_max_age': 1.5,
    'tracking_delay': 0.8,
    'settle_timeout': 5.0,
}
PHASES = ['pregrasp', 'grasp', 'squeeze', 'hold', 'lift', 'open']
# m and rad; where the object is, above which the hand points down
OBJECT = np.array([0.5, 0.1, 0.05])
UP = np.array([0.0, 0.0, 1.0])
DOWN = np.array([0.0, 1.0, 0.0, 0.0])
TERMINAL = {GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_ABORTED, GoalStatus.STATUS_CANCELED}
# So slow and from so near that each phase takes long enough to end the goal in it.
SLOW = {'speed_scale': 0.1, 'hold_time': 1.0}
# Where the goal is to end after it, the rest is short.
SHORT_REST = {'hold_time': 0.2}


def wait_for(condition, what, timeout=60.0):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f'{what} did not come about'
        time.sleep(0.005)


def grasp_of(client, hand, /, **changes):
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
        'hand_digest': hand.digest,
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


def stale(client, hand):
    grasp = grasp_of(client, hand)
    grasp.header.stamp.sec -= 600
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


def put_near(robot, grasp, away=0.15):
    """Place the robot where the pre-grasp is, but for the fingers."""
    robot.place(np.subtract(grasp.pregrasp, away), pose_array(grasp.pregrasp_pose))
    robot.wait_until_heard()


def start(client, robot, grasp, phase, **fields):
    """Send a goal and return once its `phase` has begun."""
    phases = set()
    put_near(robot, grasp)
    rest = SHORT_REST if phase in ('lift', 'open') else {}
    fields = SLOW | rest | {'open_at_end': True} | fields
    goal = ExecuteGrasp.Goal(grasp=grasp, **fields)
    handle = client.send_execution(goal, feedback=lambda message: phases.add(message.phase))
    until = time.monotonic() + 60
    while phase not in phases:
        if time.monotonic() > until:
            pytest.fail(f'{phase}: {client.wait_for_result(handle, 5).result.error_message}')
        time.sleep(0.005)
    return handle


def check_end(
    client, robot, states, handle, status, code, *, fingers_only=False, node_has_ended=False
):
    """One terminal state, the right code, and nothing but a stop on each topic at the end.

    The fingers are not stopped where that would drop what they hold.
    """
    reply = client.wait_for_result(handle, 60)
    assert reply.result.error_message.endswith('.')
    assert (reply.status, reply.result.error_code) == (status, code), reply.result.error_message
    uuid = bytes(handle.goal_id.uuid)
    wait_for(lambda: states.get(uuid, [(0, 0)])[-1][0] in TERMINAL, 'a terminal state')
    keeps = reply.result.phase in ('hold', 'lift') and code != ErrorCode.EFFORT_LIMIT
    kinds = [] if fingers_only else [MultiDOFJointTrajectory]
    kinds += [] if keeps else [JointTrajectory]
    wait_for(lambda: all(stopped(robot, kind) for kind in kinds), 'the stop')
    heard = len(robot.heard)
    if node_has_ended:
        time.sleep(0.4)
    else:
        robot.wait_until_heard()
    assert len(robot.heard) == heard
    assert stopped(robot, JointTrajectory) != keeps
    assert [s for s, _ in states[uuid]][-1] == status
    assert sum(s in TERMINAL for s, _ in states[uuid]) == 1
    return reply.result


def stopped(robot, kind):
    assert not robot.refused
    return robot.is_stopped(kind)
