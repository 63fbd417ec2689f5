"""The ways into `sim_hand_node` and `sim_camera_node`."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from grasp_doors import GRASP_DOORS
from node_door import NodeDoor, heard
from node_session import NodeSession
from trajectory_msgs.msg import JointTrajectory, MultiDOFJointTrajectory

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.bridge.trajectories import finger_trajectory, pose_trajectory
from dexgrasp_ros.hand import load_hand

HAND, CAMERA = 'sim_hand_node', 'sim_camera_node'
_SLOW = {'joint_state_rate': 20.0, 'tf_rate': 10.0, 'real_time_factor': 0.1}
_POSE = np.array([0.0, 0.0, 0.4, 0.0, 1.0, 0.0, 0.0])


@functools.cache
def _hand() -> Any:
    return load_hand('allegro')


def _fingers(_session: NodeSession) -> JointTrajectory:
    hand = _hand()
    return finger_trajectory(hand.joint_names, [hand.preshape, hand.preshape], [0.1, 0.2])


def _wrist(_session: NodeSession) -> MultiDOFJointTrajectory:
    return pose_trajectory('world', _hand().hand_frame, [_POSE, _POSE], [0.1, 0.2])


_OBJECTS = next(door for door in GRASP_DOORS if door.way == 'objects')
SIMULATION_DOORS = (
    NodeDoor(
        node=HAND,
        way='joint_trajectory',
        sound=_fingers,
        ask=heard(HAND, JointTrajectory, 'joint_trajectory'),
        parameters=_SLOW,
    ),
    NodeDoor(
        node=HAND,
        way='wrist_trajectory',
        sound=_wrist,
        ask=heard(HAND, MultiDOFJointTrajectory, 'wrist_trajectory'),
        parameters=_SLOW,
    ),
    NodeDoor(
        node=CAMERA,
        way='sim_objects',
        sound=_OBJECTS.sound,
        ask=heard(CAMERA, ObjectArray, 'sim_objects', latched_publisher()),
        parameters={'width': 64, 'height': 48},
    ),
)
