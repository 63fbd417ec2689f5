"""Wishes for one hand and one object: what touches, where searches start, what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, HandError, InputError, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.core.wishes import Wishes
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.synthesis.fingers import finger_names, fingertips, groups_of, palm_groups
from dexgrasp_ros.synthesis.look import Look
from dexgrasp_ros.synthesis.upload import LEAST_WEIGHT

# So soft at any distance that the solver leaves the contact out, see `kernels.contact_solve`.
_IDLE_WEIGHT = 1e-6
# A power grasp is not made of fingertips: these weigh half as much as all else.
_TIP_WEIGHT = 0.5
_CLOSE = 0.01  # m, from a palm that is to touch to the surface, at first
_LEAST_FINGERS = 2
_ROUNDING = 1e-6  # m; surface points are in single precision


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What wishes mean for a hand's groups and an object's surface."""

    wishes: Wishes
    weights: NDArray[np.float64]  # [G] how much contact is wanted there
    clear: NDArray[np.bool_]  # [G] must not touch
    touch: NDArray[np.bool_]  # [K, G] of each of these sets one group at least touches
    fingers: NDArray[np.bool_]  # [F, G] groups of each finger, without the palm
    least_fingers: int  # so many of these touch
    least_contacts: int | None  # None: as many as usual
    starts: NDArray[np.int64]  # surface points that searches start from
    heights: tuple[float, float] | None  # m, of the palm above them; None: as usual


def resolve_wishes(hand: HandModel, obj: ObjectModel, wishes: Wishes | None) -> Demand | None:
    """Find the groups that are to touch and the surface that is to be touched.

    What is before the palm is not to touch, unless it was given a contact weight. Without wishes
    the demand is that alone, and None where nothing is before the palm.

    Raises
    ------
    InputError
        UNKNOWN_LINK for a finger that the hand does not have, INVALID_INPUT for wishes that
        contradict each other, or regions that leave nothing of the surface.
    HandError
        UNSUPPORTED_HAND: such a hand has no such grasps.
    """
    bystanders = hand.group_before_palm & (hand.group_weights == 0.0)
    if wishes is None:
        return _keep_clear(hand, obj, bystanders) if bystanders.any() else None
    fingers = hand.group_fingers
    palm = palm_groups(hand)
    tips = fingertips(hand)
    named = [groups_of(hand, name) for name in wishes.fingers]
    # Without names all may touch; a power grasp has the palm beside what is named.
    free = np.any(named, axis=0) if named else np.ones(len(fingers), dtype=bool)
    touch = list(named)
    weights = hand.group_weights.copy()
    heights = None
    if wishes.grasp_type == 'precision':
        if (free & palm).any() and named:
            raise InputError("A precision grasp is one without the palm; 'fingers' names it.")
        free = free & tips
        touch = [t & tips for t in touch]
        heights = _fingertip_heights(hand, tips)
    elif wishes.grasp_type == 'power':
        if not palm.any():
            raise HandError(
                f"A power grasp needs a palm, and '{hand.name}' has none that can touch.",
                ErrorCode.UNSUPPORTED_HAND,
            )
        free = free | palm
        touch.append(palm)
        weights = np.where(tips, _TIP_WEIGHT, 1.0) * (weights > 0.0)
        heights = (0.0, _CLOSE)
    free = free & ~bystanders
    _check_fingers(hand, wishes, free)
    parts = len(np.unique(fingers[free & (hand.group_weights > 0.0)]))
    return Demand(
        wishes=wishes,
        weights=np.where(free, np.maximum(weights, LEAST_WEIGHT), _IDLE_WEIGHT),
        clear=~free,
        touch=np.array(touch, dtype=bool).reshape(-1, len(fingers)),
        fingers=np.arange(fingers.max() + 1)[:, None] == fingers,
        least_fingers=_LEAST_FINGERS if wishes.grasp_type == 'power' and not named else 0,
        # Two fingers pinch with a contact each.
        least_contacts=2 if parts == _LEAST_FINGERS else None,
        starts=_starts(obj, wishes),
        heights=heights,
    )


def _keep_clear(hand: HandModel, obj: ObjectModel, clear: NDArray[np.bool_]) -> Demand:
    """Demand nothing but that some groups [G] do not touch."""
    weights = np.maximum(hand.group_weights, LEAST_WEIGHT)
    return Demand(
        wishes=Wishes(),
        weights=np.where(clear, _IDLE_WEIGHT, weights),
        clear=clear,
        touch=np.empty((0, len(clear)), dtype=bool),
        fingers=np.empty((0, len(clear)), dtype=bool),
        least_fingers=0,
        least_contacts=None,
        starts=np.arange(len(obj.surface_points)),
        heights=None,
    )


