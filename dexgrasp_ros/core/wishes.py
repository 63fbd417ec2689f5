"""What kind of grasp is asked for: type, fingers, approach, and places on the object."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.core.poses import invert, transform_points

GRASP_TYPES = ('any', 'power', 'precision')
# Meaning of a region's sizes: those of shape_msgs/SolidPrimitive, in its order.
SHAPES = {
    'box': ('length x', 'length y', 'length z'),
    'sphere': ('radius',),
    'cylinder': ('height', 'radius'),
    'cone': ('height', 'radius'),
}
_HERE = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
_MOST = 64  # fingers, or regions of a kind: each is looked at for each contact
_FARTHEST = 100.0  # m, of sizes and places: in single precision that is 8 µm
_UNIT = 1e-3  # an axis whose length differs from 1 by more was hardly meant as one


@dataclass(frozen=True, kw_only=True)
class Region:
    """A part of space in the frame of an object's mesh.

    The middle of the shape's bounding box is the origin of `pose`; cylinders and cones stand
    along z, cones with their tip up.

    Raises
    ------
    InputError
        INVALID_INPUT (no such shape), WRONG_SHAPE or OUT_OF_RANGE, from the constructor.
    """

    shape: str  # one of `SHAPES`
    size: tuple[float, ...]  # m, as `SHAPES` says
    pose: tuple[float, ...] = _HERE  # x y z qx qy qz qw

    def __post_init__(self) -> None:
        """Check shape and numbers, and make the quaternion one of unit length."""
        if self.shape not in SHAPES:
            raise InputError(
                f"The shape of a region is '{self.shape}'; expected one of {choices(SHAPES)}."
            )
        names = SHAPES[self.shape]
        size = _numbers(self.size, len(names), f'the size of a {self.shape} ({", ".join(names)})')
        if not min(size) > 0.0:
            raise InputError(
                f'The size of a {self.shape} is {_text(size)}; expected {", ".join(names)} above '
                '0 [m].',
                ErrorCode.OUT_OF_RANGE,
            )
        pose = _numbers(self.pose, 7, 'the pose of a region (x y z qx qy qz qw)')
        if max(*size, *map(abs, pose[:3])) > _FARTHEST:
            raise InputError(
                f'A {self.shape} of size {_text(size)} at {_text(pose[:3])} came as a region; '
                f'expected no size or coordinate above {_FARTHEST:g} m.',
                ErrorCode.OUT_OF_RANGE,
            )
        length = math.hypot(*pose[3:])
        if abs(length - 1.0) > _UNIT:
            raise InputError(
                f'The quaternion of a region has length {length:.4g}; expected 1.',
                ErrorCode.OUT_OF_RANGE,
            )
        object.__setattr__(self, 'size', size)
        object.__setattr__(self, 'pose', (*pose[:3], *(v / length for v in pose[3:])))

    def distance(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Signed distance [M] of points [M, 3] to the region [m], negative inside."""
        x = transform_points(invert(np.array(self.pose)), points)
        if self.shape == 'box':
            return _to_box(x, 0.5 * np.array(self.size))
        if self.shape == 'sphere':
            return np.linalg.norm(x, axis=1) - self.size[0]
        height, radius = self.size
        around = np.hypot(x[:, 0], x[:, 1])
        if self.shape == 'cylinder':
            return _to_box(np.stack([around, x[:, 2]], axis=1), np.array([radius, 0.5 * height]))
        return _to_cone(around, x[:, 2], height, radius)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What kind of grasp is asked for; what is left out is free.

    Raises
    ------
    InputError
        INVALID_INPUT, WRONG_SHAPE or OUT_OF_RANGE, from the constructor. Names of fingers are
        checked when the hand is known.
    """

    # 'precision': nothing but fingertips (the last bodies of fingers) touches, of two fingers at
    # least. 'power': the palm touches, and two fingers at least do with any of their links.
    grasp_type: str = 'any'
    # These touch, every one of them, and no other (but for the palm in a power grasp). A finger is
    # named by any of its links or by the beginning that only its links' names share; the palm by
    # one of its links.
    fingers: tuple[str, ...] = ()
    # The palm faces in a direction (z of the palm frame) no farther than the angle from the axis.
    approach_axis: tuple[float, float, float] | None = None  # unit, frame of the mesh
    approach_half_angle: float = math.pi  # rad, above 0
    # Contacts lie in one of the former (if there are any) and in none of the latter.
    hold_regions: tuple[Region, ...] = ()
    avoid_regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        """Check what can be checked without hand and object."""
        if self.grasp_type not in GRASP_TYPES:
            raise InputError(
                f"'grasp_type' is '{self.grasp_type}'; expected one of {choices(GRASP_TYPES)}."
            )
        for name, kind in (('fingers', str), ('hold_regions', Region), ('avoid_regions', Region)):
            object.__setattr__(self, name, _several(getattr(self, name), kind, name))
        _numbers([self.approach_half_angle], 1, "'approach_half_angle'")
        if not 0.0 < self.approach_half_angle <= math.pi:
            raise InputError(
                f"'approach_half_angle' is {self.approach_half_angle}; expected more than 0, and "
                f'{math.pi:.4f} [rad] at most.',
                ErrorCode.OUT_OF_RANGE,
            )
        if self.approach_axis is not None:
            object.__setattr__(self, 'approach_axis', _axis(self.approach_axis))
        elif self.approach_half_angle != math.pi:
            raise InputError("'approach_half_angle' is set without an 'approach_axis'.")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; ``Wishes.from_dict`` reads them."""
        return json.loads(json.dumps(dataclasses.asdict(self)))  # lists, as a file gives them

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Wishes:
        """Inverse of `as_dict`."""
        regions = {
            name: tuple(Region(**r) for r in values[name])
            for name in ('hold_regions', 'avoid_regions')
        }
        return cls(**values | regions)


