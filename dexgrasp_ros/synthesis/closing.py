"""From an optimized posture to the three that are executed: pre-grasp, grasp, squeeze.

Fingers are treated one by one: where a finger is does not change what the others touch. Fingers
that close together (jaws of a gripper) are treated as one; joints that move several without
closing them (a spread, a wrist) keep their value.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.synthesis.batches import take
from dexgrasp_ros.synthesis.closing_simulation import Outcome
from dexgrasp_ros.synthesis.force_limits import relief
from dexgrasp_ros.synthesis.look import Look, Measurement
from dexgrasp_ros.synthesis.overlap import add_unpressed
from dexgrasp_ros.synthesis.postures import Closing, radians
from dexgrasp_ros.synthesis.search import Search

_PALM = -1  # `HandModel.group_fingers` of the palm
_OPENINGS = np.array([0.0, 0.5, 1.0, 2.0, 3.0])  # multiples of the squeeze that open a finger
_BISECTIONS = 5  # between two of them: to a sixty-fourth of the squeeze or a thirty-second
_RETREATS = 6  # distances of the palm that are tried
# A fingertip 0.1 m away from its joint, or a jaw, moves 4 mm.
_OPENING_STEP = 0.04  # rad
_OPENING_STEPS = 30  # 1.2 rad in all: more than half of any finger joint's range


def plan_closing(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    found: Measurement,
) -> Closing:
    """Plan how candidates are reached and loaded.

    Squeeze: f = Σ_j f_j scaled to a sum of normal forces, q + Jᵀf/kp; where a joint would pass
    its effort limit, or f one of the object's, the whole of f is scaled down, which keeps it
    balanced. Grasp: every finger
    opened along its squeeze until it clears the object, the palm backed off along its mean contact
    normal, so that nothing is pushed before the squeeze does. Pre-grasp: opened further, along
    what increases each finger's distance fastest.
    """
    force = _scaled_forces(found, config.squeeze_force)
    torque = search.joint_torques(palm, q, found.point, force)
    share = (np.abs(torque) / hand.effort_limits).max(axis=1, initial=1.0)
    share = np.maximum(share, relief(force, found.normal, config))
    force, torque = force / share[:, None, None], torque / share[:, None]
    look = Look(**{f.name: getattr(found, f.name) for f in dataclasses.fields(Look)})
    return _plan(search, hand, config, palm, q, look, torque, force)


def replan_closing(
    search: Search, hand: HandModel, config: SynthesisConfig, outcome: Outcome
) -> Closing:
    """Plan again from where simulated closings came to rest.

    There the fingers have found places in which their controllers, within their effort limits,
    balance: closing on these moves the object less than closing on what the search proposed.
    """
    palm, q = outcome.palm, outcome.q
    torque = search.joint_torques(palm, q, outcome.point, outcome.force)
    torque = np.clip(torque, -hand.effort_limits, hand.effort_limits)
    share = relief(outcome.force, outcome.normal, config)
    force, torque = outcome.force / share[:, None, None], torque / share[:, None]
    # On flat faces several points are equally close; these are where the forces act.
    look = dataclasses.replace(search.look(palm, q), point=outcome.point, normal=outcome.normal)
    closing = _plan(search, hand, config, palm, q, look, torque, force)
    in_contact = add_unpressed(hand, search.obj, config, outcome, look)
    return dataclasses.replace(closing, in_contact=in_contact)


def _plan(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    look: Look,
    torque: NDArray,
    force: NDArray,
) -> Closing:
    """Pre-grasp, grasp and squeeze about a posture in contact and the torques that load it."""
    load = torque / hand.joint_stiffness
    parts = find_parts(hand)
    palm = _back_off(search, parts, config, palm, q, look)
    grasp = _open_until_clear(search, hand, config, palm, q, load, parts, look)
    at_grasp = search.look(palm, grasp, near=look)
    pregrasp_palm, pregrasp = _open_wide(search, hand, config, palm, grasp, parts, at_grasp)
    squeeze = np.clip(q + load, hand.lower, hand.upper)
    return Closing(
        palm=palm,
        pregrasp_palm=pregrasp_palm,
        pregrasp=pregrasp,
        grasp=grasp,
        squeeze=squeeze,
        in_contact=look,
        force=force,
        at_grasp=at_grasp,
        at_pregrasp=search.look(pregrasp_palm, pregrasp, near=at_grasp),
        at_squeeze=search.look(palm, squeeze, near=look),
    )


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What opens and closes by itself: a finger, or fingers that only move together."""

    groups: NDArray[np.int64]  # [G] part of each group, -1 for the palm
    joints: NDArray[np.int64]  # [J] the one part that each joint moves, -1 for several or none


