"""Forward kinematics and Jacobians of a `HandModel` in NumPy, float64, for many postures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.hand.tree import KinematicTree


def link_poses(
    hand: HandModel, q: ArrayLike, base_pose: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Pose of every link.

    T_l = T_parent(l) · origin_l · motion(axis_l, multiplier_l q[coordinate_l] + offset_l).

    Parameters
    ----------
    hand
        The hand.
    q
        [..., J] joint positions, rad or m.
    base_pose
        [7] or [..., 7] pose of the root link; the identity where it is left out.

    Returns
    -------
    NDArray
        [..., L, 7] in the frame of `base_pose`, xyz qxyzw.

    Raises
    ------
    InputError
        WRONG_SHAPE when the last axis of `q` is not the number of joints.
    """
    return matrix_to_pose(link_matrices(hand, q, base_pose))


def link_matrices(
    hand: HandModel, q: ArrayLike, base_pose: ArrayLike | None = None
) -> NDArray[np.float64]:
    """As `link_poses`, as homogeneous matrices [..., L, 4, 4]."""
    matrices = tree_matrices(hand, _checked(hand, q))
    if base_pose is None:
        return matrices
    return pose_to_matrix(base_pose)[..., None, :, :] @ matrices


def tree_matrices(tree: HandModel | KinematicTree, q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Links in the root's frame [..., L, 4, 4] for q [..., J], of a hand or of its tree alone."""
    moving = tree.coordinates >= 0
    values = np.broadcast_to(tree.offsets, (*q.shape[:-1], len(tree.offsets))).copy()
    values[..., moving] += tree.multipliers[moving] * q[..., tree.coordinates[moving]]
    origins = pose_to_matrix(tree.joint_origins)
    result = np.empty((*values.shape, 4, 4))
    for link, parent in enumerate(tree.link_parents):
        motion = joint_motion(tree.joint_types[link], tree.joint_axes[link], values[..., link])
        placed = origins[link] @ motion
        result[..., link, :, :] = placed if parent < 0 else result[..., parent, :, :] @ placed
    return result


def joint_motion(
    joint_type: int, axis: NDArray[np.float64], value: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Homogeneous matrices [..., 4, 4] of a joint at `value` [...], rad or m.

    Rotation by Rodrigues' formula: R = I + sin θ K + (1 - cos θ) K², K = [axis]×.
    """
    motion = np.zeros((*value.shape, 4, 4))
    motion[..., :, :] = np.eye(4)
    if joint_type == JointType.PRISMATIC:
        motion[..., :3, 3] = value[..., None] * axis
    elif joint_type == JointType.REVOLUTE:
        x, y, z = axis
        k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        angle = value[..., None, None]
        motion[..., :3, :3] += np.sin(angle) * k + (1.0 - np.cos(angle)) * (k @ k)
    return motion


def driving_links(tree: HandModel | KinematicTree) -> NDArray[np.int64]:
    """[J] link that each actuated joint moves directly, by actuated joint."""
    direct = (tree.coordinates >= 0) & (tree.multipliers == 1.0) & (tree.offsets == 0.0)
    return np.array(
        [np.flatnonzero(direct & (tree.coordinates == j))[0] for j in range(len(tree.joint_names))]
    )


def jacobian(hand: HandModel, q: ArrayLike, link: int, point: ArrayLike) -> NDArray[np.float64]:
    """How a point of a link moves with the joints, in the root link's frame.

    Column of a revolute joint: (a × (x - o), a), of a prismatic one (a, 0), with the axis a
    through o, each times its multiplier; mimic joints add to the joint that they follow.

    Parameters
    ----------
    hand
        The hand.
    q
        [..., J] joint positions, rad or m.
    link
        Index into `hand.link_names`.
    point
        [3] or [..., 3] m, in the link's frame.

    Returns
    -------
    NDArray
        [..., 6, J]: linear velocity of the point, then angular velocity of the link.

    Raises
    ------
    InputError
        WRONG_SHAPE when the last axis of `q` is not the number of joints, OUT_OF_RANGE when
        there is no such link.
    """
    if not 0 <= link < len(hand.link_names):
        raise InputError(
            f'There is no link {link}; expected 0 to {len(hand.link_names) - 1}.',
            ErrorCode.OUT_OF_RANGE,
        )
    matrices = link_matrices(hand, q)
    x = np.einsum('...ij,...j->...i', matrices[..., link, :3, :3], np.asarray(point, float))
    x = x + matrices[..., link, :3, 3]
    result = np.zeros((*matrices.shape[:-3], 6, len(hand.joint_names)))
    while link > 0:
        coordinate, scale = hand.coordinates[link], hand.multipliers[link]
        if coordinate >= 0:
            # The axis is the same before and after the joint's own motion.
            axis = matrices[..., link, :3, :3] @ hand.joint_axes[link]
            if hand.joint_types[link] == JointType.REVOLUTE:
                arm = x - matrices[..., link, :3, 3]
                result[..., :3, coordinate] += scale * np.cross(axis, arm)
                result[..., 3:, coordinate] += scale * axis
            elif hand.joint_types[link] == JointType.PRISMATIC:
                result[..., :3, coordinate] += scale * axis
        link = int(hand.link_parents[link])
    return result


def _checked(hand: HandModel, q: ArrayLike) -> NDArray[np.float64]:
    """Joint positions as an array of the right width."""
    q = np.asarray(q, dtype=np.float64)
    if q.ndim == 0 or q.shape[-1] != len(hand.joint_names):
        raise InputError(
            f'Joint positions have shape {q.shape}; expected [..., {len(hand.joint_names)}] for '
            f'{", ".join(hand.joint_names)}.',
            ErrorCode.WRONG_SHAPE,
        )
    return q
