"""From candidates after the descent to the grasps that are returned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import LARGEST_SQUEEZE, SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.synthesis.batches import join, take
from dexgrasp_ros.synthesis.closing import plan_closing, replan_closing
from dexgrasp_ros.synthesis.closing_simulation import Outcome
from dexgrasp_ros.synthesis.flat import reject_flat
from dexgrasp_ros.synthesis.force_limits import excess, is_limited
from dexgrasp_ros.synthesis.postures import Closing, radians
from dexgrasp_ros.synthesis.race import Candidates
from dexgrasp_ros.synthesis.ranking import (
    closing_cost,
    count_rejects,
    distinct,
    reject_candidates,
    reject_closings,
    reject_outcomes,
    reject_paths,
    score,
)
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.true_penetration import SurfaceDepth
from dexgrasp_ros.synthesis.wishes import reject_unwished

_Reasons = dict[str, NDArray[np.bool_]]
# m, between the points of an object that the search looks at: a geometry that is farther from them
# has no point between them inside.
_NEAR = 0.003
# Of the friction that is asked about: with more, what is held slips too soon.
_FIRM_SHARE = 0.6
# Which grasps [N] whoever carries the hand can reach, from poses [N, 7] of its root link at grasp
# and pre-grasp, in the frame of the object's mesh.
ReachTest = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]
# To which grasps [N] a hand gets from where it is, from the same poses and joints [N, J] at grasp
# and pre-grasp.
ClearWayTest = Callable[
    [NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    NDArray[np.bool_],
]


@dataclass(frozen=True, kw_only=True)
class Grasps:
    """N candidates with their postures."""

    seed_index: NDArray[np.int64]  # [N]
    residual: NDArray[np.float64]  # [N]
    score: NDArray[np.float64]  # [N]
    closing: Closing
    end: NDArray[np.float64]  # [N, J] where the joints come to rest in the squeeze
    least_friction: NDArray[np.float64]  # [N] that still holds; NaN: none, or unknown
    penetration: NDArray[np.float64]  # [N] m, of the mesh itself; NaN where nobody has looked yet
    way_is_clear: NDArray[np.bool_]  # [N] False where nobody has looked yet


class Selection:
    """The best distinct grasps among the candidates that were added so far."""

    def __init__(
        self,
        search: Search,
        hand: HandModel,
        config: SynthesisConfig,
        *,
        reachable: ReachTest | None = None,
        way_is_clear: ClearWayTest | None = None,
    ) -> None:
        self._search, self._hand, self._config = search, hand, config
        self._reachable, self._way_is_clear = reachable, way_is_clear
        self._surface = SurfaceDepth(search.obj)
        self._pool: Grasps | None = None  # what is sound, best first
        self._chosen = np.empty(0, dtype=np.int64)  # rows of the pool
        self._duplicates = 0
        self.seen = 0  # candidates so far
        self._rejected: dict[str, int] = {}

    @property
    def grasps(self) -> Grasps | None:
        """What would be returned now, best first; None if there is nothing."""
        return take(self._pool, self._chosen) if len(self._chosen) else None

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores of these grasps."""
        return self._pool.score[self._chosen] if len(self._chosen) else np.empty(0)

    @property
    def is_full(self) -> bool:
        """Whether there are as many as are wanted."""
        return len(self._chosen) >= self._config.max_grasps

    def rejected(self, total: int) -> dict[str, int]:
        """How many of `total` candidates fell to each reason, and how many were not needed."""
        sound = 0 if self._pool is None else len(self._pool.score)
        surplus = total - self.seen + sound - self._duplicates - len(self._chosen)
        return {**self._rejected, 'duplicate': self._duplicates, 'surplus': surplus}

    def add(self, candidates: Candidates) -> None:
        """Plan closings for more candidates, and choose again."""
        search, hand, config = self._search, self._hand, self._config
        self.seen += len(candidates.q)
        bad = reject_candidates(hand, candidates.found, config, search.demand)
        bad |= reject_unwished(search.demand, [candidates.found], candidates.palm, config)
        rows = take(candidates, self._alive(reject_flat(search.obj, bad)))
        prepare = _firm if config.simulate_closing else _planned
        grasps, bad = prepare(search, hand, config, rows)
        grasps = take(grasps, self._alive(reject_flat(search.obj, bad)))
        pool = grasps if self._pool is None else join([self._pool, grasps])
        self._pool = take(pool, np.argsort(-pool.score, kind='stable'))
        self._rejected.setdefault('path', 0)
        if self._reachable is not None:
            self._rejected.setdefault('reachability', 0)
        self._choose()

    def _alive(self, bad: _Reasons) -> NDArray[np.int64]:
        """Rows without a reason against them; the reasons are counted."""
        alive, counts = count_rejects(bad)
        for name, count in counts.items():
            self._rejected[name] = self._rejected.get(name, 0) + count
        return np.flatnonzero(alive)

    def _choose(self) -> None:
        """Take the best distinct ones that are clear of the mesh, on a clear way, within reach.

        Nobody looks at that of the others.
        """
        hand, config = self._hand, self._config
        while True:
            pool = self._pool
            self._chosen, self._duplicates = distinct(
                pool.closing.palm,
                pool.closing.grasp / radians(hand),
                config,
                limit=config.max_grasps,
            )
            unknown = self._chosen[~pool.way_is_clear[self._chosen]]
            if not len(unknown):
                return
            deep, blocked = np.zeros((2, len(pool.score)), dtype=bool)
            pool.penetration[unknown] = self._true_penetration(take(pool.closing, unknown))
            deep[unknown] = pool.penetration[unknown] > config.max_penetration
            shallow = unknown[~deep[unknown]]
            if len(shallow):
                rows = take(pool, shallow)
                blocked[shallow] = reject_paths(self._search, hand, rows.closing, rows.end, config)
            if self._way_is_clear is not None:
                rows = shallow[~blocked[shallow]]
                blocked[rows] = ~self._gets_there(take(pool.closing, rows))
            bad = {'penetration': deep, 'path': blocked}
            if self._reachable is not None:
                bad['reachability'] = np.zeros(len(blocked), dtype=bool)
                clear = shallow[~blocked[shallow]]
                bad['reachability'][clear] = ~self._reached(take(pool.closing, clear))
            pool.way_is_clear[unknown] = True
            self._pool = take(pool, self._alive(bad))

    def _true_penetration(self, closing: Closing) -> NDArray[np.float64]:
        """Depth of hand and mesh in each other [N], m, which grid and points tell less exactly."""
        base_pose = compose(closing.palm, invert(self._hand.palm_pose))
        near = closing.at_grasp.distance < _NEAR
        return self._surface.penetration(self._hand, base_pose, closing.grasp, near)

    def _reached(self, closing: Closing) -> NDArray[np.bool_]:
        return self._reachable(*self._root_poses(closing))

    def _gets_there(self, closing: Closing) -> NDArray[np.bool_]:
        return self._way_is_clear(*self._root_poses(closing), closing.grasp, closing.pregrasp)

    def _root_poses(self, closing: Closing) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        palm_to_root = invert(self._hand.palm_pose)
        return compose(closing.palm, palm_to_root), compose(closing.pregrasp_palm, palm_to_root)


