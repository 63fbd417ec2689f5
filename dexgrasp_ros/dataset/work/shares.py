"""Which units of work are whose, where several machines share them without talking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from dexgrasp_ros.core.errors import ErrorCode, InputError

Unit = TypeVar('Unit')


def take_share(units: Sequence[Unit], index: int, count: int) -> list[Unit]:
    """Units `index`, `index` + `count`, …: those of one of `count` machines.

    Raises
    ------
    InputError
        OUT_OF_RANGE: the index is not that of a machine.
    """
    if count < 1 or not 0 <= index < count:
        raise InputError(
            f"'shard_index' is {index} of {count}; expected 0 to {max(count, 1) - 1}.",
            ErrorCode.OUT_OF_RANGE,
        )
    return list(units[index::count])
