"""Grasps that are shaken in MuJoCo before they are returned."""

from __future__ import annotations

import dataclasses

import numpy as np

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.progress import ProgressCallback, StopCallback
from dexgrasp_ros.evaluation.evaluate import evaluate
from dexgrasp_ros.evaluation.protocols import find_protocol
from dexgrasp_ros.synthesis import synthesize

_POOL = 2  # grasps that are shaken for each one that is wanted


def synthesize_verified(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig | None = None,
    *,
    protocol: str = 'fc',
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
        As for `synthesize`. Twice as many grasps are shaken as `config.max_grasps` asks for.
    protocol
        ``'fc'``, ``'hard'`` or ``'tabletop'``.
    processes
        That shake, at most one for each core (the default).
    progress, should_stop
        As for `synthesize` and `evaluate`.

    Returns
    -------
    GraspSet
        At most `config.max_grasps`; `rejected` counts the others under ``shake_test``, and what
        held beyond the number asked for under ``surplus``.

    Raises
    ------
    InputError
        OUT_OF_RANGE: there is no such protocol.
    SynthesisError, DeviceError
        As from `synthesize`.
    """
    config = config or SynthesisConfig()
    test = find_protocol(protocol)
    pool = min(_POOL * config.max_grasps, config.seed_count)
    wide = dataclasses.replace(config, max_grasps=max(pool, config.max_grasps))
    grasps = synthesize(hand, obj, wide, progress=progress, should_stop=should_stop)
    result = evaluate(
        grasps,
        object=obj,
        protocol=test,
        hand=hand,
        processes=processes,
        progress=progress,
        should_stop=should_stop,
    )
    held = np.flatnonzero(result.held)
    kept = held[: config.max_grasps]
    rejected = dict(grasps.rejected)
    rejected['shake_test'] = len(grasps) - len(held)
    rejected['surplus'] = rejected.get('surplus', 0) + len(held) - len(kept)
    chosen = result.grasps.select(kept)
    return dataclasses.replace(
        chosen,
        rejected=rejected,
        config=chosen.config | {'max_grasps': config.max_grasps, 'verified': test.name},
    )
