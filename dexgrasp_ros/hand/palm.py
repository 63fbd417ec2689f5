"""What a planner must guess about a hand: closing directions, a half-open posture, the palm."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.closing import closing_directions, tip_point
from dexgrasp_ros.hand.overrides import PalmOverride
from dexgrasp_ros.hand.palm_axis import STAGES, face_toward, find_palm_face
from dexgrasp_ros.hand.surface_motion import SurfaceMotion, finite_limits

# Half-open: this share of the way from open to closed. Fingers of an object's size apart.
PRESHAPE_SHARE = 0.4
# Unit closing motions of fingers that work against each other cancel; below this mean length the
# hand closes sideways, like a gripper, and approaches along its fingers.
COMMON_MOTION = 0.35
# The face that the tips set out to is kept if it sees this share of what the best face sees. Two
# jaws reach along the approach axis, whatever the flanks of the gripper see of them.
TIPS_SHARE, JAWS_SHARE = 0.8, 0.5
# Tips say which way the fingers point if their mean stands aside from the palm's axis by this
# share of its distance; three fingers around a palm cancel.
ASIDE = 0.05


@dataclass(frozen=True, kw_only=True)
class PalmModel:
    """Result of `derive_palm`."""

    closing: NDArray[np.int32]  # [J] sign of the motion that closes the hand, 0 for none
    preshape: NDArray[np.float64]  # [J]
    palm_pose: NDArray[np.float64]  # [7] in the root link
    rival: NDArray[np.float64]  # [3] the approach axis that comes second, in the root link
    doubt: float  # how much speaks for that, as a share of what speaks for the first


def derive_palm(
    motion: SurfaceMotion,
    anatomy: Anatomy,
    *,
    given: PalmOverride | None = None,
    given_closing: Mapping[int, int] | None = None,
) -> PalmModel:
    """Guess closing directions, preshape and palm frame from geometry and kinematics.

    1. Joints close as `closing_directions` finds.
    2. The preshape stands 40 % of the way from open to closed; joints without closing direction
       at mid-range, continuous ones at 0.
    3. The approach axis is the normal of the palm's face that looks at what the fingers enclose
       (`find_palm_face`). The one that the tips set out to is kept where it does so nearly as
       well: where the mean of their ways from open to half closed leads, or, where these cancel
       (a gripper), from the palm to the open tips.
    4. The palm's centre is the middle of that face, at the height of the surface there.
    5. x of the palm frame is the direction of the open tips, as far as it lies in the palm; for
       two fingers that work against each other, that of the jaws' motion.

    What is `given` (a part of the palm's frame) or in `given_closing` (signs by joint index)
    replaces what would be guessed there.
    """
    given = PalmOverride() if given is None else given
    lower, upper = finite_limits(motion.tree)
    middle = 0.5 * (lower + upper)
    rest = motion.matrices(middle[None])[0]
    palm = motion.placed(rest, np.flatnonzero(anatomy.bodies[motion.links] == anatomy.palm))
    palm_middle = palm[0].mean(axis=0) if len(palm[0]) else rest[anatomy.palm, :3, 3]
    closing = closing_directions(motion, anatomy)
    for joint, sign in (given_closing or {}).items():
        closing[joint] = sign
    opened = np.where(closing > 0, lower, np.where(closing < 0, upper, middle))
    closed = np.where(closing > 0, upper, np.where(closing < 0, lower, middle))
    preshape = opened + PRESHAPE_SHARE * (closed - opened)
    points = [tip_point(motion, anatomy, body, rest) for body in anatomy.tips]
    half = 0.5 * (opened + closed)
    tips = _tips_at(motion, anatomy, points, np.stack([opened, half, closed]))
    start = _start(tips[0], tips[1], palm_middle)
    if given.approach is None:
        stages = opened + STAGES[:, None] * (closed - opened)
        share = JAWS_SHARE if _are_jaws(tips) else TIPS_SHARE
        face = find_palm_face(motion, anatomy, palm, palm_middle, stages, start, share)
    else:
        axis = _unit(given.approach)
        face = dataclasses.replace(face_toward(palm, palm_middle, axis), axis=axis)
    center = face.center if given.position is None else np.array(given.position)
    forward = _forward(tips, center, face.axis) if given.forward is None else given.forward
    return PalmModel(
        closing=closing,
        preshape=np.clip(preshape, motion.tree.lower, motion.tree.upper),
        palm_pose=_frame(center, face.axis, np.array(forward)),
        rival=face.rival,
        doubt=face.doubt,
    )


def _unit(vector: Sequence[float]) -> NDArray[np.float64]:
    return np.array(vector) / np.linalg.norm(vector)


def _tips_at(
    motion: SurfaceMotion, anatomy: Anatomy, tips: list[NDArray[np.float64]], q: NDArray
) -> NDArray[np.float64]:
    """Tips [N, T, 3] in the root link's frame for postures [N, J]."""
    if not tips:
        return np.empty((len(q), 0, 3))
    frames = motion.matrices(q)[:, list(anatomy.tips)]
    return np.einsum('ntij,tj->nti', frames, np.stack(tips))[..., :3]


def _start(
    open_tips: NDArray[np.float64],
    half_tips: NDArray[np.float64],
    palm_middle: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Where the tips set out to, as in step 3 of `derive_palm`."""
    if not len(open_tips):
        return np.array([0.0, 0.0, 1.0])
    motion = half_tips - open_tips
    length = np.linalg.norm(motion, axis=1, keepdims=True)
    mean = (motion / np.maximum(length, 1e-9)).mean(axis=0)
    if np.linalg.norm(mean) < COMMON_MOTION:
        mean = open_tips.mean(axis=0) - palm_middle
    length = np.linalg.norm(mean)
    return mean / length if length > 1e-9 else np.array([0.0, 0.0, 1.0])


def _are_jaws(tips: NDArray[np.float64]) -> bool:
    """Whether tips [3, T, 3], open, half and fully closed, are two that close on each other."""
    ways = tips[2] - tips[0]
    return len(ways) == 2 and bool(np.linalg.norm(ways[0] - ways[1]) > np.linalg.norm(ways.sum(0)))


def _forward(
    tips: NDArray[np.float64], center: NDArray[np.float64], axis: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Direction of x for tips [3, T, 3] open, half and fully closed, as in step 5."""
    opened, _, closed = tips
    if not len(opened):
        return np.zeros(3)
    if _are_jaws(tips):
        return (opened - closed)[0] - (opened - closed)[1]
    forward = opened.mean(axis=0) - center
    aside = np.linalg.norm(np.cross(axis, forward))
    return forward if aside > ASIDE * np.linalg.norm(forward) else opened[0] - center


def _frame(
    origin: NDArray[np.float64], z: NDArray[np.float64], forward: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pose [7] with the given z axis and x as near to `forward` as that allows."""
    x = forward - (forward @ z) * z
    if np.linalg.norm(x) < 1e-6:
        x = np.eye(3)[np.argmin(np.abs(z))]
        x = x - (x @ z) * z
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z], axis=1)
    return np.concatenate([origin, Rotation.from_matrix(rotation).as_quat()])
