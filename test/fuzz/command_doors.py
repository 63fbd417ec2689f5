"""The ways into `hand_command_node`."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from execute_goals import PARAMETERS, grasp_of
from geometry_msgs.msg import TransformStamped
from ideal_robot import IdealRobot
from node_door import NodeDoor, heard, now
from node_session import NodeSession, wait_for
from sensor_msgs.msg import JointState
from sound_files import URDF
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import GraspArray
from dexgrasp_ros.bridge.geometry import header, transform_message
from dexgrasp_ros.bridge.qos import latched_publisher, latched_subscription, standard
from dexgrasp_ros.hand import load_hand

NODE = 'hand_command_node'
_POSE = np.array([0.3, 0.0, 0.6, 0.0, 0.0, 0.0, 1.0])


@functools.cache
def _hand() -> Any:
    return load_hand('allegro')


def _goal(session: NodeSession) -> ExecuteGrasp.Goal:
    return ExecuteGrasp.Goal(grasp=grasp_of(session.client, _hand()), time_limit=60.0)


def _execute(session: NodeSession, goal: ExecuteGrasp.Goal) -> str:
    return session.end_of(session.client.send_execution, goal)


def _grasps(session: NodeSession) -> GraspArray:
    """As `grasp_node` publishes them, with the newest token."""
    tokens = session.kept.setdefault('tokens', [])
    if not tokens:
        session.node.create_subscription(
            String, 'follow_token', lambda m: tokens.append(m.data), latched_subscription()
        )
        wait_for(lambda: tokens, 'a token')
    grasp = grasp_of(session.client, _hand())
    return GraspArray(header=grasp.header, grasps=[grasp] * 2, follow_token=tokens[-1])


def _state(session: NodeSession) -> JointState:
    names = list(_hand().joint_names)
    zeros = [0.0] * len(names)
    return JointState(
        header=header('', now(session)), name=names, position=zeros, velocity=zeros, effort=zeros
    )


def _transforms(session: NodeSession) -> TFMessage:
    one = TransformStamped(
        header=header(IdealRobot.FRAME, now(session)),
        child_frame_id='elbow',
        transform=transform_message(_POSE),
    )
    return TFMessage(transforms=[one, one])


FOLLOWS = PARAMETERS | {'follow_grasps': True}
COMMAND_DOORS = (
    NodeDoor(node=NODE, way='execute_grasp', sound=_goal, ask=_execute, parameters=PARAMETERS),
    NodeDoor(
        node=NODE,
        way='grasps',
        sound=_grasps,
        ask=heard(NODE, GraspArray, 'grasps'),
        parameters=FOLLOWS,
        changes={'follow_grasps': True},
    ),
    NodeDoor(
        node=NODE,
        way='joint_states',
        sound=_state,
        ask=heard(NODE, JointState, 'joint_states'),
        parameters=PARAMETERS,
    ),
    NodeDoor(
        node=NODE,
        way='/tf',
        sound=_transforms,
        ask=heard(NODE, TFMessage, '/tf', standard(100)),
        parameters=PARAMETERS,
        examples=0,  # what the node has heard of frames stays, also for other tests
    ),
    NodeDoor(
        node=NODE,
        way='robot_description',
        sound=lambda _: String(data=URDF[:-9]),
        ask=heard(NODE, String, 'robot_description', latched_publisher()),
        parameters=PARAMETERS,
        examples=5,
    ),
)
