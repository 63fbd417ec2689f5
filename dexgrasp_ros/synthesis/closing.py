"""From an optimized posture to the three that are executed: pre-grasp, grasp, squeeze.

Fingers are treated one by one: where a finger is does not change what the others touch. Joints
that move several fingers (a spread, a wrist) therefore keep their value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.synthesis.engine import Look, Measurement
from dexgrasp_ros.synthesis.search import Search

_PALM = -1  # `HandModel.group_fingers` of the palm
_OPENINGS = np.linspace(0.0, 3.0, 25)  # multiples of the squeeze that a finger is opened by
_RETREATS = 6  # distances of the palm that are tried
_OPENING_STEP = 0.04  # rad; a fingertip 0.1 m away moves 4 mm
_OPENING_STEPS = 30  # 1.2 rad in all: more than half of any finger joint's range


@dataclass(frozen=True, kw_only=True)
class Closing:
    """Postures of N grasps; palm poses in the object's frame."""

    palm: NDArray[np.float64]  # [N, 7] at the grasp and the squeeze
    pregrasp_palm: NDArray[np.float64]  # [N, 7]
    pregrasp: NDArray[np.float64]  # [N, J]
    grasp: NDArray[np.float64]  # [N, J]
    squeeze: NDArray[np.float64]  # [N, J]
    force: NDArray[np.float64]  # [N, G, 3] of the squeeze on the object at the grasp, N
    at_grasp: Look
    at_pregrasp: Look


def plan_closing(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    found: Measurement,
) -> Closing:
    """Plan how candidates are reached and loaded.

    Squeeze: f = Σ_j f_j scaled to a sum of normal forces, q + clip(Jᵀf)/kp within the effort
    limits. Grasp: every finger opened along its squeeze until it clears the object, the palm
    backed off along its mean contact normal, so that nothing is pushed before the squeeze does.
    Pre-grasp: opened further, along what increases each finger's distance fastest.
    """
    force = _scaled_forces(found, config.squeeze_force)
    torque = search.joint_torques(palm, q, found.point, force)
    load = np.clip(torque, -hand.effort_limits, hand.effort_limits) / hand.joint_stiffness
    fingers = joint_fingers(hand)
    palm = _back_off(search, hand, config, palm, q, found)
    grasp = _open_until_clear(search, hand, config, palm, q, load, fingers)
    at_grasp = search.look(palm, grasp)
    pregrasp_palm, pregrasp = _open_wide(search, hand, config, palm, grasp, fingers)
    return Closing(
        palm=palm,
        pregrasp_palm=pregrasp_palm,
        pregrasp=pregrasp,
        grasp=grasp,
        squeeze=np.clip(q + load, hand.lower, hand.upper),
        force=_turned(force, found.normal, at_grasp.normal),
        at_grasp=at_grasp,
        at_pregrasp=search.look(pregrasp_palm, pregrasp),
    )


def joint_fingers(hand: HandModel) -> NDArray[np.int64]:
    """[J] the one finger that each joint moves, or -1 where it moves several or none."""
    moved: list[set[int]] = [set() for _ in hand.joint_names]
    for link, finger in zip(hand.geometry_links, hand.group_fingers, strict=True):
        while link >= 0:
            if hand.coordinates[link] >= 0:
                moved[hand.coordinates[link]].add(int(finger))
            link = hand.link_parents[link]
    return np.array([m.pop() if len(m) == 1 else _PALM for m in moved])


def _scaled_forces(found: Measurement, total: float) -> NDArray[np.float64]:
    """Scale the forces [N, G, 3] so that normal parts sum to `total` newtons."""
    normal = np.einsum('ngi,ngi->ng', found.force, found.normal).sum(axis=1)
    return found.force * (total / np.maximum(normal, 1e-9))[:, None, None]


def _turned(force: NDArray, before: NDArray, after: NDArray) -> NDArray[np.float64]:
    """Turn forces [N, G, 3] with their contact normals: opening a finger turns its surface."""
    axis = np.cross(before, after)
    cosine = (before * after).sum(axis=-1, keepdims=True)
    along = (axis * force).sum(axis=-1, keepdims=True) / np.maximum(1.0 + cosine, 1e-6)
    return force * cosine + np.cross(axis, force) + axis * along


def _finger_clearance(hand: HandModel, look: Look) -> NDArray[np.float64]:
    """[N, F + 1] distance of each finger to the object; the last column is the palm's."""
    fingers = [*range(int(hand.group_fingers.max()) + 1), _PALM]
    own = [look.distance[:, hand.group_fingers == f] for f in fingers]
    return np.stack([d.min(axis=1, initial=np.inf) for d in own], axis=1)