def find_parts(hand: HandModel) -> Parts:
    """Join fingers that cannot close one without the other, such as the jaws of a gripper.

    A joint joins the fingers that it moves if one of them has no joint of its own. A spread joins
    nothing, nor does what moves the palm as well (a wrist).
    """
    moved: list[set[int]] = [set() for _ in hand.joint_names]
    for link, finger in zip(hand.geometry_links, hand.group_fingers, strict=True):
        while link >= 0:
            if hand.coordinates[link] >= 0:
                moved[hand.coordinates[link]].add(int(finger))
            link = hand.link_parents[link]
    part = np.arange(int(hand.group_fingers.max()) + 1)
    independent = set().union(*(fingers for fingers in moved if len(fingers) == 1))
    for fingers in moved:
        if _PALM not in fingers and not fingers <= independent:
            part[np.isin(part, part[list(fingers)])] = part[list(fingers)].min()
    part = np.unique(part, return_inverse=True)[1]
    parts = [{int(part[f]) if f >= 0 else _PALM for f in fingers} for fingers in moved]
    return Parts(
        groups=np.where(hand.group_fingers >= 0, part[hand.group_fingers], _PALM),
        joints=np.array([p.pop() if len(p) == 1 else _PALM for p in parts]),
    )


def _scaled_forces(found: Measurement, total: float) -> NDArray[np.float64]:
    """Scale the forces [N, G, 3] so that normal parts sum to `total` newtons."""
    normal = np.einsum('ngi,ngi->ng', found.force, found.normal).sum(axis=1)
    return found.force * (total / np.maximum(normal, 1e-9))[:, None, None]


def _least(parts: Parts, distance: NDArray) -> NDArray[np.float64]:
    """[N, F + 1] least of the groups' distances for each part; the last column is the palm's."""
    own = [distance[:, parts.groups == f] for f in [*range(int(parts.groups.max()) + 1), _PALM]]
    return np.stack([d.min(axis=1, initial=np.inf) for d in own], axis=1)


def _back_off(
    search: Search,
    parts: Parts,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    found: Look,
) -> NDArray[np.float64]:
    """Palm poses moved by the least distance that clears the palm."""
    direction = _away_from_object(parts, found, reach=config.contact_distance)
    steps = np.linspace(0.0, config.max_retreat, _RETREATS)
    tried = np.repeat(palm[None], _RETREATS, axis=0)
    tried[:, :, :3] += steps[:, None, None] * direction
    same = take(found, np.tile(np.arange(len(palm)), _RETREATS))
    look = search.look(tried.reshape(-1, 7), np.tile(q, (_RETREATS, 1)), near=same)
    gap = _least(parts, look.distance)[:, _PALM].reshape(_RETREATS, len(palm))
    return tried[_first_clear(gap, config.clearance), np.arange(len(palm))]


