"""What cameras look at a scene: a checked dataclass, and the YAML document that it comes from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, quoted
from dexgrasp_ros.core.yaml_files import is_finite, read_yaml
from dexgrasp_ros.simulation import SensorNoise

# Models of a depth sensor by name; 'none' has the true depth only.
NOISE_MODELS: dict[str, SensorNoise | None] = {'none': None, 'kinect_v1': SensorNoise()}
MOST_THINGS = 20  # on one table: a picture of more shows few of each
RIGS = {'mono': ('mono',), 'stereo': ('left', 'right')}  # the eyes of each


@dataclass(frozen=True, kw_only=True)
class CameraSettings:
    """Cameras on a hemisphere about the object; `config/dataset_cameras.yaml` has the defaults.

    Raises
    ------
    InputError
        OUT_OF_RANGE or INVALID_INPUT, from the constructor.
    """

    width: int = setting(640, 'px', 'of an image', 16, 4096)
    height: int = setting(480, 'px', 'of an image', 16, 4096)
    # None: of `horizontal_fov` and `vertical_fov`, with the middle of the image on the axis.
    K: tuple[float, ...] | None = setting(None, 'px', 'intrinsics, row by row')
    horizontal_fov: float = setting(0.97, 'rad', 'field of view, if there is no K', 0.05, 2.6)
    vertical_fov: float | None = setting(
        None, 'rad', 'the same; without it pixels are square', 0.05, 2.6
    )
    rig: str = setting('mono', '-', "'mono' or 'stereo'")
    baseline: float = setting(0.05, 'm', 'between the eyes of a stereo pair', 1e-3, 0.5)
    views: int = setting(8, '1', 'cameras, or pairs, for each scene', 1, 10_000)
    radius: tuple[float, float] = setting((0.45, 0.90), 'm', 'from the middle of the object')
    elevation: tuple[float, float] = setting((0.35, 1.40), 'rad', 'above the table')
    look_at_jitter: float = setting(
        0.03, 'm', 'standard deviation of where a camera looks, about the middle', 0.0, 0.5
    )
    noise: str = setting('none', '-', 'model of the depth sensor')
    clutter_objects: tuple[float, float] = setting((2, 10), '1', 'on a cluttered table')
    clutter_grasps: int = setting(
        64, '1', 'of each object and hand that are looked at there', 0, 100_000
    )
    appearance: str = setting('scene', '-', "new looks for each 'scene' or each 'view'")

    def __post_init__(self) -> None:
        """Refuse values out of range and names that nobody has."""
        check_ranges(self)
        _check_choice('rig', self.rig, RIGS)
        _check_choice('noise', self.noise, NOISE_MODELS)
        _check_choice('appearance', self.appearance, ('scene', 'view'))
        _check_interval('radius', self.radius, 0.1, 1.5, 'm')
        _check_interval('elevation', self.elevation, 0.05, math.pi / 2, 'rad')
        _check_interval('clutter_objects', self.clutter_objects, 1, MOST_THINGS, '1')
        if self.K is not None:
            _check_intrinsics(self.K)

    @property
    def eyes(self) -> tuple[str, ...]:
        """Names of the images of one view."""
        return RIGS[self.rig]

    @property
    def intrinsics(self) -> NDArray[np.float64]:
        """Of every camera, [3, 3]; pixel centres are at integers."""
        if self.K is not None:
            return np.array(self.K).reshape(3, 3)
        fx = 0.5 * self.width / math.tan(self.horizontal_fov / 2)
        fy = fx
        if self.vertical_fov is not None:
            fy = 0.5 * self.height / math.tan(self.vertical_fov / 2)
        return np.array([[fx, 0, (self.width - 1) / 2], [0, fy, (self.height - 1) / 2], [0, 0, 1]])

    def as_dict(self) -> dict[str, Any]:
        """Return the settings for JSON."""
        return dataclasses.asdict(self)


def read_camera_settings(path: Path, **changes: Any) -> CameraSettings:
    """Read settings from a YAML document; what it leaves out has the default.

    Parameters
    ----------
    path
        The document: one mapping with the names of `CameraSettings`.
    changes
        Values that count instead of those in the document.

    Raises
    ------
    InputError
        FILE_NOT_FOUND; INVALID_INPUT (no YAML, an unknown choice), MISSING_KEY (unknown key),
        WRONG_TYPE, OUT_OF_RANGE; the message names the document, the key and the value.
    """
    document = read_yaml(path, 'camera')
    document = {} if document is None else document
    if not isinstance(document, Mapping):
        raise InputError(
            f"'{path}' holds {quoted(document)}; expected names with values.", ErrorCode.WRONG_TYPE
        )
    valid = {f.name for f in dataclasses.fields(CameraSettings)}
    if unknown := set(document) - valid:
        raise InputError(
            f"'{path}' has the unknown key {choices(unknown)}; keys are {choices(valid)}.",
            ErrorCode.MISSING_KEY,
        )
    values = {name: _READERS[name](name, value, path) for name, value in document.items()}
    try:
        return CameraSettings(**(values | changes))
    except InputError as error:
        raise InputError(f"Cameras of '{path}': {error}", error.code) from None


def _wrong(name: str, value: object, path: Path, expected: str) -> InputError:
    return InputError(
        f"'{path}': '{name}' is {quoted(value)}; expected {expected}.", ErrorCode.WRONG_TYPE
    )


def _number(name: str, value: object, path: Path) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
        raise _wrong(name, value, path, 'a number')
    return float(value)


def _count(name: str, value: object, path: Path) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, value, path, 'a whole number')
    return value


def _word(name: str, value: object, path: Path) -> str:
    if not isinstance(value, str):
        raise _wrong(name, value, path, 'a name')
    return value


def _optional_number(name: str, value: object, path: Path) -> float | None:
    return None if value is None else _number(name, value, path)


def _interval(name: str, value: object, path: Path) -> tuple[float, ...]:
    return _numbers(name, value, path, 2, 'two numbers, the least and the most')


def _matrix(name: str, value: object, path: Path) -> tuple[float, ...] | None:
    if value is None:
        return None
    if isinstance(value, list) and value and all(isinstance(row, list) for row in value):
        value = [number for row in value for number in row]
    return _numbers(name, value, path, 9, 'nine numbers, row by row')


def _numbers(name: str, value: object, path: Path, size: int, expected: str) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != size:
        raise _wrong(name, value, path, expected)
    return tuple(_number(name, v, path) for v in value)


_READERS = {
    **dict.fromkeys(('width', 'height', 'views', 'clutter_grasps'), _count),
    **dict.fromkeys(('horizontal_fov', 'baseline', 'look_at_jitter'), _number),
    **dict.fromkeys(('rig', 'noise', 'appearance'), _word),
    **dict.fromkeys(('radius', 'elevation', 'clutter_objects'), _interval),
    'vertical_fov': _optional_number,
    'K': _matrix,
}


def _check_choice(name: str, value: str, valid: Any) -> None:
    if value not in valid:
        raise InputError(f"'{name}' is {quoted(value)}; choices are {choices(valid)}.")


def _check_interval(
    name: str, value: tuple[float, float], low: float, high: float, unit: str
) -> None:
    if not low <= value[0] <= value[1] <= high:
        raise InputError(
            f"'{name}' is {list(value)}; expected the least and the most, within {low} to "
            f'{high:.4g} [{unit}].',
            ErrorCode.OUT_OF_RANGE,
        )


def _check_intrinsics(K: tuple[float, ...]) -> None:
    if len(K) != 9 or min(K[0], K[4]) <= 0 or (K[1], K[3], *K[6:]) != (0, 0, 0, 0, 1):
        raise InputError(
            f"'K' is {list(K)}; expected [fx, 0, cx, 0, fy, cy, 0, 0, 1] with fx and fy above 0.",
            ErrorCode.OUT_OF_RANGE,
        )
