"""The ways into `grasp_node` and `viewer_node`."""

from __future__ import annotations

import functools
import time
from typing import Any

import numpy as np
import trimesh
from command_doors import COMMAND_DOORS
from node_door import NodeDoor, heard, now
from node_session import NodeSession
from sensor_msgs.msg import JointState
from shape_msgs.msg import SolidPrimitive
from std_msgs.msg import String
from viewer_bench import grasp

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import GraspArray, Object, ObjectArray, Region
from dexgrasp_ros.bridge.geometry import (
    cloud_message,
    header,
    mesh_message,
    plane_message,
    pose_message,
)
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.hand import load_hand

NODE, VIEWER = 'grasp_node', 'viewer_node'
LABEL = 1
# How good grasps are is not the subject.
SEARCH = {
    'synthesis.seed_count': 4,
    'synthesis.iterations': 5,
    'synthesis.seed_draws': 1,
    'synthesis.max_grasps': 2,
    'synthesis.simulate_closing': False,
    'tf_timeout': 0.0,
    'reconstruction_timeout': 0.1,
}


@functools.cache
def _hand() -> Any:
    return load_hand('allegro')


def _mesh() -> Any:
    box = trimesh.creation.box((0.06, 0.06, 0.1))
    return mesh_message(box.vertices, box.faces)


def _obstacles() -> Any:
    return cloud_message(np.full((3, 3), 0.4), header('table', 0))


def _goal(_session: NodeSession) -> SynthesizeGrasps.Goal:
    sphere = SolidPrimitive(type=SolidPrimitive.SPHERE, dimensions=[0.3])
    goal = SynthesizeGrasps.Goal(
        source=SynthesizeGrasps.Goal.SOURCE_MESH,
        object_id='box',
        mesh=_mesh(),
        has_support_plane=True,
        support_plane=plane_message([0, 0, 1.0, 0.05]),
        obstacles=_obstacles(),
        approach_half_angle=3.0,
        hold_regions=[Region(shape=sphere)],
    )
    goal.mesh_pose.header.frame_id = 'table'
    goal.approach_axis.z = -1.0
    return goal


def _synthesize(session: NodeSession, goal: SynthesizeGrasps.Goal) -> str:
    return session.end_of(session.client.send_goal, goal)


def _objects(session: NodeSession) -> ObjectArray:
    one = Object(
        header=header('table', now(session)),
        id='object_1',
        label=LABEL,
        name='box',
        mesh=_mesh(),
        has_support_plane=True,
        support_plane=plane_message([0, 0, 1.0, 0.05]),
        pose=pose_message([0.1, 0, 0.05, 0, 0, 0, 1]),
        obstacles=_obstacles(),
    )
    return ObjectArray(header=one.header, objects=[one])


def _search_what_was_published(session: NodeSession, objects: ObjectArray) -> str:
    heard(NODE, ObjectArray, 'objects', latched_publisher())(session, objects)
    goal = SynthesizeGrasps.Goal(source=SynthesizeGrasps.Goal.SOURCE_LIVE, label=LABEL)
    return _synthesize(session, goal)


def _shown(kind: type, topic: str) -> Any:
    publish = heard(VIEWER, kind, topic, latched_publisher())

    def ask(session: NodeSession, message: Any) -> str:
        publish(session, message)
        time.sleep(0.02)  # the node shows it in its worker, and says nothing when it has
        return ''

    return ask


def _grasps(_session: NodeSession) -> GraspArray:
    one = grasp(_hand(), 'table')
    return GraspArray(header=one.header, grasps=[one, one])


_JOINT_STATES = next(door for door in COMMAND_DOORS if door.way == 'joint_states')
_SHOW = {'port': 0, 'tf_timeout': 0.0}
GRASP_DOORS = (
    NodeDoor(
        node=NODE,
        way='synthesize_grasps',
        sound=_goal,
        ask=_synthesize,
        parameters=SEARCH,
        changes=SEARCH,
        examples=5,
    ),
    NodeDoor(
        node=NODE,
        way='objects',
        sound=_objects,
        ask=_search_what_was_published,
        parameters=SEARCH,
        changes=SEARCH,
        examples=4,
    ),
    NodeDoor(
        node=NODE,
        way='joint_states',
        sound=_JOINT_STATES.sound,
        ask=heard(NODE, JointState, 'joint_states'),
        parameters=SEARCH,
    ),
    NodeDoor(
        node=NODE,
        way='follow_token',
        sound=lambda _: String(data='0' * 32),
        ask=heard(NODE, String, 'follow_token', latched_publisher()),
        parameters=SEARCH,
        examples=5,
    ),
    NodeDoor(
        node=VIEWER,
        way='objects',
        sound=_objects,
        ask=_shown(ObjectArray, 'objects'),
        parameters=_SHOW,
        changes={'tf_timeout': 0.0},
    ),
    NodeDoor(
        node=VIEWER,
        way='grasps',
        sound=_grasps,
        ask=_shown(GraspArray, 'grasps'),
        parameters=_SHOW,
        changes={'tf_timeout': 0.0},
    ),
)
