"""The search as one call: seeds, descent, ranking, closing."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.progress import ProgressCallback, StopCallback
from dexgrasp_ros.core.wishes import Wishes
from dexgrasp_ros.synthesis.batches import take
from dexgrasp_ros.synthesis.clock import Clock
from dexgrasp_ros.synthesis.grasp_set import make_grasp_set
from dexgrasp_ros.synthesis.ranking import count_rejects, reject_candidates, score
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds
from dexgrasp_ros.synthesis.selection import Candidates, choose
from dexgrasp_ros.synthesis.wishes import reject_unwished, resolve_wishes

_DESCENT_SHARE = 0.7  # of the whole time, for the progress bar


def synthesize(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig | None = None,
    *,
    wishes: Wishes | None = None,
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
    wishes
        What kind of grasp to look for; default: any.
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
    InputError
        INVALID_INPUT or UNKNOWN_LINK for wishes that this hand or this object cannot grant.
    HandError
        UNSUPPORTED_HAND for a type of grasp that the hand does not have.
    SynthesisError
        CANCELLED or TIME_LIMIT.
    DeviceError
        DEVICE_UNAVAILABLE.
    """
    config = config or SynthesisConfig()
    clock = Clock(config, progress, should_stop)
    clock.report('seeds', 0.0)
    demand = None if wishes is None else resolve_wishes(hand, obj, wishes)
    search = Search(hand, obj, config, demand=demand, should_stop=clock.should_stop)
    palm, q = make_seeds(search, hand, obj, config)
    clock.lap('seeds')
    palm, q, found = search.optimize(
        palm,
        q,
        report=lambda share: clock.report('optimize', share * _DESCENT_SHARE),
    )
    clock.lap('optimize')

    bad = reject_candidates(hand, found, config, demand)
    alive, rejected = count_rejects(bad | reject_unwished(demand, found, palm, config))
    order = np.flatnonzero(alive)
    order = order[np.argsort(-score(found)[order], kind='stable')]
    candidates = Candidates(
        seed_index=order, palm=palm[order], q=q[order], found=take(found, order)
    )

    def report(left: int, best: NDArray[np.float64]) -> None:
        share = min(len(best) / config.max_grasps, 1.0)
        fraction = _DESCENT_SHARE + (1.0 - _DESCENT_SHARE) * share
        clock.report('finish', fraction, left, best)

    chosen = choose(search, hand, config, candidates, rejected, report=report)
    clock.lap('finish')
    grasps = make_grasp_set(hand, obj, config, chosen, clock, rejected, search)
    return grasps if wishes is None else dataclasses.replace(grasps, wishes=wishes.as_dict())
