"""Units of work of a dataset, in an order that every machine works out alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.schema import FREE


@dataclass(frozen=True, kw_only=True)
class Unit:
    """Grasps of one object by one hand that one shard holds."""

    hand: str  # name
    object: str  # name, as `find_meshes` gives it
    part: int
    count: int  # grasps that are wanted

    @property
    def name(self) -> str:
        """For messages and the names of files."""
        return f'{self.hand}/{self.object}/{self.part:05d}'


def plan_units(
    hands: Sequence[str], objects: Sequence[str], grasps_per_object: int, config: DatasetConfig
) -> list[Unit]:
    """All units, hand by hand and object by object.

    Raises
    ------
    InputError
        OUT_OF_RANGE: no grasps are wanted.
    """
    if grasps_per_object < 1:
        raise InputError(
            f"'grasps_per_object' is {grasps_per_object}; expected 1 at least.",
            ErrorCode.OUT_OF_RANGE,
        )
    parts = range(math.ceil(grasps_per_object / config.shard_size))
    return [
        Unit(
            hand=hand,
            object=name,
            part=part,
            count=grasps_in_part(part, grasps_per_object, config),
        )
        for hand in hands
        for name in objects
        for part in parts
    ]


def grasps_in_part(part: int, grasps_per_object: int, config: DatasetConfig) -> int:
    """How many grasps one shard of an object has; 0 for one beyond the last."""
    rest = grasps_per_object - part * config.shard_size
    return min(max(rest, 0), config.shard_size)


def split_count(count: int, scenes: int, settled_share: float) -> dict[int, int]:
    """How many of a unit's grasps are wanted of the free object and in each resting pose.

    An object that never comes to rest has grasps of the free object only.
    """
    settled = round(settled_share * count) if scenes else 0
    wanted = {FREE: count - settled}
    for scene in range(scenes):
        wanted[scene] = settled // scenes + (scene < settled % scenes)
    return {scene: number for scene, number in wanted.items() if number}
