"""What a planner must guess about a hand: closing directions, a half-open posture, the palm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.overrides import PalmOverride

# A joint closes when its full travel brings its tips nearer to the palm by at least this share of
# the way that they go; below that it spreads or rotates a finger.
CLOSING_SHARE = 1.0 / 3.0
# Half-open: this share of the way from open to closed. Fingers of an object's size apart.
PRESHAPE_SHARE = 0.4
# Palm surface that faces the approach direction: within this angle, which takes the one face of a
# box and a good part of a rounded palm.
FACING_ANGLE = np.radians(40.0)
# Then within these, one after the other, which leaves out the points on a face's edges (45°).
FLAT_ANGLES = (np.radians(25.0), np.radians(20.0))
# Unit closing motions of fingers that work against each other cancel; below this mean length the
# hand closes sideways, like a gripper, and approaches along its fingers.
COMMON_MOTION = 0.35


@dataclass(frozen=True, kw_only=True)
class PalmModel:
    """Result of `derive_palm`."""

    closing: NDArray[np.int32]  # [J] sign of the motion that closes the hand, 0 for none
    preshape: NDArray[np.float64]  # [J]
    palm_pose: NDArray[np.float64]  # [7] in the root link


@dataclass(frozen=True, kw_only=True)
class SurfaceMotion:
    """The hand's surface points and how they move; `matrices` is forward kinematics."""

    matrices: object  # q [N, J] -> [N, L, 4, 4]
    lower: NDArray[np.float64]  # [J]
    upper: NDArray[np.float64]  # [J]
    points: NDArray[np.float64]  # [P, 3] in the frame of their link
    normals: NDArray[np.float64]  # [P, 3]
    links: NDArray[np.int32]  # [P]


def derive_palm(
    motion: SurfaceMotion,
    anatomy: Anatomy,
    *,
    given: PalmOverride | None = None,
    given_closing: Mapping[int, int] | None = None,
) -> PalmModel:
    """Guess closing directions, preshape and palm frame from geometry and kinematics.

    1. A finger's tip is the mean of its last body's points that lie farthest from its joint.
    2. A joint closes in the direction in which it brings its tips nearer to the palm's middle, all
       other joints at mid-range; joints for which that is less than a third of the way that
       the tips go (spreading, opposition) have no closing direction.
    3. The preshape stands 40 % of the way from open to closed; joints without closing direction
       at mid-range, continuous ones at 0.
    4. Each tip moves along some direction from open to half closed. Their mean is the approach
       axis where it is common to the fingers; where they cancel (a gripper), the direction from
       the palm to the open tips is. It is then turned to the mean normal of the palm's surface
       that faces it within 40°, then 20°, which is exact for a flat palm.
    5. The palm's centre is the middle of that surface, at the height of the surface there.

    x of the palm frame is the direction of the open tips, as far as it lies in the palm.

    What is `given` (a part of the palm's frame) or in `given_closing` (signs by joint index)
    replaces what would be guessed there.
    """
    given = PalmOverride() if given is None else given
    lower, upper = _finite_limits(motion)
    middle = 0.5 * (lower + upper)
    on_palm = anatomy.bodies[motion.links] == anatomy.palm
    rest = motion.matrices(middle[None])[0]
    palm_points = _in_root(rest, motion, on_palm, motion.points)
    palm_middle = palm_points.mean(axis=0) if len(palm_points) else rest[anatomy.palm, :3, 3]
    tips = [_tip_point(rest, motion, anatomy, body) for body in anatomy.tips]
    closing = _closing_directions(motion, anatomy, tips, palm_middle, lower, upper)
    for joint, sign in (given_closing or {}).items():
        closing[joint] = sign
    opened = np.where(closing > 0, lower, np.where(closing < 0, upper, middle))
    closed = np.where(closing > 0, upper, np.where(closing < 0, lower, middle))
    preshape = opened + PRESHAPE_SHARE * (closed - opened)
    open_tips = _tips_at(motion, anatomy, tips, opened[None])[0]
    half_tips = _tips_at(motion, anatomy, tips, 0.5 * (opened + closed)[None])[0]
    approach = None if given.approach is None else _unit(given.approach)
    axis = _approach_axis(open_tips, half_tips, palm_middle) if approach is None else approach
    palm_normals = _in_root(rest, motion, on_palm, motion.normals, direction=True)
    center, axis = _facing_surface(palm_points, palm_normals, palm_middle, axis)
    axis = axis if approach is None else approach
    center = center if given.position is None else np.array(given.position)
    forward = open_tips.mean(axis=0) - center if len(open_tips) else np.zeros(3)
    forward = forward if given.forward is None else np.array(given.forward)
    return PalmModel(
        closing=closing,
        preshape=np.clip(preshape, motion.lower, motion.upper),
        palm_pose=_frame(center, axis, forward),
    )


