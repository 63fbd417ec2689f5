"""Reading a dataset: batches of grasps for learners, single objects for everything else.

A dataset that is still being made can be read; what is there is what is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.reading.clutter import free_keys, read_clutter
from dexgrasp_ros.dataset.reading.grasp_dataset import GraspDataset
from dexgrasp_ros.dataset.reading.selection import (
    Split,
    choose_hand,
    choose_objects,
    grasp_files,
    known_objects,
    read_manifest,
)
from dexgrasp_ros.dataset.reading.torch_batches import import_torch
from dexgrasp_ros.dataset.schema import FREE

Framework = Literal['numpy', 'torch']


def open_dataset(
    path: str | Path,
    hand: str | None = None,
    *,
    objects: Iterable[str] | None = None,
    split: Split | None = None,
    columns: Sequence[str] | None = None,
    held: bool | None = None,
    shaken: bool | None = None,
    free: bool | None = None,
    clutter: int | None = None,
    shard: tuple[int, int] | None = None,
    framework: Framework = 'numpy',
) -> GraspDataset:
    """Open the grasps of one hand in the folder of a dataset.

    Parameters
    ----------
    path
        The folder that `dexgrasp dataset generate` wrote.
    hand
        Name of the hand; may be left out where there is one only. Hands differ in their joints,
        so that one batch cannot hold two.
    objects
        Only these: keys of `GraspDataset.objects`, or names (all objects of that name).
    split
        ``train`` (80 % of the objects), ``validation`` or ``test`` (10 % each), by the digest of
        the mesh: an object is in the same one whatever else the dataset holds.
    columns
        Of the rows, in batches; default: all.
    held
        Only grasps that held in the shake test, or only those that did not; in neither case any
        that was not shaken.
    shaken
        Only grasps that were shaken, or only those that were not.
    free
        Only grasps of the object alone, or only those of an object on a table.
    clutter
        Only grasps that are free on this cluttered table, for the objects that stand there.
    shard
        (i, n): every n-th file from the i-th on, for n processes that read together.
    framework
        Of the batches: ``numpy`` or ``torch``.

    Raises
    ------
    InputError
        FILE_NOT_FOUND: no dataset; INVALID_INPUT: one that another version of this package wrote,
        no hand named where there are several, no such object or split, no torch, `held` of what
        was not shaken; UNKNOWN_HAND;
        OUT_OF_RANGE for the shard; as from `read_clutter`.
    """
    # One name is meant as one name, not as its letters.
    objects = (objects,) if isinstance(objects, str) else objects
    columns = (columns,) if isinstance(columns, str) else columns
    layout = DatasetLayout(Path(path))
    manifest = read_manifest(layout)
    name = choose_hand(layout, manifest, hand)
    keys = choose_objects(known_objects(layout, manifest), objects, split)
    if framework not in ('numpy', 'torch'):
        raise InputError(f"There is no framework '{framework}'; expected 'numpy' or 'torch'.")
    if framework == 'torch':
        import_torch()
    where: dict[str, Any] = {}
    if shaken is not None:
        where['shaken'] = shaken
    if held is not None:
        if shaken is False:
            raise InputError(
                "'shaken' is false and 'held' is given; expected one of them only: of what was not"
                ' shaken nobody knows whether it holds.'
            )
        where |= {'held': held, 'shaken': True}
    if free is not None:
        where['scene'] = _is_free if free else _is_settled
    if clutter is not None:
        where['key'] = partial(_is_one_of, free_keys(read_clutter(layout, clutter), name))
    dataset = GraspDataset(
        layout=layout,
        manifest=manifest,
        hand=name,
        objects=keys,
        files=grasp_files(layout, name, keys),
        columns=None if columns is None else tuple(columns),
        where=where,
        framework=framework,
    )
    return dataset if shard is None else dataset.share(*shard)


def _is_one_of(wanted: frozenset[str], keys: NDArray) -> NDArray[np.bool_]:
    return np.array([key in wanted for key in keys], dtype=bool)


def _is_free(scene: NDArray) -> NDArray[np.bool_]:
    return scene == FREE


def _is_settled(scene: NDArray) -> NDArray[np.bool_]:
    return scene != FREE