def _back_off(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    found: Look,
) -> NDArray[np.float64]:
    """Palm poses moved by the least distance that clears the palm."""
    direction = _away_from_object(hand, found, reach=config.contact_distance)
    steps = np.linspace(0.0, config.max_retreat, _RETREATS)
    tried = np.repeat(palm[None], _RETREATS, axis=0)
    tried[:, :, :3] += steps[:, None, None] * direction
    look = search.look(tried.reshape(-1, 7), np.tile(q, (_RETREATS, 1)))
    gap = _finger_clearance(hand, look)[:, _PALM].reshape(_RETREATS, len(palm))
    return tried[_first_clear(gap, config.clearance), np.arange(len(palm))]


def _away_from_object(hand: HandModel, look: Look, *, reach: float) -> NDArray[np.float64]:
    """[N, 3] mean direction in which the palm's close groups leave the object; 0 if none is."""
    close = (look.distance < reach) & (hand.group_fingers == _PALM)
    mean = -np.einsum('ng,ngi->ni', close.astype(float), look.normal)
    return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)


def _first_clear(gap: NDArray, clearance: float) -> NDArray[np.int64]:
    """First row of gap [K, ...] that reaches `clearance`, else the row with the largest gap."""
    clear = gap >= clearance
    return np.where(clear.any(axis=0), clear.argmax(axis=0), gap.argmax(axis=0))


def _open_until_clear(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    load: NDArray,
    fingers: NDArray,
) -> NDArray[np.float64]:
    """Return q - c * load for each finger, with the smallest c that clears it."""
    own = np.where(fingers >= 0, load, 0.0)
    opened = q - _OPENINGS[:, None, None] * own
    opened = np.clip(opened, hand.lower, hand.upper)
    count = len(_OPENINGS)
    look = search.look(np.tile(palm, (count, 1)), opened.reshape(-1, q.shape[1]))
    gap = _finger_clearance(hand, look).reshape(count, len(q), -1)
    chosen = _first_clear(gap, config.clearance)  # [N, F + 1]
    # Shared joints do not move, so any row serves them; they take the palm's column.
    row = chosen[:, fingers]  # [N, J]
    return np.take_along_axis(opened, row[None], axis=0)[0]


def _open_wide(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    fingers: NDArray,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Open every finger, and back off the palm, until they clear the object by a margin."""
    palm, q = palm.copy(), q.copy()
    retreated = np.zeros(len(palm))
    step = config.max_retreat / _RETREATS
    for _ in range(_OPENING_STEPS):
        look = search.look(palm, q)
        gap = _finger_clearance(hand, look)
        # A finger stops where it is clear, or where opening on would run into something else.
        blocked = _finger_environment(hand, look) <= 0.0
        closed = (gap < config.pregrasp_clearance) & ~blocked
        back = closed[:, _PALM] & (retreated < config.max_retreat - 1e-9)
        if not (closed[:, :-1].any() or back.any()):
            break
        pull = _pull_of_nearest(hand, look, config.contact_distance)
        opening = -search.joint_torques(palm, q, look.point, pull)
        moving = np.where(fingers >= 0, closed[:, fingers], False)
        opening = np.where(moving, opening, 0.0)
        for f in range(gap.shape[1] - 1):
            size = np.abs(opening[:, fingers == f]).max(axis=1, initial=0.0)
            opening[:, fingers == f] /= np.maximum(size, 1e-9)[:, None]
        q = np.clip(q + _OPENING_STEP * opening, hand.lower, hand.upper)
        away = _away_from_object(hand, look, reach=config.pregrasp_clearance)
        palm[:, :3] += np.where(back, step, 0.0)[:, None] * away
        retreated += np.where(back, step, 0.0)
    return palm, q


def _pull_of_nearest(hand: HandModel, look: Look, reach: float) -> NDArray[np.float64]:
    """[N, G, 3] unit pulls toward the object on the groups that are nearest in their finger."""
    least = _finger_clearance(hand, look)[:, hand.group_fingers]
    near = look.distance < least + reach
    return look.normal * near[:, :, None]


def _finger_environment(hand: HandModel, look: Look) -> NDArray[np.float64]:
    """[N, F + 1] distance of each finger to plane and obstacles."""
    fingers = [*range(int(hand.group_fingers.max()) + 1), _PALM]
    own = [look.environment[:, hand.group_fingers == f] for f in fingers]
    return np.stack([d.min(axis=1, initial=np.inf) for d in own], axis=1)
