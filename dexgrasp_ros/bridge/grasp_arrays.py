"""Grasp messages back to a `GraspSet`, for who shows or tests what came on a topic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.msg import Contact, Grasp
from dexgrasp_ros.bridge.grasps import poses_of
from dexgrasp_ros.core.errors import ErrorCode, HandError, InputError, choices
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose, pose_to_matrix

_MEASURES = (
    *('score', 'residual', 'penetration', 'epsilon'),
    *('least_friction', 'largest_pull'),
)
_IDENTITY = np.array([0.0, 0, 0, 0, 0, 0, 1])


def grasp_set(
    grasps: Sequence[Grasp], hand: HandModel, frame_pose: NDArray[np.float64] = _IDENTITY
) -> GraspSet:
    """Arrays of grasps that share a frame and are all of `hand`, in the order given.

    The inverse of `bridge.grasps.grasp_messages`: joints are put in the hand's order, and links of
    contacts are counted in its `link_names`.

    Parameters
    ----------
    grasps
        The messages; none give an empty set.
    hand
        What they are grasps of.
    frame_pose
        Pose [7] of the messages' frame in the frame of the result.

    Raises
    ------
    InputError
        INVALID_INPUT for several frames or other joints, WRONG_SHAPE for a posture of another
        length than its names, OUT_OF_RANGE for numbers that are not finite.
    HandError
        UNKNOWN_LINK for a contact of a link that the hand has not.
    """
    frames = {g.header.frame_id for g in grasps}
    if len(frames) > 1:
        raise InputError(f'The grasps are in the frames {choices(frames)}; expected one.')
    postures = {
        name: np.array([_posture(g, name, hand) for g in grasps]).reshape(
            -1, len(hand.joint_names)
        )
        for name in ('pregrasp', 'grasp', 'squeeze')
    }
    stiffness = _posture(grasps[0], 'joint_stiffness', hand) if grasps else hand.joint_stiffness
    contacts = [g.contacts for g in grasps]
    turn = pose_to_matrix(frame_pose)
    locked = [_locked(g) for g in grasps]
    quality = {
        name: np.array([getattr(g.quality, name) for g in grasps], dtype=np.float64)
        for name in _MEASURES
    }
    return GraspSet(
        hand=hand.name,
        # Of the hand that they were planned for, whatever hand shows them.
        hand_digest=grasps[0].hand_digest if grasps else hand.digest,
        urdf=hand.urdf,
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=compose(frame_pose, poses_of(grasps, 'pose')),
        pregrasp_base_pose=compose(frame_pose, poses_of(grasps, 'pregrasp_pose')),
        joint_stiffness=stiffness,
        opening_width=np.array([g.opening_width for g in grasps], dtype=np.float64),
        **postures,
        **quality,
        locked_joints=locked[0] if locked else {},
        contact_count=np.array([g.quality.contact_count for g in grasps], dtype=np.int64),
        contact_links=_links(contacts, hand),
        contact_points=_vectors(contacts, 'point') @ turn[:3, :3].T + turn[:3, 3],
        contact_normals=_vectors(contacts, 'normal') @ turn[:3, :3].T,
        contact_forces=_vectors(contacts, 'force') @ turn[:3, :3].T,
    )


def _posture(grasp: Grasp, field: str, hand: HandModel) -> NDArray[np.float64]:
    """One of a grasp's lists of joint values, in the hand's order."""
    values, names = np.asarray(getattr(grasp, field), dtype=np.float64), list(grasp.joint_names)
    if sorted(names) != sorted(hand.joint_names):
        raise InputError(
            f"A grasp is for joints {choices(names)} of '{grasp.hand}'; '{hand.name}' has"
            f' {choices(hand.joint_names)}.'
        )
    if len(values) != len(names):
        raise InputError(
            f"'{field}' of a grasp has {len(values)} numbers; expected one for each of"
            f' {len(names)} joints.',
            ErrorCode.WRONG_SHAPE,
        )
    if not np.isfinite(values).all():
        raise InputError(
            f"'{field}' of a grasp is {values.tolist()}; expected finite numbers.",
            ErrorCode.OUT_OF_RANGE,
        )
    return values[[names.index(name) for name in hand.joint_names]]


def _locked(grasp: Grasp) -> dict[str, float]:
    """Joints of the hand that do not move, and where they stand."""
    names, values = list(grasp.locked_joint_names), list(grasp.locked_joint_positions)
    if len(names) != len(values):
        raise InputError(
            f"'locked_joint_positions' of a grasp has {len(values)} numbers; expected one for each"
            f' of {len(names)} names.',
            ErrorCode.WRONG_SHAPE,
        )
    return dict(zip(names, values, strict=True))


def _links(contacts: Sequence[Sequence[Contact]], hand: HandModel) -> NDArray[np.int64]:
    """Links of the contacts [N, C], -1 where a grasp has fewer."""
    index = {name: i for i, name in enumerate(hand.link_names)}
    links = np.full((len(contacts), max(map(len, contacts), default=0)), -1, dtype=np.int64)
    for row, of_grasp in enumerate(contacts):
        for column, contact in enumerate(of_grasp):
            if contact.link not in index:
                raise HandError(
                    f"A contact is of link '{contact.link}'; '{hand.name}' has"
                    f' {choices(hand.link_names)}.',
                    ErrorCode.UNKNOWN_LINK,
                )
            links[row, column] = index[contact.link]
    return links


def _vectors(contacts: Sequence[Sequence[Contact]], field: str) -> NDArray[np.float64]:
    """Values of a field of the contacts [N, C, 3], NaN where a grasp has fewer."""
    vectors = np.full((len(contacts), max(map(len, contacts), default=0), 3), np.nan)
    for row, of_grasp in enumerate(contacts):
        for column, contact in enumerate(of_grasp):
            v = getattr(contact, field)
            vectors[row, column] = v.x, v.y, v.z
    return vectors
