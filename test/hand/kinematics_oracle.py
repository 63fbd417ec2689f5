"""Pinocchio as the oracle for kinematics."""

from __future__ import annotations

import numpy as np
import pytest

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import jacobian, link_poses


def pinocchio_oracle(hand: HandModel, q: np.ndarray):
    """Pinocchio in a posture of ours, mimics written out, and how its velocities follow ours."""
    pin = pytest.importorskip('pinocchio')
    model = pin.buildModelFromXML(hand.urdf)
    full = pin.neutral(model)
    velocity_columns = np.zeros((model.nv, len(hand.joint_names)))
    for link in range(1, len(hand.link_names)):
        frame = model.frames[model.getFrameId(hand.link_names[link], pin.FrameType.BODY)]
        joint = model.joints[frame.parentJoint]
        column = hand.coordinates[link]
        moved_here = hand.link_names[link] in joint_children(hand)
        if not moved_here or joint.nv == 0:
            continue
        value = hand.offsets[link] + (hand.multipliers[link] * q[column] if column >= 0 else 0.0)
        if joint.nq == 2:  # continuous: cosine and sine
            full[joint.idx_q : joint.idx_q + 2] = np.cos(value), np.sin(value)
        else:
            full[joint.idx_q] = value
        if column >= 0:
            velocity_columns[joint.idx_v, column] = hand.multipliers[link]
    data = model.createData()
    pin.framesForwardKinematics(model, data, full)
    pin.computeJointJacobians(model, data, full)
    return pin, model, data, velocity_columns


def joint_children(hand: HandModel) -> set[str]:
    """Links that a movable joint of the URDF carries."""
    return {hand.link_names[i] for i in range(1, len(hand.link_names)) if hand.joint_types[i]}


def assert_agrees_with_pinocchio(hand: HandModel, q: np.ndarray, point: np.ndarray) -> None:
    pin, model, data, columns = pinocchio_oracle(hand, q)
    poses = link_poses(hand, q)
    for link, name in enumerate(hand.link_names):
        frame = model.getFrameId(name, pin.FrameType.BODY)
        np.testing.assert_allclose(
            pose_to_matrix(poses[link]), data.oMf[frame].homogeneous, atol=1e-5
        )
        # Pinocchio's Jacobian holds for the frame's origin; shift it to the point.
        there = pin.getFrameJacobian(model, data, frame, pin.LOCAL_WORLD_ALIGNED)
        there = there.reshape(6, model.nv) @ columns
        arm = data.oMf[frame].rotation @ point
        shifted = there[:3] - np.cross(arm, there[3:], axis=0)
        ours = jacobian(hand, q, link, point)
        np.testing.assert_allclose(ours, np.vstack([shifted, there[3:]]), atol=1e-5)