def _away_from_object(parts: Parts, look: Look, *, reach: float) -> NDArray[np.float64]:
    """[N, 3] mean direction in which the palm's close groups leave the object; 0 if none is."""
    close = (look.distance < reach) & (parts.groups == _PALM)
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
    parts: Parts,
    near: Look,
) -> NDArray[np.float64]:
    """Return q - c * load for each finger, with the smallest c that clears it."""
    # Joints of several parts (a spread, a wrist) do not move; they read the palm's column.
    own = np.where(parts.joints >= 0, load, 0.0)

    def opened(c: NDArray) -> NDArray:
        return np.clip(q - c[:, parts.joints] * own, hand.lower, hand.upper)

    def gap(c: NDArray) -> NDArray:
        return _least(parts, search.look(palm, opened(c), near=near).distance)

    shape = (len(q), int(parts.groups.max()) + 2)
    gaps = np.array([gap(np.full(shape, c)) for c in _OPENINGS])
    first = _first_clear(gaps, config.clearance)
    clear = _OPENINGS[first]
    between = (gaps >= config.clearance).any(axis=0) & (first > 0)
    unclear = np.where(between, _OPENINGS[first - 1], clear)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (clear + unclear)
        enough = gap(middle) >= config.clearance
        clear = np.where(enough, middle, clear)
        unclear = np.where(enough, unclear, middle)
    return opened(clear)


def _open_wide(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    parts: Parts,
    look: Look,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Open every finger, and back off the palm, until they clear the object by a margin.

    What runs into the hand itself or into the environment, or deeper than before, takes its last
    step back and stays.
    """
    palm, q = palm.copy(), q.copy()
    last_palm, last_q = palm.copy(), q.copy()
    retreated = np.zeros(len(palm))
    stuck = np.zeros((len(palm), int(parts.groups.max()) + 2), dtype=bool)
    allowed = np.full(stuck.shape, -np.inf)
    step = config.max_retreat / _RETREATS
    opening_step = _OPENING_STEP * radians(hand)
    rows = np.arange(len(palm))  # that still move
    for left in reversed(range(_OPENING_STEPS + 1)):
        look = search.look(palm[rows], q[rows], near=look)
        room = _least(parts, np.minimum(look.own, look.environment - environment_margin(config)))
        hit = room < allowed[rows]
        stuck[rows] |= hit
        allowed[rows] = np.where(hit, allowed[rows], np.minimum(room, 0.0))
        q[rows] = np.where((parts.joints >= 0) & hit[:, parts.joints], last_q[rows], q[rows])
        palm[rows] = np.where(hit[:, [_PALM]], last_palm[rows], palm[rows])
        closed = (_least(parts, look.distance) < config.pregrasp_clearance) & ~stuck[rows]
        closed[:, _PALM] &= retreated[rows] < config.max_retreat - 1e-9
        moving = closed.any(axis=1)
        if not left or not moving.any():
            break
        rows, closed, look = rows[moving], closed[moving], take(look, np.flatnonzero(moving))
        last_palm[rows], last_q[rows] = palm[rows], q[rows]
        opening = _opening(search, parts, config, palm[rows], q[rows], look)
        opening[~closed[:, parts.joints] | (parts.joints < 0)] = 0.0
        q[rows] = np.clip(q[rows] + opening_step * opening, hand.lower, hand.upper)
        back = np.where(closed[:, _PALM], step, 0.0)
        away = _away_from_object(parts, look, reach=config.pregrasp_clearance)
        palm[rows, :3] += back[:, None] * away
        retreated[rows] += back
    return palm, q


def environment_margin(config: SynthesisConfig) -> float:
    """Gap to plane and obstacles at the pre-grasp [m]; looks do not tell gaps above theirs."""
    # A look's cap is in single precision, and may be less than the number it was made from.
    return min(config.pregrasp_margin, config.environment_margin - 1e-6)


def _opening(
    search: Search,
    parts: Parts,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    look: Look,
) -> NDArray[np.float64]:
    """[N, J] motion that takes each part away from the object fastest; its fastest joint at 1."""
    pull = _pull_of_nearest(parts, look, config.contact_distance)
    opening = -search.joint_torques(palm, q, look.point, pull)
    for part in range(int(parts.groups.max()) + 1):
        size = np.abs(opening[:, parts.joints == part]).max(axis=1, initial=0.0)
        opening[:, parts.joints == part] /= np.maximum(size, 1e-9)[:, None]
    return opening


def _pull_of_nearest(parts: Parts, look: Look, reach: float) -> NDArray[np.float64]:
    """[N, G, 3] unit pulls toward the object on the groups that are nearest in their part."""
    least = _least(parts, look.distance)[:, parts.groups]
    near = look.distance < least + reach
    return look.normal * near[:, :, None]
