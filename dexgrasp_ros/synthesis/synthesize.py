"""The search as one call: seeds, descent, ranking, closing."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, SynthesisError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.core.progress import Progress, ProgressCallback, StopCallback
from dexgrasp_ros.synthesis.batches import join, take
from dexgrasp_ros.synthesis.closing import Closing, plan_closing
from dexgrasp_ros.synthesis.engine import Measurement
from dexgrasp_ros.synthesis.ranking import (
    count_rejects,
    distinct,
    reject_candidates,
    reject_closings,
    score,
    touching,
)
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds

_DESCENT_SHARE = 0.85  # of the whole time, for the progress bar
_LEAST_BLOCK = 32  # candidates whose closing is planned together


def synthesize(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig | None = None,
    *,
    progress: ProgressCallback | None = None,
    should_stop: StopCallback | None = None,
) -> GraspSet:
    """Find grasps of `obj` by `hand`.

    Parameters
    ----------
    hand, obj
        From `load_hand` and `load_object`.
    config
        Settings; the defaults of `SynthesisConfig` without it.
    progress
        Called with the state of the search; on a CPU from worker threads, one at a time.
    should_stop
        Asked often; the search ends soon after it returns true.

    Returns
    -------
    GraspSet
        At most `config.max_grasps` distinct grasps, best first; perhaps none: `rejected` then
        says how many candidates each stage dropped.

    Raises
    ------
    SynthesisError
        CANCELLED or TIME_LIMIT.
    DeviceError
        DEVICE_UNAVAILABLE.
    """
    config = config or SynthesisConfig()
    clock = _Clock(config, progress, should_stop)
    rng = np.random.default_rng(config.random_seed)
    clock.report('seeds', 0.0)
    search = Search(hand, obj, config)
    palm, q = make_seeds(hand, obj, config, rng)
    clock.lap('seeds')
    palm, q, found = search.optimize(
        palm,
        q,
        report=lambda share: clock.report('optimize', share * _DESCENT_SHARE),
        should_stop=clock.should_stop,
    )
    clock.lap('optimize')

    alive, rejected = count_rejects(reject_candidates(hand, found, config))
    order = np.flatnonzero(alive)
    order = order[np.argsort(-score(found)[order], kind='stable')]
    candidates = _Candidates(
        seed_index=order, palm=palm[order], q=q[order], found=take(found, order)
    )
    chosen = _choose(search, hand, config, candidates, clock, rejected)
    clock.lap('finish')
    return _grasp_set(hand, config, chosen, clock, rejected, search)


@dataclass(frozen=True, kw_only=True)
class _Candidates:
    """N candidates after the descent."""

    seed_index: NDArray[np.int64]  # [N] of the seeds that they came from
    palm: NDArray[np.float64]  # [N, 7]
    q: NDArray[np.float64]  # [N, J]
    found: Measurement


@dataclass(frozen=True, kw_only=True)
class _Grasps:
    """N candidates with their postures."""

    seed_index: NDArray[np.int64]  # [N]
    found: Measurement
    closing: Closing


def _choose(
    search: Search,
    hand: HandModel,
    config: SynthesisConfig,
    candidates: _Candidates,
    clock: _Clock,
    rejected: dict[str, int],
) -> _Grasps | None:
    """Plan the closing of the best until enough distinct ones are good; counts into `rejected`.

    Most of a search's candidates are never returned, so they come in blocks, best first.
    """
    total = len(candidates.q)
    block = max(_LEAST_BLOCK, config.max_grasps)
    parts: list[_Grasps] = []
    chosen, duplicates, seen = np.empty(0, dtype=np.int64), 0, 0
    while seen < total and len(chosen) < config.max_grasps:
        rows = take(candidates, np.arange(seen, min(seen + block, total)))
        seen += len(rows.q)
        closing = plan_closing(search, hand, config, rows.palm, rows.q, rows.found)
        good, counts = count_rejects(reject_closings(hand, closing, config))
        for name, count in counts.items():
            rejected[name] = rejected.get(name, 0) + count
        planned = _Grasps(seed_index=rows.seed_index, found=rows.found, closing=closing)
        parts.append(take(planned, np.flatnonzero(good)))
        grasps = join(parts)
        chosen, duplicates = distinct(
            grasps.closing.palm, grasps.closing.grasp, config, limit=config.max_grasps
        )
        share = _DESCENT_SHARE + (1.0 - _DESCENT_SHARE) * len(chosen) / config.max_grasps
        clock.report('finish', share, total - seen, score(grasps.found)[chosen])
        clock.check()
    rejected['duplicate'] = duplicates
    good_count = sum(len(p.found.residual) for p in parts)
    rejected['surplus'] = total - seen + good_count - duplicates - len(chosen)
    return take(grasps, chosen) if len(chosen) else None


class _Clock:
    """Time of the phases, the time limit, and the caller's callbacks."""

    def __init__(
        self,
        config: SynthesisConfig,
        progress: ProgressCallback | None,
        should_stop: StopCallback | None,
    ) -> None:
        self._config, self._progress, self._should_stop = config, progress, should_stop
        self._start = self._lap = time.perf_counter()
        self.timing: dict[str, float] = {}

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self._start

    def lap(self, phase: str) -> None:
        """Book the time since the last lap, and end the search where it must end."""
        now = time.perf_counter()
        self.timing[phase] = now - self._lap
        self._lap = now
        self.check()

    def should_stop(self) -> bool:
        if self._config.time_limit and self.elapsed > self._config.time_limit:
            raise SynthesisError(
                f'The search passed its limit of {self._config.time_limit:g} s.',
                ErrorCode.TIME_LIMIT,
            )
        return self._should_stop is not None and self._should_stop()

    def check(self) -> None:
        if self.should_stop():
            raise SynthesisError('The search was cancelled.', ErrorCode.CANCELLED)

    def report(
        self,
        phase: str,
        fraction: float,
        candidates: int | None = None,
        value: NDArray[np.float64] | None = None,
    ) -> None:
        if self._progress is None:
            return
        best = float(value[0]) if value is not None and len(value) else math.nan
        self._progress(
            Progress(
                phase=phase,
                fraction=fraction,
                candidates=self._config.seed_count if candidates is None else candidates,
                best_score=best,
                elapsed=self.elapsed,
            )
        )


