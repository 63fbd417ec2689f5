"""Parameters of `clear_table_node`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.nodes.shared.parameter_texts import AUTOSTART


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the middle of an object's contacts is when it is let go, in the grasps' frame."""

    x: float = setting(0.0, 'm', 'of the place', -100.0, 100.0)
    y: float = setting(-0.6, 'm', 'of the place', -100.0, 100.0)
    z: float = setting(0.15, 'm', 'of the place; low over a table puts down', -100.0, 100.0)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


@dataclass(frozen=True, kw_only=True)
class ClearTableParameters:
    """Parameters of `clear_table_node`."""

    autostart: bool = setting(True, '-', AUTOSTART, read_on='start')
    strategy: str = setting(
        '',
        '-',
        'class that chooses the next grasp, as package.module:Class; empty: BestGrasp of'
        ' dexgrasp_ros.nodes.clearing.choosing',
        read_on='configuration',
    )
    place: Place = dataclasses.field(default_factory=Place)
    carry_rise: float = setting(
        0.1, 'm', 'how far the hand rises above lift_pose before it goes aside', 0.0, 2.0
    )
    attempts_per_object: int = setting(3, '1', 'after which an object is left', 1, 100)
    max_attempts: int = setting(100, '1', 'of a goal, over all objects', 1, 10_000)
    max_grasps: int = setting(4, '1', 'that are looked for, for each object', 1, 100)
    seed_count: int = setting(
        0, '1', "candidates for each object; 0: the grasp node's own", 0, 1_000_000
    )
    random_seed: int = setting(0, '1', 'of the first search; later ones count on', 0, 2**30)
    speed_scale: float = setting(1.0, '1', 'of execute_grasp', 0.01, 1.0)
    same_place: float = setting(
        0.04, 'm', 'an object that has moved less is where it was', 1e-3, 0.5
    )
    same_turn: float = setting(
        0.35, 'rad', 'a hand turned less, and less far off than same_place, tries the same grasp',
        0.0, 3.2,
    )  # fmt: skip
    held_share: float = setting(
        0.2,
        '1',
        'of the way from grasp to squeeze that fingers must be short of, on average, to have'
        ' something in the hand',
        0.0,
        1.0,
    )
    settle_time: float = setting(
        1.0, 's', 'from the end of a motion to the image of the next look', 0.0, 60.0
    )
    look_timeout: float = setting(60.0, 's', 'wait for objects of a new image', 0.1, 3600.0)
    search_timeout: float = setting(300.0, 's', 'wait for the grasps of one object', 0.1, 36e3)
    execute_timeout: float = setting(300.0, 's', 'wait for the end of one motion', 0.1, 36e3)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)