def _planned(
    search: Search, hand: HandModel, config: SynthesisConfig, rows: Candidates
) -> tuple[Grasps, _Reasons]:
    """Plan closings; they rank by what the search left of the test wrenches."""
    closing = plan_closing(search, hand, config, rows.palm, rows.q, rows.found)
    bad = reject_closings(hand, closing, config, search.demand)
    unknown = np.full(len(rows.q), np.nan)
    return _grasps(rows, score(rows.found), closing, closing.squeeze, unknown), bad


def _firm(
    search: Search, hand: HandModel, config: SynthesisConfig, rows: Candidates
) -> tuple[Grasps, _Reasons]:
    """Plan closings; those from which the object would slip once more, with a firmer squeeze.

    What resists a turn grows with the force, and long or heavy-headed things need more of it.
    """
    grasps, bad = _simulated(search, hand, config, rows)
    if config.firm_squeeze <= 1.0:
        return grasps, bad
    sound = ~np.any(list(bad.values()), axis=0)
    slips = ~(grasps.least_friction <= _FIRM_SHARE * config.friction_held)
    weak = np.flatnonzero(sound & slips)
    if not len(weak):
        return grasps, bad
    force = min(config.firm_squeeze * config.squeeze_force, LARGEST_SQUEEZE)
    firmer = dataclasses.replace(config, squeeze_force=force)
    again, worse = _simulated(search, hand, firmer, take(rows, weak))
    better = ~np.any(list(worse.values()), axis=0) & (again.score > grasps.score[weak])
    pick = np.arange(len(slips))
    pick[weak[better]] = len(slips) + np.flatnonzero(better)
    return take(join([grasps, again]), pick), bad


