"""Grasps that are shaken in MuJoCo before they are returned."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.convex_pieces import FINE
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.progress import ProgressCallback, StopCallback
from dexgrasp_ros.core.wishes import Wishes
from dexgrasp_ros.evaluation.evaluate import evaluate
from dexgrasp_ros.evaluation.inputs import check_threshold
from dexgrasp_ros.evaluation.protocols import find_protocol
from dexgrasp_ros.synthesis import synthesize
from dexgrasp_ros.synthesis.clock import Clock
from dexgrasp_ros.synthesis.seeds import SeedSource
from dexgrasp_ros.synthesis.synthesize import Keep

_POOL = 2  # grasps that are shaken for each one that is wanted


def synthesize_verified(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig | None = None,
    *,
    keep: Keep = 'best',
    wishes: Wishes | None = None,
    learned: SeedSource | None = None,
    protocol: str = 'fc',
    piece_threshold: float = FINE,
    processes: int | None = None,
    progress: ProgressCallback | None = None,
    should_stop: StopCallback | None = None,
) -> GraspSet:
    """Search for grasps, and return those that hold in the shake test, best first.

    Success in the protocol that a set was verified with is no measure of it: it is 100 % by
    construction. `GraspSet.config` says so under ``verified``.

    Parameters
    ----------
    hand, obj, config
        As for `synthesize`. Twice as many grasps are shaken as `config.max_grasps` asks for;
        `config.time_limit` is that of search and shaking together, except for the cutting of an
        object into convex pieces, which happens once and cannot be interrupted.
    keep, wishes, learned
        As for `synthesize`; of ``all`` each grasp is shaken.
    protocol
        ``'fc'``, ``'hard'`` or ``'tabletop'``.
    piece_threshold
        As for `evaluate`.
    processes
        That shake, at most one for each core (the default).
    progress, should_stop
        As for `synthesize` and `evaluate`.

    Returns
    -------
    GraspSet
        At most `config.max_grasps`, or all that held; `rejected` counts the others under
        ``shake_test``, and what held beyond the number asked for under ``surplus``, `timing` has
        ``shake``, and `warnings` are those of the shake test.

    Raises
    ------
    InputError
        OUT_OF_RANGE: there is no such protocol, or no such threshold.
    HandError, SynthesisError, DeviceError
        As from `synthesize`.
    """
    config = config or SynthesisConfig()
    test = find_protocol(protocol)
    check_threshold(piece_threshold)
    if keep == 'all':
        config = dataclasses.replace(config, max_grasps=config.seed_count)
    pool = min(_POOL * config.max_grasps, config.seed_count)
    wide = dataclasses.replace(config, max_grasps=max(pool, config.max_grasps))
    clock = Clock(config, progress, should_stop)
    grasps = synthesize(
        *(hand, obj, wide),
        keep=keep,
        wishes=wishes,
        learned=learned,
        progress=progress,
        should_stop=should_stop,
    )
    start = time.perf_counter()
    result = evaluate(
        grasps,
        object=obj,
        protocol=test,
        hand=hand,
        piece_threshold=piece_threshold,
        processes=processes,
        progress=progress,
        should_stop=clock.should_stop,
    )
    timing = grasps.timing | {'shake': time.perf_counter() - start}
    held = np.flatnonzero(result.held)
    kept = held[: config.max_grasps]
    rejected = dict(grasps.rejected)
    rejected['shake_test'] = len(grasps) - len(held)
    rejected['surplus'] = rejected.get('surplus', 0) + len(held) - len(kept)
    chosen = result.grasps.select(kept)
    return dataclasses.replace(
        chosen,
        rejected=rejected,
        timing=timing,
        warnings=(*grasps.warnings, *result.warnings),
        config=chosen.config | {'max_grasps': config.max_grasps, 'verified': test.name},
    )
