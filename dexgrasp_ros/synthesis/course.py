"""One seed's way through the search, moment by moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.core.wishes import Wishes
from dexgrasp_ros.synthesis.batches import join
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.look import Measurement
from dexgrasp_ros.synthesis.ranking import touching
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import SeedSource, make_seeds
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object
from dexgrasp_ros.synthesis.wishes import resolve_wishes

# Shares of the iterations: early ones, since the first tenth of them makes half of the way.
_SHARES = (0.0, 0.05, 0.2, 0.5, 1.0)


@dataclass(frozen=True, kw_only=True)
class Course:
    """K moments of one candidate's descent, in the frame of the object's mesh."""

    iteration: NDArray[np.int64]  # [K] steps made so far
    base_pose: NDArray[np.float64]  # [K, 7] of the hand's root link
    palm: NDArray[np.float64]  # [K, 7] of the palm frame
    q: NDArray[np.float64]  # [K, J] actuated joints
    energy: NDArray[np.float64]  # [K] E
    residual: NDArray[np.float64]  # [K] mean V_j, 0 … 0.5
    penetration: NDArray[np.float64]  # [K] deepest overlap of hand and object [m]
    contact_points: NDArray[np.float64]  # [K, G, 3] of each group, NaN where it does not touch


def trace_seed(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    seed_index: int,
    *,
    wishes: Wishes | None = None,
    learned: SeedSource | None = None,
    iterations: Sequence[int] | None = None,
) -> Course:
    """Search again from one seed alone, and record where it was.

    Candidates do not influence each other, so that this is what `synthesize` did with that seed,
    bit for bit on a CPU. Energies of all moments are those of the schedule's end, where contacts
    are stiffest, so that they can be compared; the last is the one that the search ranks by.

    Parameters
    ----------
    hand, obj, config, wishes, learned
        What the search was given.
    seed_index
        Of the `config.seed_count` seeds, as in `GraspSet.seed_index`.
    iterations
        After how many steps to look, ascending; default: at 0, 5, 20, 50 and 100 % of them. The
        end of the descent is always recorded.

    Raises
    ------
    InputError
        OUT_OF_RANGE: there is no such seed, or no such iteration.
    DeviceError
        DEVICE_UNAVAILABLE.
    """
    moments = _moments(config, iterations)
    if not 0 <= seed_index < config.seed_count:
        raise InputError(
            f'There is no seed {seed_index}; expected 0 to {config.seed_count - 1}.',
            ErrorCode.OUT_OF_RANGE,
        )
    demand = resolve_wishes(hand, obj, wishes)
    search = Search(hand, obj, config, demand=demand)
    palm, q = make_seeds(search, hand, obj, config, learned)
    device = resolve_device(config.device)
    weights = None if demand is None else demand.weights
    uploads = upload_hand(hand, device, weights=weights), upload_object(obj, device)
    engine = Engine(*uploads, config, 1, device, demand=demand)
    engine.set_state(palm[seed_index][None], q[seed_index][None])
    # Measuring leaves its forces behind, and the descent must start from its own: so another
    # engine measures, whose schedule stands still at the end.
    judge = Engine(*uploads, config, 1, device, demand=demand)
    judge.seek(config.iterations)
    states: list[tuple[NDArray, NDArray]] = []
    found: list[Measurement] = []
    for step in range(config.iterations + 1):
        if step in moments:
            states.append(engine.get_state())
            if step == config.iterations:
                found.append(engine.measure(sweeps=config.ranking_sweeps))
            else:
                judge.set_state(*states[-1])
                found.append(judge.measure(sweeps=config.ranking_sweeps))
        if step < config.iterations:
            engine.step()
    at, all_found = np.concatenate([s[0] for s in states]), join(found)
    touch = touching(all_found, config)
    return Course(
        iteration=np.array(moments),
        base_pose=compose(at, invert(hand.palm_pose)),
        palm=at,
        q=np.concatenate([s[1] for s in states]),
        energy=all_found.energy,
        residual=all_found.residual,
        penetration=all_found.penetration,
        contact_points=np.where(touch[..., None], all_found.point, np.nan),
    )


def _moments(config: SynthesisConfig, iterations: Sequence[int] | None) -> list[int]:
    """Ascending, without repetitions, the end included."""
    if iterations is None:
        iterations = [round(share * config.iterations) for share in _SHARES]
    wrong = [i for i in iterations if not 0 <= i <= config.iterations]
    if wrong:
        raise InputError(
            f'There is no iteration {wrong[0]}; expected 0 to {config.iterations}.',
            ErrorCode.OUT_OF_RANGE,
        )
    return sorted({*iterations, config.iterations})