def _simulated(
    search: Search, hand: HandModel, config: SynthesisConfig, rows: Candidates
) -> tuple[Grasps, _Reasons]:
    """Plan closings, and plan again from where they end in simulation.

    The later plan closes more gently; the first serves where the later one cannot be used.
    """
    first = plan_closing(search, hand, config, rows.palm, rows.q, rows.found)
    outcome = search.simulate(first)
    again = replan_closing(search, hand, config, outcome)
    cost, end, bad = _judge(search, hand, config, again)
    failed = np.flatnonzero(np.isinf(cost))
    spare = take(first, failed)
    cost[failed], end[failed], _ = _judge(search, hand, config, spare, take(outcome, failed))
    saved = np.isfinite(cost[failed])
    for reason in bad.values():
        reason[failed[saved]] = False
    pick = np.arange(len(cost))
    pick[failed[saved]] = len(cost) + np.flatnonzero(saved)
    closing = take(join([again, spare]), pick)
    held = np.flatnonzero(np.isfinite(cost))
    holding = search.hold(take(closing, held))
    cost[held] += holding.slip
    least = np.full(len(cost), np.nan)
    least[held] = holding.least_friction
    return _grasps(rows, 1.0 / (1.0 + cost), closing, end, least), bad


def _judge(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    closing: Closing,
    outcome: Outcome | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], _Reasons]:
    """Simulate closings about the surface as it is, and about one that is further out.

    `outcome` is that about the surface as it is, where it is known already.

    Returns
    -------
    cost, end, rejects
        Cost [N], infinite for what is rejected; joints [N, J] where the squeeze ends.
    """
    bad = reject_closings(hand, closing, config, search.demand)
    cost, end = np.full(len(closing.grasp), np.inf), closing.squeeze.copy()
    sound = np.flatnonzero(~np.any(list(bad.values()), axis=0))
    part = take(closing, sound)
    outcomes = [
        search.simulate(part) if outcome is None else take(outcome, sound),
        search.simulate(part, growth=config.surface_error),
    ]
    left = [search.measure(o.palm, o.q).residual for o in outcomes]
    costs = [closing_cost(o, v) for o, v in zip(outcomes, left, strict=True)]
    cost[sound] = np.where(reject_outcomes(outcomes, config), np.inf, np.max(costs, axis=0))
    end[sound] = outcomes[0].q
    bad['simulation'] = np.isin(np.arange(len(cost)), sound[np.isinf(cost[sound])])
    if is_limited(config):
        crushed = sound[excess(outcomes[0].force, outcomes[0].normal, config) > 1.0]
        bad['force'] = np.isin(np.arange(len(cost)), crushed)
        cost[crushed] = np.inf
    if search.demand is not None:
        pressed = search.look(outcomes[0].palm, outcomes[0].q)
        unwished = reject_unwished(search.demand, [pressed], part.palm, config)
        for name, reason in unwished.items():
            bad[name][sound] |= reason
            cost[sound[reason]] = np.inf
    return cost, end, bad


def _grasps(
    rows: Candidates, score: NDArray, closing: Closing, end: NDArray, least_friction: NDArray
) -> Grasps:
    return Grasps(
        seed_index=rows.seed_index,
        residual=rows.found.residual,
        score=score,
        closing=closing,
        end=end,
        least_friction=least_friction,
        penetration=np.full(len(end), np.nan),
        way_is_clear=np.zeros(len(end), dtype=bool),
    )