def _several(values: Any, kind: type, name: str) -> tuple[Any, ...]:
    """Return a tuple of at most so many values of one kind."""
    whole = isinstance(values, Sequence) and not isinstance(values, str)
    if not whole or not all(isinstance(v, kind) for v in values):
        raise InputError(
            f"'{name}' is {values!r}; expected a sequence of {kind.__name__}.",
            ErrorCode.WRONG_TYPE,
        )
    if len(values) > _MOST:
        raise InputError(
            f"'{name}' has {len(values)} entries; expected {_MOST} at most.",
            ErrorCode.OUT_OF_RANGE,
        )
    return tuple(values)


def _axis(axis: Sequence[float]) -> tuple[float, ...]:
    values = _numbers(axis, 3, "'approach_axis' (x y z)")
    length = math.hypot(*values)
    if abs(length - 1.0) > _UNIT:
        unit = f', for example {_text([v / length for v in values])}' if length > 0.0 else ''
        raise InputError(
            f"'approach_axis' is {_text(values)}, of length {length:.4g}; expected a unit "
            f'vector{unit}.',
            ErrorCode.OUT_OF_RANGE,
        )
    return tuple(v / length for v in values)


def _numbers(values: Sequence[float], count: int, what: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(v) for v in values)
    except (TypeError, ValueError):
        raise InputError(
            f'{values!r} came for {what}; expected {count} numbers.', ErrorCode.WRONG_TYPE
        ) from None
    if len(numbers) != count:
        raise InputError(
            f'{len(numbers)} numbers came for {what}; expected {count}.', ErrorCode.WRONG_SHAPE
        )
    if not all(map(math.isfinite, numbers)):
        raise InputError(
            f'{_text(numbers)} came for {what}; expected finite numbers.', ErrorCode.OUT_OF_RANGE
        )
    return numbers


def _text(values: Sequence[float]) -> str:
    return '[' + ' '.join(f'{v:.4g}' for v in values) + ']'


def _to_box(x: NDArray, half: NDArray) -> NDArray[np.float64]:
    """Distance [M] of points [M, D] to a box about the origin."""
    beyond = np.abs(x) - half
    outside = np.linalg.norm(np.maximum(beyond, 0.0), axis=1)
    return outside + np.minimum(beyond.max(axis=1), 0.0)


def _to_cone(around: NDArray, z: NDArray, height: float, radius: float) -> NDArray[np.float64]:
    """Distance [M] of points, in cylinder coordinates, to a cone from -height/2 to its tip."""
    up = z + 0.5 * height
    to_base = np.hypot(np.maximum(around - radius, 0.0), up)
    # The side goes from (radius, 0) to (0, height).
    t = np.clip(((radius - around) * radius + up * height) / (radius**2 + height**2), 0.0, 1.0)
    to_side = np.hypot(around - radius * (1.0 - t), up - height * t)
    inside = (up > 0.0) & (around * height < radius * (height - up))
    return np.where(inside, -1.0, 1.0) * np.minimum(to_base, to_side)
