"""Wishes as words of a command line."""

from __future__ import annotations

import math

from dexgrasp_ros.core.errors import InputError, choices
from dexgrasp_ros.core.wishes import SHAPES, Region, Wishes

_HERE = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
_PLACES = (3, 7)  # numbers behind the @: position, or pose


def read_wishes(
    *,
    grasp_type: str,
    fingers: tuple[str, ...],
    approach: tuple[float, float, float, float] | None,
    hold_region: tuple[str, ...],
    avoid_region: tuple[str, ...],
) -> Wishes | None:
    """Return what the options ask for, or None where none was given; `approach` is in degrees.

    Raises
    ------
    InputError
        INVALID_INPUT, WRONG_SHAPE or OUT_OF_RANGE.
    """
    cone = {}
    if approach is not None:
        cone['approach_axis'] = approach[:3]
        cone['approach_half_angle'] = math.radians(approach[3])
    wishes = Wishes(
        grasp_type=grasp_type,
        fingers=fingers,
        hold_regions=tuple(map(read_region, hold_region)),
        avoid_regions=tuple(map(read_region, avoid_region)),
        **cone,
    )
    return None if wishes == Wishes() else wishes


def read_region(text: str) -> Region:
    """Region of a text such as ``box:0.04,0.04,0.1@0,0,0.05``.

    Raises
    ------
    InputError
        INVALID_INPUT, and what `Region` raises.
    """
    shape, _, rest = text.partition(':')
    size, at, place = rest.partition('@')
    try:
        numbers = tuple(map(float, size.split(',')))
        pose = tuple(map(float, place.split(','))) if at else _HERE
    except ValueError:
        pose = ()
    if at and len(pose) in _PLACES:
        pose = pose + _HERE[len(pose) :]
    if len(pose) != len(_HERE):
        raise InputError(
            f"The region '{text}' cannot be read; expected shape:sizes@x,y,z or "
            'shape:sizes@x,y,z,qx,qy,qz,qw with commas between numbers [m], such as '
            f'box:0.04,0.04,0.1@0,0,0.05; the shape one of {choices(SHAPES)}.'
        )
    return Region(shape=shape, size=numbers, pose=pose)
