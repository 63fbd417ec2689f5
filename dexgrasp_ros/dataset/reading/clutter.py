"""Cluttered tables of a dataset: what stands where, and which grasps are free there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.core.json_files import read_json
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.records import Clutter


def clutter_numbers(layout: DatasetLayout) -> list[int]:
    """Numbers of the cluttered tables that are there."""
    files = layout.clutter(0).parent.glob('scene-*.parquet')  # written last
    numbers = (file.stem.partition('-')[2] for file in files)
    return sorted(int(number) for number in numbers if number.isdecimal())


def read_clutter(layout: DatasetLayout, number: int) -> dict[str, Any]:
    """Read one cluttered table.

    Returns
    -------
    dict
        ``objects``: for each its key ``object``, ``mesh``, ``label`` in the images, and the
        ``pose`` [7] of the mesh in a world whose table is z = 0; ``grasps``: for each hand, then
        for each of these objects, the keys of rows that keep clear of the others and the table.

    Raises
    ------
    InputError
        FILE_NOT_FOUND: there is no such table; else as from `read_json`.
    """
    file = layout.clutter(number)
    if not file.is_file():
        raise InputError(
            f"'{layout.root}' has no cluttered table {number}; expected '{file}', which "
            '`dexgrasp dataset render --clutter` writes.',
            ErrorCode.FILE_NOT_FOUND,
        )
    return read_json(file, schema=Clutter)


def free_keys(clutter: Mapping[str, Any], hand: str) -> frozenset[str]:
    """Keys of all rows of a hand that are free on a cluttered table.

    Raises
    ------
    InputError
        UNKNOWN_HAND: the hand came to the dataset after the table was made.
    """
    if hand not in clutter['grasps']:
        raise InputError(
            f"The cluttered table tells of {choices(clutter['grasps'])}, not of '{hand}'; expected"
            ' one of these, or the table made anew (`dexgrasp dataset render --clutter …'
            ' --overwrite`).',
            ErrorCode.UNKNOWN_HAND,
        )
    return frozenset(key for keys in clutter['grasps'][hand] for key in keys)
