"""Grasps and their evaluation as rows of a shard."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.dataset.schema import CONTACTS, GRASP_COLUMNS
from dexgrasp_ros.dataset.shards import as_lists
from dexgrasp_ros.evaluation import Evaluation

_CONTACTS = ('contact_links', 'contact_points', 'contact_normals', 'contact_forces')


def join_grasps(sets: Sequence[GraspSet]) -> GraspSet:
    """Grasps of several searches for the same hand and object as one set, in their order.

    Each has room for as many contacts as a row of a shard; those with the least forces are left
    out of longer lists. Seconds of the phases are added up.
    """
    sets = [_with_room(grasps) for grasps in sets]
    first = sets[0]
    rows = {
        f.name: np.concatenate([getattr(grasps, f.name) for grasps in sets])
        for f in dataclasses.fields(first)
        if isinstance(getattr(first, f.name), np.ndarray)
        and f.name not in ('joint_stiffness', 'support_plane')
    }
    timing: dict[str, float] = {}
    for grasps in sets:
        for phase, seconds in grasps.timing.items():
            timing[phase] = timing.get(phase, 0.0) + seconds
    return dataclasses.replace(first, **rows, timing=timing)


def grasp_rows(
    scene: int, digest: str, seeds: NDArray[np.uint32], found: Evaluation
) -> dict[str, Any]:
    """Rows of `schema.GRASP_COLUMNS`, without their keys.

    Parameters
    ----------
    scene
        Resting pose, or `schema.FREE`.
    digest
        Of the mesh.
    seeds
        Of the searches [N].
    found
        Of grasps with room for `schema.CONTACTS` contacts.
    """
    grasps, count = found.grasps, len(found.held)
    names = ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze')
    rows: dict[str, Any] = {name: getattr(grasps, name) for name in names}
    searched = ('seed_index', 'score', 'residual', 'least_friction', 'largest_pull')
    rows |= {name: getattr(grasps, name) for name in searched}
    rows |= {name: as_lists(getattr(grasps, name), _width(name)) for name in _CONTACTS}
    measured = ('contact_count', 'contact_area', 'epsilon', 'volume', 'penetration')
    shaken = ('shaken', 'held', 'displacement', 'rotation', 'closing_displacement')
    rows |= {
        name: getattr(found, name)
        for name in (*measured, 'self_penetration', 'tip_distance', *shaken)
    }
    return rows | {
        'mesh': [digest] * count,
        'scene': np.full(count, scene),
        'support_plane': np.tile(grasps.support_plane, (count, 1)),
        'seed': seeds,
        'protocol': [found.protocol] * count,
        'cause': found.cause.tolist(),
        'motion': found.motion.tolist(),
    }


def join_rows(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows one after the other."""
    return {
        name: list(itertools.chain.from_iterable(part[name] for part in parts))
        if isinstance(parts[0][name], list)
        else np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def no_rows(joints: int) -> dict[str, Any]:
    """Rows of no grasps by a hand of so many joints, without their keys."""
    sizes = {c.name: joints if c.size == 'J' else c.size for c in GRASP_COLUMNS}
    return {n: np.empty((0, size)) if size else [] for n, size in sizes.items() if n != 'key'}


def _width(name: str) -> int:
    return CONTACTS if name == 'contact_links' else 3 * CONTACTS


def _with_room(grasps: GraspSet) -> GraspSet:
    """Room for `CONTACTS` contacts; they stand in the order of their forces."""
    room = {}
    for name in _CONTACTS:
        value = getattr(grasps, name)[:, :CONTACTS]
        empty = -1 if name == 'contact_links' else np.nan
        wide = np.full((len(value), CONTACTS, *value.shape[2:]), empty, dtype=value.dtype)
        wide[:, : value.shape[1]] = value
        room[name] = wide
    return dataclasses.replace(grasps, **room)
