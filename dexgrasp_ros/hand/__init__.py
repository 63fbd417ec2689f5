"""Hands: from a URDF to the `HandModel` that synthesis and pictures use, and its kinematics.

Nothing here knows a particular hand; what a URDF does not say is derived from its geometry
and kinematics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dexgrasp_ros.core.lazy import lazy_names

if TYPE_CHECKING:
    from dexgrasp_ros.hand.arm import Arm, find_arm
    from dexgrasp_ros.hand.attachment import attach
    from dexgrasp_ros.hand.geometry import primitive_distance
    from dexgrasp_ros.hand.inverse_kinematics import InverseKinematics, InverseKinematicsConfig
    from dexgrasp_ros.hand.kinematics import jacobian, link_poses
    from dexgrasp_ros.hand.loading import load_hand, load_hand_text
    from dexgrasp_ros.hand.meshes import MeshError, MeshFinder
    from dexgrasp_ros.hand.mirror import mirror_hand
    from dexgrasp_ros.hand.moving_joints import (
        links_by_joint,
        locked_joints,
        moving_joint_names,
    )
    from dexgrasp_ros.hand.overrides import HandOverrides
    from dexgrasp_ros.hand.reachability import Reachability
    from dexgrasp_ros.hand.sources import known_hands, rename_meshes

__all__ = [
    'Arm',
    'HandOverrides',
    'InverseKinematics',
    'InverseKinematicsConfig',
    'MeshError',
    'MeshFinder',
    'Reachability',
    'attach',
    'find_arm',
    'jacobian',
    'known_hands',
    'link_poses',
    'links_by_joint',
    'load_hand',
    'load_hand_text',
    'locked_joints',
    'mirror_hand',
    'moving_joint_names',
    'primitive_distance',
    'rename_meshes',
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        'arm': ('Arm', 'find_arm'),
        'attachment': ('attach',),
        'geometry': ('primitive_distance',),
        'inverse_kinematics': ('InverseKinematics', 'InverseKinematicsConfig'),
        'kinematics': ('jacobian', 'link_poses'),
        'loading': ('load_hand', 'load_hand_text'),
        'meshes': ('MeshError', 'MeshFinder'),
        'mirror': ('mirror_hand',),
        'moving_joints': ('links_by_joint', 'locked_joints', 'moving_joint_names'),
        'overrides': ('HandOverrides',),
        'reachability': ('Reachability',),
        'sources': ('known_hands', 'rename_meshes'),
    },
)
