"""The two stages of a unit of work: the search for grasps, and their evaluation.

Both are plain functions of arguments that pickle, and the same arguments give the same grasps on
every machine of a kind, in whatever order units run.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.dataset.config import DatasetConfig, derive_seed
from dexgrasp_ros.dataset.generation.draw import draw_diverse
from dexgrasp_ros.dataset.generation.plan import split_count
from dexgrasp_ros.dataset.generation.rows import grasp_rows, join_grasps, join_rows, no_rows
from dexgrasp_ros.dataset.hands import StoredHand
from dexgrasp_ros.dataset.manifest import FREE_PROTOCOL, SETTLED_PROTOCOL
from dexgrasp_ros.dataset.schema import FREE
from dexgrasp_ros.evaluation import Cause, Evaluation, evaluate
from dexgrasp_ros.object import build_environment_grid, load_object
from dexgrasp_ros.synthesis import synthesize

_LEAST_SEEDS = {'cpu': 8, 'cuda': 32}  # of a search: fewer leave lanes idle, more are in vain
_SHAKE_LIMIT = 600.0  # s for one grasp; a thousand times what it takes


@dataclass(frozen=True, kw_only=True)
class UnitTask:
    """What both stages of a unit need to know."""

    hand: StoredHand
    object_key: str
    mesh: Path  # stored mesh, on a disk that all machines of the run see
    digest: str  # of the mesh
    planes: tuple[tuple[float, float, float, float], ...]  # by resting pose
    part: int
    count: int
    config: DatasetConfig


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Grasps of the object in one pose, not evaluated yet."""

    scene: int
    grasps: GraspSet
    seeds: NDArray[np.uint32]  # [N] random seed of the search that each came from


@dataclass(frozen=True, kw_only=True)
class UnitRows:
    """Rows of a unit's shard, and the seconds that they took."""

    rows: dict[str, Any]
    count: int
    shaken: int
    held: int
    joints: int
    seconds: dict[str, float]


def synthesize_unit(task: UnitTask) -> list[Batch]:
    """Search until there are as many grasps as are wanted, or rounds are over.

    Raises
    ------
    HandError, InputError, ObjectError, DeviceError
        As from `StoredHand.load`, `load_object` and `synthesize`.
    """
    hand, obj = _hand(task.hand), _object(task.mesh)
    wanted = split_count(task.count, len(task.planes), task.config.settled_share)
    return [_search(task, hand, _placed(obj, task, s), s, n) for s, n in wanted.items()]


def evaluate_unit(task: UnitTask, batches: Sequence[Batch]) -> UnitRows:
    """Shake and measure all grasps of a unit; failures are rows like the others.

    Raises
    ------
    HandError, InputError, ObjectError
        As from `StoredHand.load`, `load_object` and `evaluate`.
    """
    start = time.perf_counter()
    hand, obj = _hand(task.hand), _object(task.mesh)
    parts, shaken, held, searched = [], 0, 0, 0.0
    for batch in batches:
        searched += sum(batch.grasps.timing.values())
        if not len(batch.grasps):
            continue
        found = _shake(task, hand, _placed(obj, task, batch.scene), batch)
        parts.append(grasp_rows(batch.scene, task.digest, batch.seeds, found))
        shaken += int(found.shaken.sum())
        held += int(found.held.sum())
    joints = len(hand.joint_names)
    rows = join_rows(parts) if parts else no_rows(joints)
    seconds = {'synthesize': searched, 'evaluate': time.perf_counter() - start}
    return UnitRows(
        rows=rows,
        count=len(rows['mesh']),
        shaken=shaken,
        held=held,
        joints=joints,
        seconds=seconds,
    )


@functools.lru_cache(maxsize=8)
def _hand(stored: StoredHand) -> HandModel:
    return stored.load()


@functools.lru_cache(maxsize=2)  # its grid takes up to 64 MB, and a second or two to make
def _object(mesh: Path) -> ObjectModel:
    return load_object(mesh)


