"""From candidates after the descent to the grasps that are returned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.synthesis.batches import join, take
from dexgrasp_ros.synthesis.closing import plan_closing, replan_closing
from dexgrasp_ros.synthesis.closing_simulation import Outcome
from dexgrasp_ros.synthesis.look import Measurement
from dexgrasp_ros.synthesis.postures import Closing, radians
from dexgrasp_ros.synthesis.ranking import (
    closing_cost,
    count_rejects,
    distinct,
    reject_closings,
    reject_outcomes,
    reject_paths,
    score,
)
from dexgrasp_ros.synthesis.search import Search

# Candidates whose closing is planned together, for each grasp that is wanted, and at least.
_BLOCK_PER_GRASP = 6
_LEAST_BLOCK = 32


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """N candidates after the descent, best first."""

    seed_index: NDArray[np.int64]  # [N] of the seeds that they came from
    palm: NDArray[np.float64]  # [N, 7]
    q: NDArray[np.float64]  # [N, J]
    found: Measurement


@dataclass(frozen=True, kw_only=True)
class Grasps:
    """N candidates with their postures."""

    seed_index: NDArray[np.int64]  # [N]
    residual: NDArray[np.float64]  # [N]
    score: NDArray[np.float64]  # [N]
    closing: Closing


def choose(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    candidates: Candidates,
    rejected: dict[str, int],
    *,
    report: Callable[[int, NDArray[np.float64]], None],
) -> Grasps | None:
    """Plan closings until enough distinct ones are good.

    Most of a search's candidates are never returned, so they come in blocks, best first.

    Parameters
    ----------
    candidates
        What is to choose from, best first.
    rejected
        Counts of what was dropped and why; added to.
    report
        Called with the number of candidates left and the scores of what was chosen so far.
    """
    total = len(candidates.q)
    block = max(_LEAST_BLOCK, _BLOCK_PER_GRASP * config.max_grasps)
    prepare = _simulated if config.simulate_closing else _planned
    pool: Grasps | None = None
    chosen, duplicates, seen = np.empty(0, dtype=np.int64), 0, 0
    while seen < total and len(chosen) < config.max_grasps:
        rows = take(candidates, np.arange(seen, min(seen + block, total)))
        seen += len(rows.q)
        grasps, bad = prepare(search, hand, config, rows)
        good, counts = count_rejects(bad)
        for name, count in counts.items():
            rejected[name] = rejected.get(name, 0) + count
        grasps = take(grasps, np.flatnonzero(good))
        pool = grasps if pool is None else join([pool, grasps])
        pool = take(pool, np.argsort(-pool.score, kind='stable'))
        chosen, duplicates = distinct(
            pool.closing.palm,
            pool.closing.grasp / radians(hand),
            config,
            limit=config.max_grasps,
        )
        report(total - seen, pool.score[chosen])
    rejected['duplicate'] = duplicates
    good_count = 0 if pool is None else len(pool.score)
    rejected['surplus'] = total - seen + good_count - duplicates - len(chosen)
    return take(pool, chosen) if pool is not None and len(chosen) else None


_Reasons = dict[str, NDArray[np.bool_]]


def _planned(
    search: Search, hand: HandModel, config: SynthesisConfig, rows: Candidates
) -> tuple[Grasps, _Reasons]:
    """Plan closings; they rank by what the search left of the test wrenches."""
    closing = plan_closing(search, hand, config, rows.palm, rows.q, rows.found)
    grasps = Grasps(
        seed_index=rows.seed_index,
        residual=rows.found.residual,
        score=score(rows.found),
        closing=closing,
    )
    bad = reject_closings(hand, closing, config, search.demand)
    return grasps, bad | reject_paths(search, hand, closing, closing.squeeze, config)


def _simulated(
    search: Search, hand: HandModel, config: SynthesisConfig, rows: Candidates
) -> tuple[Grasps, _Reasons]:
    """Plan closings, and plan again from where they end in simulation; the gentler one counts."""
    closing = plan_closing(search, hand, config, rows.palm, rows.q, rows.found)
    outcome = search.simulate(closing)
    again = replan_closing(search, hand, config, outcome)
    plans = [closing, again]
    judged = [
        _judge(search, hand, config, closing, outcome),
        _judge(search, hand, config, again, search.simulate(again)),
    ]
    # The later plan closes more gently; the first serves where the later one cannot be used.
    cost = np.array([np.where(_any(bad), np.inf, cost) for cost, bad in judged])
    best = np.where(np.isinf(cost).all(axis=0), 1, cost.argmin(axis=0))
    pick = best * len(rows.q) + np.arange(len(rows.q))
    grasps = Grasps(
        seed_index=rows.seed_index,
        residual=rows.found.residual,
        score=1.0 / (1.0 + np.concatenate([cost for cost, _ in judged])[pick]),
        closing=take(join(plans), pick),
    )
    names = judged[0][1]
    return grasps, {n: np.concatenate([bad[n] for _, bad in judged])[pick] for n in names}


def _judge(
    search: Search, hand: HandModel, config: SynthesisConfig, closing: Closing, outcome: Outcome
) -> tuple[NDArray[np.float64], _Reasons]:
    """Cost [N] of simulated closings about the surface as it is and further out, and rejects."""
    outcomes = [outcome, search.simulate(closing, growth=config.surface_error)]
    left = [search.measure(o.palm, o.q).residual for o in outcomes]
    costs = [closing_cost(o, v, config) for o, v in zip(outcomes, left, strict=True)]
    bad = reject_closings(hand, closing, config, search.demand)
    bad |= reject_outcomes(outcomes, config)
    bad |= reject_paths(search, hand, closing, outcomes[0].q, config)
    return np.max(costs, axis=0), bad


def _any(bad: _Reasons) -> NDArray[np.bool_]:
    return np.any(list(bad.values()), axis=0)
