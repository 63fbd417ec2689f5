"""Successive halving: who is followed to the end of the descent, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.synthesis.batches import join, take
from dexgrasp_ros.synthesis.descent import Descent
from dexgrasp_ros.synthesis.look import Measurement
from dexgrasp_ros.synthesis.search import Search

# Where the descent halts to compare, as shares of its iterations. Energies at a fifth of the way
# tell later grasps from failures with an AUC of .84 to .94.
_HALTS = (0.2, 0.5)
_LEAST_FINALISTS = 16


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """N candidates after the descent."""

    seed_index: NDArray[np.int64]  # [N] of the seeds that they came from
    palm: NDArray[np.float64]  # [N, 7]
    q: NDArray[np.float64]  # [N, J]
    found: Measurement


@dataclass(frozen=True, kw_only=True)
class _Runners:
    """N candidates that wait at the same place of the schedule."""

    seed_index: NDArray[np.int64]
    energy: NDArray[np.float64]  # [N] there
    descent: Descent


def race(
    search: Search,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    *,
    report: Callable[[float], None],
) -> Iterator[Candidates]:
    """Yield candidates after the descent, batch by batch, the promising ones first.

    All go a fifth of the way. From there the geometric mean of their number and
    `config.finalists` for each wanted grasp goes on to half of it, and those to the end: each
    time those with the least energy. The others wait. Who asks for another batch sends the
    next best on, so that in the end all arrive, and nothing is lost but time.

    Parameters
    ----------
    palm, q
        Seeds: palm poses [N, 7] in the object's frame and joints [N, J].
    report
        Called with the share of the work that is done, until the first batch is there.

    Raises
    ------
    SynthesisError
        CANCELLED.
    """
    total = len(q)
    wanted = max(round(config.finalists * config.max_grasps), _LEAST_FINALISTS)
    finalists = min(wanted, total)
    quotas = [total, round(np.sqrt(total * finalists)), finalists]
    marks = [0, *(round(share * config.iterations) for share in _HALTS), config.iterations]
    count = _counter(np.dot(quotas, np.diff(marks)), report)

    start = _Runners(
        seed_index=np.arange(total), energy=np.zeros(total), descent=search.start(palm, q)
    )
    waiting: list[_Runners | None] = [start, None, None]
    while any(runners is not None for runners in waiting):
        arrived = None
        for k, quota in enumerate(quotas):
            runners = _together(waiting[k], arrived)
            if runners is None:
                continue
            order = np.argsort(np.nan_to_num(runners.energy, nan=np.inf), kind='stable')
            ahead = take(runners, order[:quota])
            waiting[k] = take(runners, order[quota:]) if len(order) > quota else None
            arrived = ahead
            if marks[k] < marks[k + 1]:  # with few iterations halts fall together
                way = (marks[k], marks[k + 1])
                descent, energy = search.descend(ahead.descent, *way, report=count)
                arrived = _Runners(seed_index=ahead.seed_index, energy=energy, descent=descent)
        palm, q, found = search.arrive(arrived.descent)
        yield Candidates(seed_index=arrived.seed_index, palm=palm, q=q, found=found)


def _together(one: _Runners | None, other: _Runners | None) -> _Runners | None:
    both = [runners for runners in (one, other) if runners is not None]
    return join(both) if both else None


def _counter(total: float, report: Callable[[float], None]) -> Callable[[int], None]:
    """Return what adds up work from any thread and reports its share of `total`."""
    done, lock = 0, Lock()

    def count(made: int) -> None:
        nonlocal done
        with lock:
            done += made
            report(min(done / total, 1.0))

    return count