def _empty(
    hand: HandModel,
    config: SynthesisConfig,
    clock: _Clock,
    rejected: dict[str, int],
    search: Search,
) -> GraspSet:
    """No grasps, and the counts that say why."""
    joints = np.empty((0, len(hand.joint_names)))
    poses, vectors, none = np.empty((0, 7)), np.empty((0, 0, 3)), np.empty(0)
    return GraspSet(
        hand=hand.name,
        urdf=hand.urdf,
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=poses,
        pregrasp_base_pose=poses,
        pregrasp=joints,
        grasp=joints,
        squeeze=joints,
        joint_stiffness=hand.joint_stiffness,
        score=none,
        residual=none,
        penetration=none,
        epsilon=none,
        contact_count=np.empty(0, dtype=np.int64),
        contact_links=np.empty((0, 0), dtype=np.int64),
        contact_points=vectors,
        contact_normals=vectors,
        contact_forces=vectors,
        config=dataclasses.asdict(config) | {'device': search.device},
        timing=clock.timing,
        rejected=rejected,
    )


def _grasp_set(
    hand: HandModel,
    config: SynthesisConfig,
    grasps: _Grasps | None,
    clock: _Clock,
    rejected: dict[str, int],
    search: Search,
) -> GraspSet:
    """Root poses, and the contacts that touch at the grasp, padded to the largest count."""
    if grasps is None:
        return _empty(hand, config, clock, rejected, search)
    found, closing = grasps.found, grasps.closing
    palm_to_root = invert(hand.palm_pose)
    look = closing.at_grasp
    touch = touching(look, config)
    count = touch.sum(axis=1)
    width = int(count.max(initial=0))
    links = np.full((len(touch), width), -1, dtype=np.int64)
    points, normals, forces = (np.full((len(touch), width, 3), np.nan) for _ in range(3))
    for n, row in enumerate(touch):
        own = np.flatnonzero(row)
        own = own[np.argsort(-np.linalg.norm(closing.force[n, own], axis=1), kind='stable')]
        links[n, : len(own)] = hand.geometry_links[own]
        points[n, : len(own)] = look.point[n, own]
        normals[n, : len(own)] = look.normal[n, own]
        forces[n, : len(own)] = closing.force[n, own]
    return GraspSet(
        hand=hand.name,
        urdf=hand.urdf,
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=compose(closing.palm, palm_to_root),
        pregrasp_base_pose=compose(closing.pregrasp_palm, palm_to_root),
        pregrasp=closing.pregrasp,
        grasp=closing.grasp,
        squeeze=closing.squeeze,
        joint_stiffness=hand.joint_stiffness,
        score=score(found),
        residual=found.residual,
        penetration=look.penetration,
        epsilon=np.full(len(touch), np.nan),
        contact_count=count,
        contact_links=links,
        contact_points=points,
        contact_normals=normals,
        contact_forces=forces,
        seed_index=grasps.seed_index,
        config=dataclasses.asdict(config) | {'device': search.device},
        timing=clock.timing,
        rejected=rejected,
    )
