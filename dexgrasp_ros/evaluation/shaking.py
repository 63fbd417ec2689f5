"""The shake test of a set of grasps: what each starts from, where it runs, what came of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.cores import available_cores
from dexgrasp_ros.core.device_memory import device_memory
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.core.progress import Progress, ProgressCallback, StopCallback, check_stop
from dexgrasp_ros.core.workers import Failure, run_tasks
from dexgrasp_ros.evaluation.growth import grow_pieces
from dexgrasp_ros.evaluation.perturbation import Perturbation
from dexgrasp_ros.evaluation.protocols import Protocol
from dexgrasp_ros.evaluation.shake_test import Cause, Postures, ShakeResult
from dexgrasp_ros.evaluation.warp_shaking import shake_together
from dexgrasp_ros.simulation import build_physics
from dexgrasp_ros.synthesis.device import resolve_device

_SHAKE = 'dexgrasp_ros.evaluation.shake_test:shake'


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all grasps of a test have in common."""

    protocol: Protocol
    surfaces: Sequence[Sequence[NDArray[np.float64]]]  # convex pieces, of the object as it may be
    floor: NDArray[np.float64] | None  # [4]
    perturbation: Perturbation | None


def shake_grasps(
    grasps: GraspSet,
    hand: HandModel,
    obj: ObjectModel,
    setting: Setting,
    chosen: NDArray[np.int64],
    *,
    physics: str,
    device: str,
    processes: int | None,
    time_limit: float,
    progress: ProgressCallback | None,
    should_stop: StopCallback | None,
) -> list[ShakeResult]:
    """Shake the chosen rows; results of all come in the order of the grasps.

    Parameters are those of `evaluate`, and so are the errors.
    """
    results: list[ShakeResult] = [ShakeResult(cause=Cause.NOT_SHAKEN)] * len(grasps)
    if not len(chosen):
        return results
    models = tuple(
        build_physics(hand, obj, surface, setting.protocol.physics, floor=setting.floor)
        for surface in setting.surfaces
    )
    everything = postures_of(grasps, obj, setting)
    tasks = [everything[n] for n in chosen]
    report = _reporter(progress, len(chosen))
    if physics == 'mujoco_warp':
        where = resolve_device(device)
        with device_memory():
            found = shake_together(
                *(models, setting.protocol, tasks, where), report=report, should_stop=should_stop
            )
    else:
        count = max(1, min(available_cores(), len(tasks), processes or available_cores()))
        running = run_tasks(
            *(_SHAKE, (models, setting.protocol), tasks), processes=count, time_limit=time_limit
        )
        found = _gather(running, len(tasks), report, should_stop)
    for n, result in zip(chosen, found, strict=True):
        results[n] = result
    return results


def surfaces_of(
    obj: ObjectModel,
    pieces: Sequence[NDArray[np.float64]],
    perturbation: Perturbation | None,
) -> list[Sequence[NDArray[np.float64]]]:
    """Return the convex pieces of the object as it is, or grown and shrunk."""
    if perturbation is None:
        return [pieces]
    return [grow_pieces(pieces, obj.vertices, obj.faces, g) for g in perturbation.growths]


def postures_of(grasps: GraspSet, obj: ObjectModel, setting: Setting) -> list[Postures]:
    """Return, for each grasp, its postures, where the object starts, and with which surface."""
    count, perturbation, floor = len(grasps), setting.perturbation, setting.floor
    if perturbation is None:
        poses, which = np.tile([0.0, 0, 0, 0, 0, 0, 1], (count, 1)), np.zeros(count, np.int64)
    else:
        poses, which = perturbation.draw(count, obj.center_of_mass)
    corners = [np.concatenate(pieces) for pieces in setting.surfaces]
    tasks = []
    for n in range(count):
        drop = 0.0
        if perturbation is not None and floor is not None:
            heights = transform_points(poses[n], corners[which[n]]) @ floor[:3] + floor[3]
            drop = max(0.0, -float(heights.min()))
        tasks.append(
            Postures(
                pregrasp_pose=grasps.pregrasp_base_pose[n],
                grasp_pose=grasps.base_pose[n],
                pregrasp=grasps.pregrasp[n],
                grasp=grasps.grasp[n],
                squeeze=grasps.squeeze[n],
                object_pose=poses[n],
                floor_drop=drop,
                surface=int(which[n]),
            )
        )
    return tasks


def _gather(
    running: Generator[tuple[int, Any] | None],
    count: int,
    report: Callable[[int], None],
    should_stop: StopCallback | None,
) -> list[ShakeResult]:
    """Results of tests in other processes, in the order of the grasps."""
    results: list[ShakeResult] = [ShakeResult(cause=Cause.ERROR)] * count
    done = 0
    try:
        for answer in running:
            check_stop(should_stop)
            if answer is not None:
                results[answer[0]] = _result(answer[1])
                done += 1
                report(done)
    finally:
        running.close()
    return results


def _result(answer: ShakeResult | Failure) -> ShakeResult:
    if isinstance(answer, ShakeResult):
        return answer
    cause = Cause.TIME_OUT if answer.timed_out else Cause.ERROR
    return ShakeResult(cause=cause, message=answer.message)


def _reporter(progress: ProgressCallback | None, total: int) -> Callable[[int], None]:
    start = time.perf_counter()

    def report(done: int) -> None:
        if progress is not None:
            progress(
                Progress(
                    phase='shake',
                    fraction=done / total,
                    candidates=total - done,
                    best_score=math.nan,
                    elapsed=time.perf_counter() - start,
                )
            )

    return report
