"""Grasps of a dataset as objects to learn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dexgrasp_ros.core.hand_model import HandModel
    from dexgrasp_ros.dataset.reading.reader import Split
    from dexgrasp_ros.learning.training_objects import HandGrasps, TrainingObject

_COLUMNS = ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze', 'scene')


def read_training_objects(
    dataset: Path, hands: Sequence[str], split: Split
) -> tuple[list[TrainingObject], dict[str, HandModel]]:
    """Read the objects of a split that have grasps by any of the hands.

    Parameters
    ----------
    dataset
        Folder that `dexgrasp dataset generate` wrote.
    hands
        Their names; all of the dataset where there are none.
    split
        As in `open_dataset`.

    Returns
    -------
    objects, hands
        The objects, and the hands by name.

    Raises
    ------
    InputError, HandError, ObjectError
        As from `open_dataset` and what it gives.
    """
    from dexgrasp_ros.dataset.layout import DatasetLayout
    from dexgrasp_ros.dataset.reading.reader import open_dataset
    from dexgrasp_ros.dataset.reading.selection import known_hands, read_manifest
    from dexgrasp_ros.learning.training_objects import TrainingObject

    layout = DatasetLayout(dataset)
    names = tuple(hands) or tuple(sorted(known_hands(layout, read_manifest(layout))))
    opened = {name: open_dataset(dataset, name, split=split) for name in names}
    grasps: dict[str, dict[str, HandGrasps]] = {}
    for name, of_hand in opened.items():
        for key in of_hand.objects:
            rows = of_hand.rows(key, (*_COLUMNS, 'shaken', 'held'))
            if rows and len(rows['held']):
                grasps.setdefault(key, {})[name] = _hand_grasps(rows)
    objects = []
    for key, by_hand in sorted(grasps.items()):
        source = opened[next(iter(by_hand))]
        vertices, faces = source.mesh(key)
        planes = [np.array(scene['support_plane']) for scene in source.scenes(key)]
        objects.append(
            TrainingObject(key=key, vertices=vertices, faces=faces, planes=planes, grasps=by_hand)
        )
    return objects, {name: of_hand.hand_model for name, of_hand in opened.items()}


def _hand_grasps(rows: dict[str, np.ndarray]) -> HandGrasps:
    from dexgrasp_ros.learning.training_objects import HandGrasps

    arrays = {name: rows[name].astype(np.float64) for name in _COLUMNS}
    for name in ('base_pose', 'pregrasp_base_pose'):
        # Quaternions of single precision are of length 1 to seven digits only.
        arrays[name][:, 3:] /= np.linalg.norm(arrays[name][:, 3:], axis=1, keepdims=True)
    held = np.where(rows['shaken'], rows['held'].astype(np.int64), -1)
    return HandGrasps(**arrays | {'scene': rows['scene'].astype(np.int64)}, held=held)
