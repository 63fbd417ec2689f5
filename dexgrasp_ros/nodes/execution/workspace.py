"""Where the wrist may be sent, and what must be so of a whole plan before its first command."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.bridge.trajectories import finger_time, travel_time
from dexgrasp_ros.core.errors import CommandError, DexGraspError, ErrorCode
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters, Workspace
from dexgrasp_ros.nodes.execution.plan import Phase, Plan

LONGEST = 1e6  # s; messages have 32 bits for seconds, and no motion takes eleven days


def check_workspace(
    poses: NDArray[np.float64],
    start: NDArray[np.float64],
    frame: str,
    limits: Workspace,
    what: str = 'The way of the wrist',
) -> None:
    """Refuse poses [K, 7] in `frame` of a wrist at `start` [7], where one is out of bounds.

    Raises
    ------
    CommandError
        OUT_OF_RANGE, with the value, the bound and its parameter.
    """

    def check(value: float, bound: float, parameter: str, where: str) -> None:
        if not value <= bound:  # nor NaN
            raise CommandError(
                f"{what} leads to {value:g} m {where} '{frame}'; expected at most {bound:g} m"
                f" (parameter 'workspace.{parameter}').",
                ErrorCode.OUT_OF_RANGE,
            )

    for x in poses[:, :3].tolist():
        # By `math`, since NumPy overflows where numbers are squared.
        check(math.dist(x, start[:3]), limits.distance, 'distance', 'from where it is in')
        if limits.radius:
            check(math.hypot(*x), limits.radius, 'radius', 'from the origin of')
        for axis, value in zip('xyz', x, strict=True):
            check(value, getattr(limits, f'{axis}_max'), f'{axis}_max', f'along {axis} of')
            least = getattr(limits, f'{axis}_min')
            check(-value, -least, f'{axis}_min', f'along -{axis} of')


def check_course(
    plan: Plan,
    hand: HandModel,
    config: HandCommandParameters,
    fingers: NDArray[np.float64],
    wrist: NDArray[np.float64] | None,
    now: int,
) -> None:
    """Refuse a plan of which a later phase could not be: where it leads, and how long it takes.

    Parameters
    ----------
    plan, hand, config
        All phases, whose hand, and the present parameters.
    fingers
        Positions [S, J] that a controller may start from.
    wrist
        Where the wrist is [7] in the plan's frame; None where it does not move.
    now
        Time [ns] that the stamp of the grasp's image is compared with.

    Raises
    ------
    CommandError
        OUT_OF_RANGE for a pose outside the workspace, INVALID_COMMAND for motions without an end.
    DexGraspError
        STALE_DATA where the image would be too old by the time that a phase begins.
    """
    ways: dict[str, NDArray[np.float64]] = {}
    if wrist is not None:
        limits, ways = config.workspace, {name: p[None] for name, p in plan.poses.items()}
        for name, way in ways.items():
            check_workspace(way, wrist, plan.frame, limits, f"'{name}'")
        away = math.dist(plan.center, plan.poses['pose'][:3])
        if not away <= limits.distance:
            raise CommandError(
                f'The middle of the contacts is {away:g} m from the pose of the grasp; expected at'
                f" most {limits.distance:g} m (parameter 'workspace.distance').",
                ErrorCode.OUT_OF_RANGE,
            )
        if plan.approaches:
            ways['pregrasp_pose'] = plan.approach(wrist, config.approach_distance)
            check_workspace(ways['pregrasp_pose'], wrist, plan.frame, limits)
    elapsed = 0.0
    for phase in plan.phases:
        if phase.stamp is not None and (now - phase.stamp) / 1e9 + elapsed > config.max_age:
            raise DexGraspError(
                f'The image of the grasp will be {(now - phase.stamp) / 1e9 + elapsed:.2f} s old'
                f" when the phase '{phase.name}' begins; expected at most {config.max_age:g} s"
                " (parameter 'max_age').",
                ErrorCode.STALE_DATA,
            )
        way = ways.get(phase.wrist)
        length = _length(phase, plan, hand, config, fingers, None if way is None else (wrist, way))
        if not length <= LONGEST:
            raise CommandError(
                f"The phase '{phase.name}' takes {length:.4g} s; expected at most {LONGEST:g} s."
            )
        elapsed += length + phase.pause
        fingers = fingers if phase.fingers is None else phase.fingers[None]
        wrist = wrist if way is None else way[-1]


def _length(
    phase: Phase,
    plan: Plan,
    hand: HandModel,
    config: HandCommandParameters,
    fingers: NDArray[np.float64],
    wrist: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
) -> float:
    """Seconds that the motion of a phase takes at least."""
    length = 0.0
    if phase.fingers is not None:
        length = finger_time(fingers, phase.fingers, plan.speed_scale * hand.velocity_limits)
    if wrist is not None:
        place, way = wrist
        speeds = [
            plan.speed_scale * s for s in (config.wrist_linear_speed, config.wrist_angular_speed)
        ]
        before = [place, *way[:-1]]
        stretches = zip(before, way, strict=True)
        length = max(length, sum(travel_time(a[None], b, *speeds) for a, b in stretches))
    return length