def _check_fingers(hand: HandModel, wishes: Wishes, free: NDArray[np.bool_]) -> None:
    """Refuse a wish for one finger alone, or for fingertips of a hand that has none."""
    parts = np.unique(hand.group_fingers[free & (hand.group_weights > 0.0)])
    if len(parts) >= _LEAST_FINGERS:
        return
    if wishes.fingers:
        raise InputError(
            f'Nothing can be held between {", ".join(wishes.fingers)} alone; expected two of '
            f'{choices(finger_names(hand).values())}, or one and the palm.'
        )
    raise HandError(
        f"'{hand.name}' has {len(parts)} fingers with tips of their own; a "
        f'{wishes.grasp_type} grasp needs two.',
        ErrorCode.UNSUPPORTED_HAND,
    )


def _fingertip_heights(hand: HandModel, tips: NDArray[np.bool_]) -> tuple[float, float] | None:
    """How far above the surface a palm starts whose half-open fingertips reach for it [m]."""
    root = invert(hand.palm_pose)
    links = link_poses(hand, hand.preshape[None], root[None])[0]
    frames = compose(links[hand.geometry_links[tips]], hand.geometry_poses[tips])
    reach = float(frames[:, 2].max(initial=0.0))
    return (0.3 * reach, 0.9 * reach) if reach > 0.0 else None


def _starts(obj: ObjectModel, wishes: Wishes) -> NDArray[np.int64]:
    """Surface points that may be touched, those that face the approach if there is one."""
    points = obj.surface_points.astype(np.float64)
    good = in_place(wishes, points, _ROUNDING)
    if not good.any():
        # A region smaller than the gaps between the points may hold surface nonetheless.
        gap, _index = KDTree(points).query(points, k=[2])
        good = in_place(wishes, points, float(gap.max()))
    if not good.any():
        low, high = (f'[{x:.3f} {y:.3f} {z:.3f}]' for x, y, z in (points.min(0), points.max(0)))
        raise InputError(
            f"No surface is left by 'hold_regions' and 'avoid_regions'; the object reaches from "
            f'{low} to {high} m.'
        )
    if wishes.approach_axis is not None:
        facing = obj.surface_normals @ -np.array(wishes.approach_axis)
        # The palm is turned into the cone anyway; it should not have to turn by more than this.
        near = good & (facing > np.cos(min(wishes.approach_half_angle + 0.5, np.pi)))
        good = near if near.any() else good & (facing >= facing[good].max() - 0.1)
    return np.flatnonzero(good)


def in_place(wishes: Wishes, points: NDArray[np.float64], tolerance: float) -> NDArray[np.bool_]:
    """[M] whether contacts may be at these points [M, 3] of the surface.

    A region's border that lies along the surface would otherwise split it at random, so a hold
    region is taken to be `tolerance` larger [m].
    """
    result = np.ones(len(points), dtype=bool)
    if wishes.hold_regions:
        result = np.min([r.distance(points) for r in wishes.hold_regions], axis=0) <= tolerance
    for region in wishes.avoid_regions:
        result &= region.distance(points) > 0.0
    return result


def reject_unwished(
    demand: Demand | None,
    looks: Sequence[Look],
    palm: NDArray[np.float64],
    config: SynthesisConfig,
) -> dict[str, NDArray[np.bool_]]:
    """Reasons against candidates that are not what was wished for, [N] each.

    What is to touch does so in the first of their postures; what is not to does so in none.
    """
    if demand is None:
        return {}
    wishes, distance = demand.wishes, config.contact_distance
    touch = [look.distance < distance for look in looks]
    missing = ~(touch[0] @ demand.touch.T).all(axis=1)
    missing |= (touch[0] @ demand.fingers.T).sum(axis=1) < demand.least_fingers
    reasons = {'links': missing | np.any([t & demand.clear for t in touch], axis=(0, 2))}
    if wishes.approach_axis is not None:
        angle = np.arccos(np.clip(_direction(palm) @ np.array(wishes.approach_axis), -1.0, 1.0))
        reasons['approach'] = angle > wishes.approach_half_angle
    if wishes.hold_regions or wishes.avoid_regions:
        place = [in_place(wishes, look.point.reshape(-1, 3), distance) for look in looks]
        astray = [t & ~p.reshape(t.shape) for t, p in zip(touch, place, strict=True)]
        reasons['region'] = np.any(astray, axis=(0, 2))
    return reasons


def _direction(palm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where palms [N, 7] face [N, 3]."""
    x, y, z, w = palm[:, 3:].T
    return np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=1)
