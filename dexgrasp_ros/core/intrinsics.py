"""Intrinsics of a pinhole camera: what cannot be any, and what those of its image hardly are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError

_FORM = '[[fx, 0, cx], [0, fy, cy], [0, 0, 1]]'
# Slope of a ray, 76 degrees off the axis: wider than any lens whose image can be rectified. It
# also bounds how far apart points can be, and so the memory that they take.
_STEEPEST = 4.0
# A lens of 50 mm before pixels of 1 um has 50,000.
_LONGEST = 1e6  # px
# Skew, as a share of the focal length, that a calibration may leave: half a pixel in 500.
_SKEW = 1e-3
# Share of the image that the principal point may be off its middle. Of lenses it is a few percent.
_OFF_CENTER = 0.15
_WIDE, _NARROW = 2.0, 0.1  # slopes at the border: 127 and 11 degrees from side to side
_MOST_STRETCHED = 1.5  # of the focal lengths, one to the other


def check_intrinsics(K: NDArray[np.float64], shape: tuple[int, int]) -> None:
    """Refuse what cannot be the intrinsics of a rectified image.

    Parameters
    ----------
    K
        [3, 3].
    shape
        (H, W) of the image.

    Raises
    ------
    InputError
        OUT_OF_RANGE for numbers that no camera has, INVALID_INPUT for a matrix of another form.
    """
    if not (np.isfinite(K).all() and 0 < K[0, 0] <= _LONGEST and 0 < K[1, 1] <= _LONGEST):
        raise InputError(
            f"'K' has focal lengths {K[0, 0]:g}, {K[1, 1]:g}; expected finite and positive numbers"
            f' [px], as all of {_FORM}.',
            ErrorCode.OUT_OF_RANGE,
        )
    if not _has_form(K):
        cause = ' It looks transposed.' if _has_form(K.T) else ''
        raise InputError(f"'K' is {_text(K)}; expected {_FORM} of the rectified image.{cause}")
    if _slopes(K, shape).max() > _STEEPEST:
        cause = 'Is it of this image?'
        if (K[:2, 2] <= 1.0).all() and (K[[0, 1], [0, 1]] < 10.0).all():
            cause = (
                'It looks normalised: multiply its first row by the width, the next by the height.'
            )
        raise InputError(
            f"'K' is {_text(K)}: rays at the border of the image of {shape[1]} × {shape[0]} would"
            f' be {np.degrees(np.arctan(_slopes(K, shape).max())):.0f}° off the axis; expected at'
            f' most {np.degrees(np.arctan(_STEEPEST)):.0f}°. {cause}',
            ErrorCode.OUT_OF_RANGE,
        )


def intrinsics_doubts(K: NDArray[np.float64], shape: tuple[int, int]) -> list[str]:
    """Warn of intrinsics that an image hardly has, naming the likely cause and the remedy.

    Parameters
    ----------
    K, shape
        As for `check_intrinsics`, which has passed.
    """
    height, width = shape
    focal, size = K[[0, 1], [0, 1]], np.array([width, height])
    place = (K[:2, 2] + 0.5) / size  # 0 … 1 across the image, 0.5 in its middle
    if (np.abs(place - 0.5) > _OFF_CENTER).any():
        return [
            f'The principal point of K ({K[0, 2]:g}, {K[1, 2]:g}) is far from the middle of the'
            f' image of {width} × {height}, as only that of a part cut out of a larger image is;'
            f' {_cause(focal, K[:2, 2], size)}'
        ]
    slope = _slopes(K, shape).max()
    stretch = focal.max() / focal.min()
    if _NARROW <= slope <= _WIDE and stretch <= _MOST_STRETCHED:
        return []
    return [
        f'The focal lengths of K ({focal[0]:g}, {focal[1]:g}) are unusual for an image of'
        f' {width} × {height}: it would be {2 * np.degrees(np.arctan(slope)):.0f}° from side to'
        f' side and its pixels {stretch:.2g} times as long as wide. Is K of this image?'
    ]


def _cause(focal: NDArray, center: NDArray, size: NDArray) -> str:
    """Say why a principal point is far from the middle, and what to do."""
    middle = (size - 1) / 2
    if (np.abs(center) < 0.02 * size).all():
        return f'K seems to have none: ({middle[0]:g}, {middle[1]:g}) is usual.'
    factor = (2 * center + 1) / size
    if np.ptp(factor) < 0.2 * factor.max():
        full = size * _ratio(factor.mean())
        return (
            f'K seems to be of an image of {full[0]:.0f} × {full[1]:.0f}: multiply its first two'
            f' rows by {size[0] / full[0]:.3g}.'
        )
    near = _OFF_CENTER * size
    if (np.abs(center[::-1] - middle) < near).all():
        return 'cx and cy seem to be swapped.'
    if (np.abs(focal - middle) < near).all():
        return 'focal lengths and principal point seem to be swapped.'
    return 'is K of this image?'


def _ratio(factor: float) -> float:
    """Whole number, or one of the parts of 1, that is near a factor; else the factor."""
    whole = round(factor) if factor > 1.0 else 1.0 / round(1.0 / factor)
    return whole if abs(factor / whole - 1.0) < 0.05 else factor


def _has_form(K: NDArray[np.float64]) -> bool:
    zeros = [abs(K[0, 1]) / K[0, 0], abs(K[1, 0]) / K[0, 0], *np.abs(K[2] - [0, 0, 1])]
    return max(zeros) <= _SKEW


def _slopes(K: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Tangents [2] of the largest angles between the axis and rays of the image, by axis."""
    last = np.array([shape[1], shape[0]]) - 1
    return np.maximum(np.abs(K[:2, 2]), np.abs(last - K[:2, 2])) / K[[0, 1], [0, 1]]


def _text(K: NDArray[np.float64]) -> str:
    return str([[float(f'{v:.6g}') for v in row] for row in K])