def _placed(obj: ObjectModel, task: UnitTask, scene: int) -> ObjectModel:
    """Place the object free, or on the table of a resting pose."""
    if scene == FREE:
        return obj
    plane = np.array(task.planes[scene])
    bounds = np.array([obj.vertices.min(axis=0), obj.vertices.max(axis=0)])
    grid = build_environment_grid(obj.distance, bounds, plane, None)
    return dataclasses.replace(obj, support_plane=plane, environment=grid)


def _search(task: UnitTask, hand: HandModel, obj: ObjectModel, scene: int, wanted: int) -> Batch:
    """Search with so many seeds that they should do; once more where they did not."""
    config, found, seeds = task.config, [], []
    missing, seeds_each = wanted, config.seeds_per_grasp
    for k in range(config.max_rounds):
        seed = derive_seed(config.random_seed, hand.name, task.object_key, task.part, scene, k)
        least = _LEAST_SEEDS[config.device]
        count = max(math.ceil(seeds_each * missing), least)
        search = dataclasses.replace(
            config.search,
            device=config.device,
            random_seed=seed,
            seed_count=min(count, max(config.round_seeds, least)),
        )
        grasps = synthesize(hand, obj, search, keep='all')
        seeds_each = search.seed_count / max(len(grasps), 1)
        palm = compose(grasps.base_pose, hand.palm_pose)
        grasps = grasps.select(draw_diverse(palm, grasps.grasp, missing, search))
        found.append(grasps)
        seeds += [seed] * len(grasps)
        missing -= len(grasps)
        if not missing:
            break
    return Batch(scene=scene, grasps=join_grasps(found), seeds=np.array(seeds, dtype=np.uint32))


def _shake(task: UnitTask, hand: HandModel, obj: ObjectModel, batch: Batch) -> Evaluation:
    def run(grasps: GraspSet, shaken: NDArray[np.bool_], physics: str) -> Evaluation:
        return evaluate(
            grasps,
            shaken=shaken,
            object=obj,
            hand=hand,
            protocol=FREE_PROTOCOL if batch.scene == FREE else SETTLED_PROTOCOL,
            piece_threshold=task.config.piece_threshold,
            physics=physics,
            device=task.config.device,
            processes=1,
            time_limit=_SHAKE_LIMIT,
        )

    found = run(batch.grasps, _lots(task, hand, batch), task.config.physics)
    # A process that was killed, a machine that stood still, or a batch whose contacts were more
    # than it had room for, is not the grasp's fault.
    broken = np.flatnonzero(np.isin(found.cause, (Cause.ERROR, Cause.TIME_OUT)))
    if not len(broken):
        return found
    again = run(batch.grasps.select(broken), np.ones(len(broken), dtype=bool), 'mujoco')
    return _repeated(found, broken, again)


def _lots(task: UnitTask, hand: HandModel, batch: Batch) -> NDArray[np.bool_]:
    """Which grasps of a batch are shaken."""
    config = task.config
    where = (hand.name, task.object_key, task.part, batch.scene, 'shaken')
    rng = np.random.default_rng(derive_seed(config.random_seed, *where))
    return rng.random(len(batch.grasps)) < config.shaken_share


def _repeated(found: Evaluation, rows: NDArray[np.int64], again: Evaluation) -> Evaluation:
    """Results of all grasps, with those of some from a second test."""
    values: Mapping[str, NDArray[Any]] = {
        f.name: getattr(found, f.name)
        for f in dataclasses.fields(found)
        if isinstance(getattr(found, f.name), np.ndarray) and f.name != 'explained_variance'
    }
    merged = {}
    for name, value in values.items():
        other = getattr(again, name)
        merged[name] = value.astype(np.promote_types(value.dtype, other.dtype))
        merged[name][rows] = other
    return dataclasses.replace(found, **merged)