def _unit(vector: Sequence[float]) -> NDArray[np.float64]:
    return np.array(vector) / np.linalg.norm(vector)


def _finite_limits(motion: SurfaceMotion) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits where joints without any stay at zero."""
    lower = np.where(np.isfinite(motion.lower), motion.lower, np.minimum(motion.upper, 0.0))
    upper = np.where(np.isfinite(motion.upper), motion.upper, np.maximum(motion.lower, 0.0))
    free = ~np.isfinite(motion.lower) & ~np.isfinite(motion.upper)
    return np.where(free, 0.0, lower), np.where(free, 0.0, upper)


def _in_root(
    matrices: NDArray[np.float64],
    motion: SurfaceMotion,
    chosen: NDArray[np.bool_],
    vectors: NDArray[np.float64],
    *,
    direction: bool = False,
) -> NDArray[np.float64]:
    """Chosen points or directions, [M, 3], in the root link's frame."""
    frame = matrices[motion.links[chosen]]
    turned = np.einsum('pij,pj->pi', frame[:, :3, :3], vectors[chosen])
    return turned if direction else turned + frame[:, :3, 3]


def _tip_point(
    matrices: NDArray[np.float64], motion: SurfaceMotion, anatomy: Anatomy, body: int
) -> NDArray[np.float64]:
    """Tip of a body [4], homogeneous, in the body's frame."""
    chosen = anatomy.bodies[motion.links] == body
    points = _in_root(matrices, motion, chosen, motion.points)
    inverse = np.linalg.inv(matrices[body])
    points = points @ inverse[:3, :3].T + inverse[:3, 3]
    distance = np.linalg.norm(points, axis=1)
    return np.append(points[distance > 0.9 * distance.max()].mean(axis=0), 1.0)


def _tips_at(
    motion: SurfaceMotion, anatomy: Anatomy, tips: list[NDArray[np.float64]], q: NDArray
) -> NDArray[np.float64]:
    """Tips [N, T, 3] in the root link's frame for postures [N, J]."""
    if not tips:
        return np.empty((len(q), 0, 3))
    frames = motion.matrices(q)[:, list(anatomy.tips)]
    return np.einsum('ntij,tj->nti', frames, np.stack(tips))[..., :3]


def _closing_directions(
    motion: SurfaceMotion,
    anatomy: Anatomy,
    tips: list[NDArray[np.float64]],
    palm_middle: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Sign of each joint's closing motion [J], step 2 of `derive_palm`."""
    count = len(lower)
    postures = np.tile(0.5 * (lower + upper), (2, count, 1))
    index = np.arange(count)
    postures[0, index, index] = lower
    postures[1, index, index] = upper
    at_lower, at_upper = (_tips_at(motion, anatomy, tips, q) for q in postures)
    travel = np.linalg.norm(at_upper - at_lower, axis=-1).sum(axis=1)
    nearer = (
        np.linalg.norm(at_lower - palm_middle, axis=-1)
        - np.linalg.norm(at_upper - palm_middle, axis=-1)
    ).sum(axis=1)
    return np.where(np.abs(nearer) >= CLOSING_SHARE * travel, np.sign(nearer), 0).astype(np.int32)


def _approach_axis(
    open_tips: NDArray[np.float64],
    half_tips: NDArray[np.float64],
    palm_middle: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Compute step 4 of `derive_palm`, before the axis is turned to the palm's surface."""
    if not len(open_tips):
        return np.array([0.0, 0.0, 1.0])
    motion = half_tips - open_tips
    length = np.linalg.norm(motion, axis=1, keepdims=True)
    mean = (motion / np.maximum(length, 1e-9)).mean(axis=0)
    if np.linalg.norm(mean) < COMMON_MOTION:
        mean = open_tips.mean(axis=0) - palm_middle
    length = np.linalg.norm(mean)
    return mean / length if length > 1e-9 else np.array([0.0, 0.0, 1.0])


def _facing_surface(
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
    middle: NDArray[np.float64],
    axis: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre of the palm's surface that faces `axis`, and its mean normal."""
    facing = np.zeros(len(points), bool)
    for angle in (FACING_ANGLE, *FLAT_ANGLES):
        facing = normals @ axis > np.cos(angle)
        if not facing.any():
            return middle, axis
        axis = normals[facing].mean(axis=0)
        axis /= np.linalg.norm(axis)
    front = points[facing]
    center = front.mean(axis=0)
    height = (front - center) @ axis
    aside = np.linalg.norm(front - center - height[:, None] * axis, axis=1)
    near = aside <= max(0.015, aside.min())  # what a fingertip would meet there
    return center + axis * height[near].max(), axis


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
