"""The one object that a box or a point names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
from dexgrasp_ros.perception.view import DepthWindow

_CLICK_RADIUS = 5  # px that a click may miss an object by
_INSIDE = 0.8  # of a group's pixels in the box: it is meant as a whole
_GOOD_FIT = 0.4  # overlap of box and bounds from which whole groups are what is meant
_LEAST_GAIN = 0.01  # of that overlap, that makes one more group worth while


def check_prompt(
    shape: tuple[int, int], box: Sequence[float] | None, point: Sequence[float] | None
) -> None:
    """Refuse a prompt that cannot be one in an image of `shape` (H, W).

    Raises
    ------
    InputError
        INVALID_INPUT, WRONG_SHAPE or OUT_OF_RANGE.
    """
    height, width = shape
    if box is not None and point is not None:
        raise InputError('Both a box and a point were given; expected one of them, or none.')
    for name, value, counts in (('box', box, (4,)), ('point', point, (2, 3))):
        if value is None:
            continue
        if len(value) not in counts:
            raise InputError(
                f'The {name} has {len(value)} numbers; expected'
                f' {"u, v, width, height" if name == "box" else "u, v or x, y, z"}.',
                ErrorCode.WRONG_SHAPE,
            )
        if not np.isfinite(np.asarray(value, float)).all():
            raise InputError(
                f'The {name} is {list(value)}; expected finite numbers.', ErrorCode.OUT_OF_RANGE
            )
    if box is not None:
        u, v, w, h = box
        if not (w > 0 and h > 0 and u < width and v < height and u + w > 0 and v + h > 0):
            raise InputError(
                f'The box of {w:g} × {h:g} px at ({u:g}, {v:g}) has no pixel of the image of'
                f' {width} × {height}.',
                ErrorCode.OUT_OF_RANGE,
            )
    if point is not None and len(point) == 2:
        u, v = point
        if not (-0.5 <= u < width - 0.5 and -0.5 <= v < height - 0.5):
            raise InputError(
                f'The point ({u:g}, {v:g}) lies outside the image of {width} × {height} px.',
                ErrorCode.OUT_OF_RANGE,
            )


def mask_in_box(
    groups: NDArray[np.int32], box: Sequence[float], config: SegmentationConfig
) -> tuple[NDArray[np.bool_], list[str]]:
    """Mask [H, W] of the object in a box (u, v, width, height), and warnings.

    Of the groups that lie in the box with most of their pixels those are taken, as one object,
    which together fill the box best: each one more as long as their common bounds come nearer to
    the box. Where that fits badly, the group with most pixels in the box is cut off at its edge
    instead: a box can also part what was not told apart.

    Raises
    ------
    PerceptionError
        UNKNOWN_LABEL where fewer than `min_points` pixels remain.
    """
    u, v, w, h = box
    wanted = np.array([np.ceil(u), np.ceil(v), np.ceil(u + w), np.ceil(v + h)])
    wanted = np.clip(wanted, 0, [*groups.shape[::-1]] * 2).astype(int)
    inside = np.zeros(groups.shape, bool)
    inside[wanted[1] : wanted[3], wanted[0] : wanted[2]] = True
    total = np.bincount(groups.ravel(), minlength=2)
    within = np.bincount(groups[inside], minlength=len(total))
    total[0] = within[0] = 0
    whole = np.flatnonzero((within > 0) & (within >= _INSIDE * total))
    numbers, fit = _fill_box(groups, whole, wanted)
    warnings = []
    if fit >= _GOOD_FIT:
        mask = np.isin(groups, numbers)
    else:
        mask = inside & (groups == int(np.argmax(within))) & (groups > 0)
        warnings = ['The object reaches beyond the box and was cut off at its edge.']
    if mask.sum() < config.min_points:
        raise PerceptionError(
            f'The box at ({u:g}, {v:g}) has {int(mask.sum())} pixels of an object; at least'
            f" {config.min_points} are needed ('min_points').",
            ErrorCode.UNKNOWN_LABEL,
        )
    return mask, warnings


def _fill_box(
    groups: NDArray[np.int32], candidates: NDArray[np.int64], wanted: NDArray[np.int64]
) -> tuple[list[int], float]:
    """Choose groups whose common bounds overlap a box [u0, v0, u1, v1] best; and that overlap."""
    places = ndimage.find_objects(groups)
    bounds = {
        int(n): np.array(
            [places[n - 1][1].start, places[n - 1][0].start,
             places[n - 1][1].stop, places[n - 1][0].stop]
        )
        for n in candidates
    }  # fmt: skip
    chosen: list[int] = []
    common, fit = None, 0.0
    while bounds:
        unions = {n: b if common is None else _union(common, b) for n, b in bounds.items()}
        best = max(unions, key=lambda n: _overlap(unions[n], wanted))
        if _overlap(unions[best], wanted) < fit + _LEAST_GAIN:
            break
        common, fit = unions[best], _overlap(unions[best], wanted)
        chosen.append(best)
        del bounds[best]
    return chosen, fit


def _union(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.minimum(a[:2], b[:2]), np.maximum(a[2:], b[2:])])


def _overlap(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Intersection over union of two boxes [u0, v0, u1, v1]."""
    both = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(both / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - both))


def mask_at_point(
    window: DepthWindow,
    labels: NDArray[np.int32],
    point: Sequence[float],
    config: SegmentationConfig,
) -> NDArray[np.bool_]:
    """Mask [H, W] of the object at a pixel (u, v) or at a point (x, y, z) [m] of the camera.

    Raises
    ------
    InputError
        OUT_OF_RANGE for a point that the camera does not see.
    PerceptionError
        UNKNOWN_LABEL where there is no object.
    """
    pixels = np.argwhere(labels > 0)
    if len(point) == 2:
        targets, wanted, reach = pixels, np.array(point[::-1], float), float(_CLICK_RADIUS)
        what = f'pixel ({point[0]:g}, {point[1]:g})'
    else:
        wanted, reach = np.asarray(point, float), config.prompt_radius
        what = 'point ({:g}, {:g}, {:g}) m'.format(*point)
        _check_seen(window, wanted)
        with_depth = np.isfinite(window.depth[tuple(pixels.T)])
        pixels = pixels[with_depth]
        targets = window.back_project((labels > 0) & np.isfinite(window.depth))
    distance, nearest = cKDTree(targets).query(wanted)
    if distance > reach:
        raise PerceptionError(
            f'There is no object at {what}, nor within'
            f' {f"{reach:g} px" if len(point) == 2 else f"{reach:g} m"} of it.',
            ErrorCode.UNKNOWN_LABEL,
        )
    return labels == labels[tuple(pixels[nearest])]


def _check_seen(window: DepthWindow, point: NDArray[np.float64]) -> None:
    (pixel,), (z,) = window.project(point[None])
    height, width = window.depth.shape
    if z <= 0 or not (-0.5 <= pixel[0] < width - 0.5 and -0.5 <= pixel[1] < height - 0.5):
        raise InputError(
            f'The camera does not see the point {point.tolist()} m; expected one before it, within'
            ' the image.',
            ErrorCode.OUT_OF_RANGE,
        )
