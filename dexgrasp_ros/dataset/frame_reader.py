"""The tables of images of a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.row_arrays import Arrays, join_arrays, read_arrays

_SCENE = re.compile(r'scene-(\d+)\.parquet')


def read_frames(layout: DatasetLayout, objects: Iterable[str], scene: int | None = None) -> Arrays:
    """Rows of all frames of some objects, with their key in the column `object`.

    Returns
    -------
    dict
        Arrays [F, …]; empty where nothing was rendered yet.
    """
    parts = []
    for key in objects:
        for number, file in _files(layout, key):
            if scene in (None, number):
                rows = read_arrays(file)
                parts.append(rows | {'object': np.full(len(rows['key']), key, dtype=object)})
    return join_arrays(parts) if parts else {}


def find_frame(layout: DatasetLayout, objects: Iterable[str], key: str) -> dict[str, Any]:
    """Return one row by the key of the frame.

    Raises
    ------
    InputError
        INVALID_INPUT: no such frame.
    """
    # Keys begin with that of their object.
    for name in sorted(objects, key=lambda name: not key.startswith(name)):
        for _, file in _files(layout, name):
            rows = read_arrays(file)
            found = np.flatnonzero(rows['key'] == key)
            if len(found):
                return {n: values[found[0]] for n, values in rows.items()} | {'object': name}
    raise InputError(f"There is no frame '{key}' of the objects that were opened.")


def _files(layout: DatasetLayout, key: str) -> list[tuple[int, Path]]:
    """Tables of one object that are there, by scene."""
    folder = layout.frames(key, 0).parent
    matches = [(_SCENE.fullmatch(file.name), file) for file in sorted(folder.glob('scene-*'))]
    return [(int(match[1]), file) for match, file in matches if match]
