"""Which candidates are grasps, which of them are the same, and which come first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand.opening import is_gripper
from dexgrasp_ros.synthesis.closing import environment_margin
from dexgrasp_ros.synthesis.closing_simulation import Outcome
from dexgrasp_ros.synthesis.force_limits import squeeze_force
from dexgrasp_ros.synthesis.look import Look, Measurement
from dexgrasp_ros.synthesis.postures import Closing, sphere_centers
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.wishes import Demand, reject_unwished

_LEAST_CONTACTS = 3  # with friction, fewer cannot resist every wrench
_LEAST_OF_GRIPPER = 2  # jaws' faces; what is round lies on each at a point, and turns in them
# Cost of a simulated closing: 1 for an object that moves so far, turns so far, or so badly held.
_COST_DISPLACEMENT = 0.02  # m
_COST_ROTATION = 0.2  # rad
_COST_RESIDUAL = 0.05
_LEAST_SHARE = 0.06  # of the squeeze's force; with less the object was hardly touched
_MOST_PLACES = 200  # looked at on one way
_OPPOSED = -0.3  # cosine: contact normals more than 107° apart face each other


def touching(look: Look, config: SynthesisConfig) -> NDArray[np.bool_]:
    """[N, G] groups that touch the object."""
    return look.distance < config.contact_distance


def has_opposed_contacts(
    hand: HandModel, look: Look, config: SynthesisConfig, demand: Demand | None = None
) -> NDArray[np.bool_]:
    """[N] at least three contacts, two of them facing each other from different fingers.

    The palm counts as a finger. Where two fingers are to hold alone, and for a gripper, which has
    no others, two contacts will do.
    """
    touch = touching(look, config)
    least = None if demand is None else demand.least_contacts
    usual = _LEAST_OF_GRIPPER if is_gripper(hand) else _LEAST_CONTACTS
    result = touch.sum(axis=1) >= (least or usual)
    other = hand.group_fingers[:, None] != hand.group_fingers[None]
    for n in np.flatnonzero(result):
        normal = look.normal[n] * touch[n][:, None]
        result[n] = bool(((normal @ normal.T < _OPPOSED) & other).any())
    return result


def score(found: Measurement) -> NDArray[np.float64]:
    """[N] 1 where no energy is left of the test wrenches, 0 where all of it is."""
    return 1.0 - 2.0 * found.residual


def reject_candidates(
    hand: HandModel, found: Measurement, config: SynthesisConfig, demand: Demand | None = None
) -> dict[str, NDArray[np.bool_]]:
    """Reasons against candidates after the descent, [N] each, in the order of their count."""
    return {
        # Contacts that are nowhere bear nothing, so that the energy alone may look sound.
        'not_finite': ~np.isfinite(found.energy) | ~np.isfinite(found.point).all(axis=(1, 2)),
        'residual': found.residual > config.max_residual,
        'contacts': ~has_opposed_contacts(hand, found, config, demand),
    }


def reject_closings(
    hand: HandModel, closing: Closing, config: SynthesisConfig, demand: Demand | None = None
) -> dict[str, NDArray[np.bool_]]:
    """Reasons against grasps once their postures are known, [N] each."""
    return {
        'penetration': closing.at_grasp.penetration > config.max_penetration,
        # The object stops a squeeze as a rule; where it slips, nothing else is to be hit.
        'environment': (closing.at_grasp.environment.min(axis=1) < 0.0)
        | (closing.at_squeeze.environment.min(axis=1) < 0.0)
        | (closing.at_pregrasp.environment.min(axis=1) < environment_margin(config)),
        'self_collision': (closing.at_grasp.self_penetration > config.max_self_penetration)
        | (closing.at_pregrasp.self_penetration > config.max_self_penetration),
        'pregrasp': closing.at_pregrasp.distance.min(axis=1) < config.pregrasp_margin,
        'lost_contacts': ~has_opposed_contacts(hand, closing.at_grasp, config, demand),
    } | reject_unwished(demand, (closing.in_contact, closing.at_grasp), closing.palm, config)


def closing_cost(outcome: Outcome, residual: NDArray) -> NDArray[np.float64]:
    """[N] how badly a simulated closing ended, 0 for an object that stayed and is held.

    Displacement, rotation, and what is left of the test wrenches where the fingers came to rest.
    The weight of the last was chosen for its order among grasps whose shake test was known.
    """
    moved = outcome.displacement / _COST_DISPLACEMENT
    turned = outcome.rotation / _COST_ROTATION
    return np.nan_to_num(moved + turned + residual / _COST_RESIDUAL, nan=np.inf)


def reject_outcomes(outcomes: Sequence[Outcome], config: SynthesisConfig) -> NDArray[np.bool_]:
    """[N] grasps that failed in one of their simulated closings."""
    held = [
        (o.displacement < config.max_displacement)
        & (o.rotation < config.max_rotation)
        & (o.normal_force > _LEAST_SHARE * squeeze_force(config))
        for o in outcomes
    ]
    return ~np.all(held, axis=0)


def reject_paths(
    search: Search, hand: HandModel, closing: Closing, end: NDArray, config: SynthesisConfig
) -> NDArray[np.bool_]:
    """[N] grasps that run into something between their postures.

    Looked at: the way from pre-grasp to grasp, and from there to the joints [N, J] at which the
    squeeze ends, each in places between which no sphere about the hand's points moves by more
    than `config.sweep_step`. On the second way the object is left out: it is what stops the
    fingers.
    """
    bad = np.zeros(len(end), dtype=bool)
    before, at = (closing.pregrasp_palm, closing.pregrasp), (closing.palm, closing.grasp)
    for look in _looks_between(search, hand, before, at, closing.at_pregrasp, config):
        bad |= _collides(look, config) | (look.penetration > config.max_penetration)
    for look in _looks_between(search, hand, at, (closing.palm, end), closing.at_grasp, config):
        bad |= _collides(look, config)
    bad |= _collides(search.look(closing.palm, end, near=closing.at_grasp), config)
    return bad


def _looks_between(
    search: Search,
    hand: HandModel,
    start: tuple[NDArray, NDArray],
    end: tuple[NDArray, NDArray],
    look: Look,
    config: SynthesisConfig,
) -> Iterator[Look]:
    """Look at the way from one (palm [N, 7], q [N, J]), which `look` saw, to another."""
    (palm, q), (last_palm, last_q) = start, end
    # A simulation that diverged leaves no way; it is rejected for that.
    sound = np.isfinite(np.hstack([palm, q, last_palm, last_q])).all(axis=1)
    first, last = (sphere_centers(hand, p[sound], j[sound]) for p, j in (start, end))
    way = last - first
    length = np.linalg.norm(way, axis=2).max(initial=0.0)
    steps = int(min(np.ceil(length / config.sweep_step), _MOST_PLACES))
    for share in np.arange(1, steps) / max(steps, 1):
        between = palm.copy()
        between[:, :3] += share * (last_palm - palm)[:, :3]  # the palm does not turn
        look = search.look(between, q + share * (last_q - q), near=look)
        yield look


def _collides(look: Look, config: SynthesisConfig) -> NDArray[np.bool_]:
    """[N] whether the hand is in the environment or in itself."""
    return (look.environment.min(axis=1) < 0.0) | (
        look.self_penetration > config.max_self_penetration
    )


def count_rejects(
    reasons: dict[str, NDArray[np.bool_]],
) -> tuple[NDArray[np.bool_], dict[str, int]]:
    """Survivors [N], and how many fell to each reason that came first for them."""
    alive = np.ones(len(next(iter(reasons.values()))), dtype=bool)
    counts = {}
    for name, bad in reasons.items():
        counts[name] = int((alive & bad).sum())
        alive &= ~bad
    return alive, counts


def distinct(
    palm: NDArray, q: NDArray, config: SynthesisConfig, *, limit: int
) -> tuple[NDArray[np.int64], int]:
    """Find the grasps [best first] that differ from all better ones, and count the others.

    Two grasps are one when palm position, palm rotation and mean joint difference are all below
    their thresholds.
    """
    rotation, places = Rotation.from_quat(palm[:, 3:]), np.nan_to_num(palm[:, :3])
    tree = cKDTree(places)  # comparing with all that are kept would take hours for 100,000
    is_kept = np.zeros(len(palm), dtype=bool)
    kept: list[int] = []
    dropped = 0
    for n in range(len(palm)):
        if len(kept) == limit:
            break
        around = np.sort(tree.query_ball_point(places[n], config.duplicate_translation)).astype(
            int
        )
        around = around[is_kept[around]]
        near = np.linalg.norm(palm[around, :3] - palm[n, :3], axis=1)
        near = near < config.duplicate_translation
        near &= np.abs(q[around] - q[n]).mean(axis=1) < config.duplicate_joint
        if near.any():
            angle = (rotation[around[near]].inv() * rotation[n]).magnitude()
            if (angle < config.duplicate_rotation).any():
                dropped += 1
                continue
        is_kept[n] = True
        kept.append(n)
    return np.array(kept, dtype=np.int64), dropped
