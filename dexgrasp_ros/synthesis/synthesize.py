"""The search as one call: seeds, descent, ranking, closing."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.device_memory import device_memory
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, quoted
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.progress import ProgressCallback, StopCallback
from dexgrasp_ros.core.wishes import Wishes
from dexgrasp_ros.synthesis.clock import Clock
from dexgrasp_ros.synthesis.flat import flat_warnings
from dexgrasp_ros.synthesis.force_limits import weight_warnings
from dexgrasp_ros.synthesis.grasp_set import make_grasp_set
from dexgrasp_ros.synthesis.race import race
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import SeedSource, make_seeds
from dexgrasp_ros.synthesis.selection import ClearWayTest, ReachTest, Selection
from dexgrasp_ros.synthesis.wishes import resolve_wishes

Keep = Literal['best', 'all']
_DESCENT_SHARE = 0.7  # of the whole time, for the progress bar


@device_memory()
def synthesize(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig | None = None,
    *,
    keep: Keep = 'best',
    wishes: Wishes | None = None,
    reachable: ReachTest | None = None,
    learned: SeedSource | None = None,
    way_is_clear: ClearWayTest | None = None,
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
    keep
        ``best``: at most `config.max_grasps`, for which the candidates that promise most are
        followed first. ``all``: every sound, distinct grasp that any of `config.seed_count`
        candidates becomes; `config.max_grasps` then bounds nothing.
    wishes
        What kind of grasp to look for; default: any.
    reachable
        Asked for poses [N, 7] of the hand's root link at grasps and at their pre-grasps, in the
        frame of the object's mesh; those that it denies are not returned and counted as
        `reachability`. Such a test is `dexgrasp_ros.hand.Reachability`. Default: all are reached.
    learned
        Where candidates start that `config.seed_source` wants from a learned model: what
        `dexgrasp_ros.learning.learned_seeds` gives.
    way_is_clear
        Asked for the same poses and for joints [N, J] at grasps and pre-grasps; those that it
        denies are not returned and counted as `path`. Such a test is
        `dexgrasp_ros.motion.WayTest`. Default: the way to the pre-grasp is not looked at.
    progress
        Called with the state of the search; on a CPU from worker threads, one at a time.
    should_stop
        Asked often; the search ends soon after it returns true.

    Returns
    -------
    GraspSet
        Distinct grasps, best first, as many as `keep` says; perhaps none: `rejected` then
        says how many candidates each stage dropped.

    Raises
    ------
    InputError
        OUT_OF_RANGE for `keep`; INVALID_INPUT or UNKNOWN_LINK for wishes that this hand or this
        object cannot grant; INVALID_INPUT for learned seeds without `learned`.
    HandError
        UNSUPPORTED_HAND for a type of grasp that the hand does not have.
    SynthesisError
        CANCELLED or TIME_LIMIT.
    DeviceError
        DEVICE_UNAVAILABLE or OUT_OF_MEMORY.
    """
    config = config or SynthesisConfig()
    if keep not in get_args(Keep):
        raise InputError(
            f"'keep' is {quoted(keep)}; expected one of {choices(get_args(Keep))}.",
            ErrorCode.OUT_OF_RANGE,
        )
    if keep == 'all':
        config = dataclasses.replace(config, max_grasps=config.seed_count)
    clock = Clock(config, progress, should_stop)
    clock.report('seeds', 0.0)
    demand = resolve_wishes(hand, obj, wishes)
    search = Search(hand, obj, config, demand=demand, should_stop=clock.should_stop)
    palm, q = make_seeds(search, hand, obj, config, learned)
    clock.lap('seeds')
    selection = Selection(search, hand, config, reachable=reachable, way_is_clear=way_is_clear)

    def report(phase: str, share: float) -> None:
        """`share` is that of the descent of those that come first; others may follow."""
        fraction = share * _DESCENT_SHARE
        if selection.seen:
            found = len(selection.scores) / config.max_grasps
            found = 1.0 if selection.seen == len(q) else found
            fraction = _DESCENT_SHARE + (1.0 - _DESCENT_SHARE) * found
        clock.report(phase, fraction, len(q) - selection.seen, selection.scores)

    for candidates in race(search, config, palm, q, report=lambda s: report('optimize', s)):
        clock.lap('optimize')
        selection.add(candidates)
        clock.lap('finish')
        report('finish', 1.0)
        if selection.is_full:
            break
    rejected, chosen = selection.rejected(len(q)), selection.grasps
    grasps = make_grasp_set(hand, obj, config, chosen, clock, rejected, search)
    return dataclasses.replace(
        grasps,
        wishes={} if wishes is None else wishes.as_dict(),
        warnings=(
            *weight_warnings(config, grasps.contact_count.max(initial=0)),
            *flat_warnings(obj),
            *search.warnings,
        ),
    )
