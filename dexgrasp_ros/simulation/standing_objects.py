"""Objects as they stand on a table, for a simulated world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose, transform_points
from dexgrasp_ros.object import ObjectConfig, load_object, object_pieces
from dexgrasp_ros.simulation.demo_objects import make_bottle, make_box
from dexgrasp_ros.simulation.heap import Thing, settle_together
from dexgrasp_ros.simulation.settling import RestingPose, settle

# Those of the demo scene that are cut into convex pieces in seconds; a mug takes a minute.
_DEMO_OBJECTS = {'bottle': make_bottle, 'box': make_box}
# A world needs mass and shape of an object; its distance grid, for searches, can be coarse.
_COARSE = ObjectConfig(max_nodes=20_000)


@dataclass(frozen=True, kw_only=True)
class StandingObject:
    """An object at rest on the table z = 0 of the world."""

    label: int  # what a segmentation camera writes, from 1
    name: str
    obj: ObjectModel
    pieces: tuple[NDArray[np.float64], ...]  # convex, corners [V_i, 3] m in the mesh's frame
    pose: NDArray[np.float64]  # [7] of the mesh's frame in the world


def stand_objects(
    meshes: Sequence[str | Path] = (),
    *,
    spacing: float = 0.25,
    random_seed: int = 0,
    count: int = 0,
    heaped: bool = False,
) -> list[StandingObject]:
    """Stand objects in a row along y, each as it comes to rest, turned about z by chance.

    Parameters
    ----------
    meshes
        Files in metres, which are let go with their z up; without any, the package's own objects.
    spacing
        Between the middles of neighbours [m].
    random_seed
        Of the turns, of which objects are drawn, and of the heap.
    count
        How many are drawn, each as often as another as far as that goes; 0: each of them once.
    heaped
        Let go of them close to each other instead, and let them settle together: beside and upon
        each other, about the middle.

    Raises
    ------
    InputError, ObjectError
        Those of `load_object` and `settle`.
    """
    models = [load_object(path, config=_COARSE) for path in meshes] or _demo_models()
    rng = np.random.default_rng(random_seed)
    drawn = _drawn(len(models), count, random_seed)
    # What stands there twice is cut and settled once.
    alone = {n: _settled(models[n]) for n in sorted(set(drawn))}
    if heaped:
        return _heap([models[n] for n in drawn], [alone[n] for n in drawn], random_seed)
    standing = []
    for k, n in enumerate(drawn):
        obj, (pieces, rest) = models[n], alone[n]
        turn = np.append(np.zeros(3), Rotation.from_rotvec([0, 0, rng.uniform(-np.pi, np.pi)])
                         .as_quat())  # fmt: skip
        pose = compose(turn, rest.pose)
        middle = transform_points(pose, obj.vertices)
        pose[:2] -= 0.5 * (middle.min(axis=0) + middle.max(axis=0))[:2]
        pose[1] += (k - 0.5 * (len(drawn) - 1)) * spacing
        pose[2] += rest.floor[3]
        standing.append(
            StandingObject(label=k + 1, name=obj.name, obj=obj, pieces=pieces, pose=pose)
        )
    return standing


def _settled(obj: ObjectModel) -> tuple[tuple[NDArray[np.float64], ...], RestingPose]:
    pieces = object_pieces(obj).pieces
    return pieces, settle(obj, pieces)


def _drawn(models: int, count: int, seed: int) -> list[int]:
    """Which models stand there."""
    if not count:
        return list(range(models))
    rng = np.random.default_rng((seed, count))
    rounds = [rng.permutation(models) for _ in range(-(-count // models))]
    return np.concatenate(rounds)[:count].tolist()


def _heap(
    models: Sequence[ObjectModel],
    alone: Sequence[tuple[tuple[NDArray[np.float64], ...], RestingPose]],
    seed: int,
) -> list[StandingObject]:
    things = []
    for obj, (pieces, rest) in zip(models, alone, strict=True):
        pose = rest.pose.copy()
        pose[2] += rest.floor[3]
        things.append(Thing(obj=obj, pieces=pieces, pose=pose))
    poses = settle_together(things, seed=seed).poses
    return [
        StandingObject(
            label=k + 1, name=thing.obj.name, obj=thing.obj, pieces=thing.pieces, pose=pose
        )
        for k, (thing, pose) in enumerate(zip(things, poses, strict=True))
    ]


def _demo_models() -> list[ObjectModel]:
    models = []
    for name, make in _DEMO_OBJECTS.items():
        mesh: trimesh.Trimesh = make()
        models.append(load_object((mesh.vertices, mesh.faces), name=name, config=_COARSE))
    return models
