"""What an arm needs to know of grasps: poses of its flange, and its own joint positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.geometry import pose_message
from dexgrasp_ros.bridge.grasps import poses_of
from dexgrasp_ros.hand import Arm

# Field of a grasp with a pose of the hand, and the one with the flange's.
_FLANGE_FIELDS = {
    'pose': 'flange_pose',
    'pregrasp_pose': 'flange_pregrasp_pose',
    'lift_pose': 'flange_lift_pose',
}


def add_flange(grasps: Sequence[Grasp], arm: Arm) -> None:
    """Say for each grasp where the flange goes: T_flange = T_hand · inverse(T_flange_hand)."""
    for grasp in grasps:
        grasp.flange_frame = arm.flange_frame
    for field, flange_field in _FLANGE_FIELDS.items():
        poses = arm.flange_poses(poses_of(grasps, field))
        for grasp, pose in zip(grasps, poses, strict=True):
            setattr(grasp, flange_field, pose_message(pose))


def add_arm_postures(
    grasps: Sequence[Grasp],
    arm: Arm,
    postures: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]] | None],
) -> None:
    """Say for each grasp with what joint positions [J] the arm is at pre-grasp and grasp."""
    for grasp, posture in zip(grasps, postures, strict=True):
        if posture is not None:
            grasp.arm_joint_names = list(arm.joint_names)
            grasp.arm_pregrasp, grasp.arm_grasp = (q.tolist() for q in posture)
