"""`execute_grasp`: goals that are refused before anything moves."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Time
from execute_goals import OBJECT, PARAMETERS, grasp_of, set_parameters, stale, wait_for
from geometry_msgs.msg import Pose, Vector3
from node_door import try_some
from node_doors import short_doors
from node_session import NodeSession

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Contact
from dexgrasp_ros.bridge.geometry import point, pose_message
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.hand import load_hand


def unstamped(client, hand):
    grasp = grasp_of(client, hand)
    grasp.header.stamp = Time()
    return grasp


def in_frame(client, hand, frame):
    grasp = grasp_of(client, hand)
    grasp.header.frame_id = frame
    return grasp


def to_a_place(client, hand, field, x):
    """A grasp of which one pose is elsewhere."""
    grasp = grasp_of(client, hand)
    getattr(grasp, field).position.x = x
    return grasp


def soon_stale(client, hand):
    """A grasp of an image that is a second too old before a slow wrist is there."""
    grasp = grasp_of(client, hand)
    grasp.header.stamp.sec -= 119
    return grasp


FAR = {
    f'{field} {x:g} m away': (
        lambda c, h, field=field, x=x: {'grasp': to_a_place(c, h, field, x)},
        ErrorCode.OUT_OF_RANGE,
    )
    for field, x in (
        *(('pose', 3.0), ('pose', 1e5), ('pose', 1e300), ('pregrasp_pose', -1e300)),
        *(('lift_pose', 1e9), ('lift_pose', 3.0)),
    )
}
BAD = FAR | {
    'too old on the way': (
        lambda c, h: {'grasp': soon_stale(c, h), 'speed_scale': 0.01},
        ErrorCode.STALE_DATA,
    ),
    'something 1e300 m away': (
        lambda c, h: {'grasp': grasp_of(c, h, contacts=[Contact(point=point([1e300] * 3))])},
        ErrorCode.OUT_OF_RANGE,
    ),
    'old image': (lambda c, h: {'grasp': stale(c, h)}, ErrorCode.STALE_DATA),
    'other joints': (
        lambda c, h: {'grasp': grasp_of(c, h, joint_names=['a'] * 16)},
        ErrorCode.INVALID_COMMAND,
    ),
    'beyond the limits': (
        lambda c, h: {'grasp': grasp_of(c, h, grasp=[9.0] * 16)},
        ErrorCode.INVALID_COMMAND,
    ),
    'not a number': (
        lambda c, h: {'grasp': grasp_of(c, h, squeeze=[math.nan] * 16)},
        ErrorCode.INVALID_COMMAND,
    ),
    'squeeze too strong': (
        lambda c, h: {'grasp': grasp_of(c, h, squeeze=h.upper.tolist())},
        ErrorCode.EFFORT_LIMIT,
    ),
    'no stiffness': (
        lambda c, h: {'grasp': grasp_of(c, h, joint_stiffness=[0.0] * 16)},
        ErrorCode.INVALID_COMMAND,
    ),
    'force too large': (
        lambda c, h: {'grasp': grasp_of(c, h), 'hold_force': 40.0},
        ErrorCode.EFFORT_LIMIT,
    ),
    'force without contacts': (
        lambda c, h: {'grasp': grasp_of(c, h, contacts=[]), 'hold_force': 2.0},
        ErrorCode.INVALID_COMMAND,
    ),
    'too fast': (
        lambda c, h: {'grasp': grasp_of(c, h), 'speed_scale': 1.5},
        ErrorCode.OUT_OF_RANGE,
    ),
    'no speed': (
        lambda c, h: {'grasp': grasp_of(c, h), 'speed_scale': math.nan},
        ErrorCode.OUT_OF_RANGE,
    ),
    'hardly any speed': (
        lambda c, h: {'grasp': grasp_of(c, h), 'speed_scale': 1e-10},
        ErrorCode.OUT_OF_RANGE,
    ),
    'no stamp': (lambda c, h: {'grasp': unstamped(c, h)}, ErrorCode.STALE_DATA),
    'negative limit': (
        lambda c, h: {'grasp': grasp_of(c, h), 'time_limit': -1.0},
        ErrorCode.OUT_OF_RANGE,
    ),
    'other hand': (
        lambda c, h: {'grasp': grasp_of(c, h, hand_frame='claw')},
        ErrorCode.INVALID_COMMAND,
    ),
    'hand of another name': (
        lambda c, h: {'grasp': grasp_of(c, h, hand='allegro_left')},
        ErrorCode.INVALID_COMMAND,
    ),
    'hand of another digest': (
        lambda c, h: {'grasp': grasp_of(c, h, hand_digest=load_hand('allegro_left').digest)},
        ErrorCode.INVALID_COMMAND,
    ),
    'endless name': (
        lambda c, h: {'grasp': grasp_of(c, h, object_id='x' * 1_000_000)},
        ErrorCode.INVALID_INPUT,
    ),
    'endless list': (
        lambda c, h: {'grasp': grasp_of(c, h, joint_names=['a'] * 100_000)},
        ErrorCode.INVALID_COMMAND,
    ),
    'force is not a number': (
        lambda c, h: {'grasp': grasp_of(c, h, contacts=[Contact(force=Vector3(x=math.inf))])},
        ErrorCode.OUT_OF_RANGE,
    ),
    'no pose': (lambda c, h: {'grasp': grasp_of(c, h, pose=Pose())}, ErrorCode.INVALID_COMMAND),
    'pose of zeros': (
        lambda c, h: {'grasp': grasp_of(c, h, pose=pose_message([0.0] * 7))},
        ErrorCode.INVALID_COMMAND,
    ),
    'pose without a turn': (
        lambda c, h: {'grasp': grasp_of(c, h, lift_pose=pose_message([*OBJECT, 0, 0, 0, 0]))},
        ErrorCode.INVALID_COMMAND,
    ),
    'hand in itself': (
        lambda c, h: {'grasp': in_frame(c, h, h.hand_frame)},
        ErrorCode.INVALID_COMMAND,
    ),
    'no pregrasp': (
        lambda c, h: {'grasp': grasp_of(c, h, pregrasp_pose=Pose())},
        ErrorCode.INVALID_COMMAND,
    ),
    'no lift': (
        lambda c, h: {'grasp': grasp_of(c, h, lift_pose=Pose())},
        ErrorCode.INVALID_COMMAND,
    ),
    'contacts nowhere': (
        lambda c, h: {'grasp': grasp_of(c, h, contacts=[Contact(point=point([math.nan] * 3))])},
        ErrorCode.OUT_OF_RANGE,
    ),
    'frame on the hand': (
        lambda c, h: {'grasp': in_frame(c, h, 'hand_camera')},
        ErrorCode.TRANSFORM_UNAVAILABLE,
    ),
    'no frame': (lambda c, h: {'grasp': in_frame(c, h, '')}, ErrorCode.INVALID_COMMAND),
    'unknown frame': (
        lambda c, h: {'grasp': in_frame(c, h, 'moon')},
        ErrorCode.TRANSFORM_UNAVAILABLE,
    ),
}


@pytest.fixture(scope='module')
def hand_camera(client, connected_robot, hand):
    """A camera that the hand carries."""
    camera = StaticTransformPublisher(client.node)
    camera.publish(hand.hand_frame, 'hand_camera', 0, np.array([0, 0, 0.1, 0, 0, 0, 1.0]))
    wait_for(lambda: client.node.count_subscribers('/tf_static'), 'the subscription')
    connected_robot.wait_until_heard()


@pytest.mark.parametrize(('make', 'code'), BAD.values(), ids=BAD.keys())
def test_a_bad_goal_is_aborted_with_its_code_before_anything_moves(
    client, robot, hand, hand_camera, make, code
):
    handle = client.send_execution(ExecuteGrasp.Goal(**make(client, hand)))
    reply = client.wait_for_result(handle, 60)
    assert reply.result.error_message.endswith('.')
    assert len(reply.result.error_message) < 1000
    assert (reply.status, reply.result.error_code) == (GoalStatus.STATUS_ABORTED, code)
    robot.wait_until_heard()
    assert not robot.heard


def test_without_joint_states_nothing_moves(client, robot, hand):
    robot.silent = True
    time.sleep(PARAMETERS['joint_state_max_age'] + 0.1)
    reply = client.execute(grasp_of(client, hand), timeout=60)
    assert reply.result.error_code == ErrorCode.STALE_DATA
    assert not robot.heard


def test_nothing_leaves_while_commands_are_not_enabled(client, robot, hand):
    set_parameters(client, command_enabled=False)
    reply = client.execute(grasp_of(client, hand), timeout=60)
    assert reply.status == GoalStatus.STATUS_ABORTED
    assert reply.result.error_code == ErrorCode.COMMAND_DISABLED
    robot.wait_until_heard()
    assert not robot.heard


@pytest.fixture(scope='module')
def session(client, log, connected_robot):
    return NodeSession(client, log, connected_robot)


@pytest.mark.parametrize('door', short_doors('hand_command_node'), ids=lambda door: door.way)
def test_spoilt_messages_are_dealt_with_and_lead_nowhere(door, session, robot):
    try_some(door, session)
