"""The one object that a box or a point names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.perception.segmentation_config import SegmentationConfig
from dexgrasp_ros.perception.view import DepthWindow

_CLICK_RADIUS = 5  # px that a click may miss an object by
_INSIDE = 0.8  # of a group's pixels in the box: it is meant as a whole


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
    window: DepthWindow,
    groups: NDArray[np.int32],
    box: Sequence[float],
    config: SegmentationConfig,
) -> tuple[NDArray[np.bool_], list[str]]:
    """Mask [H, W] of the object in a box (u, v, width, height), and warnings.

    Groups that lie in the box with most of their pixels, and near each other, are taken for one
    object. Where there is none the group with most pixels in the box is cut off at its edge: a
    box can also part what was not told apart.

    Raises
    ------
    PerceptionError
        UNKNOWN_LABEL where fewer than `min_points` pixels remain.
    """
    u, v, w, h = box
    inside = np.zeros(groups.shape, bool)
    rows = slice(max(int(np.ceil(v)), 0), max(int(np.ceil(v + h)), 0))
    inside[rows, max(int(np.ceil(u)), 0) : max(int(np.ceil(u + w)), 0)] = True
    total = np.bincount(groups.ravel())
    within = np.bincount(groups[inside], minlength=len(total))
    total[0] = within[0] = 0
    warnings = []
    whole = np.flatnonzero((within > 0) & (within >= _INSIDE * total))
    # A speck that lies in the box as a whole is not what the box is about.
    if len(whole) and within[whole].max() >= max(0.5 * within.max(), config.min_points):
        mask = _connected(window, groups, whole[np.argsort(-within[whole])], config)
    else:
        mask = inside & (groups == int(np.argmax(within))) & (groups > 0)
        if mask.any():
            warnings.append('The object reaches beyond the box and was cut off at its edge.')
    if mask.sum() < config.min_points:
        raise PerceptionError(
            f'The box at ({u:g}, {v:g}) has {int(mask.sum())} pixels of an object; at least'
            f" {config.min_points} are needed ('min_points').",
            ErrorCode.UNKNOWN_LABEL,
        )
    return mask, warnings


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


def _connected(
    window: DepthWindow,
    groups: NDArray[np.int32],
    numbers: NDArray[np.int64],
    config: SegmentationConfig,
) -> NDArray[np.bool_]:
    """Mask of the first of the groups and those which touch it, directly or through others."""
    mask, rest, grew = groups == numbers[0], list(numbers[1:]), True
    while rest and grew:
        grew = False
        tree = cKDTree(window.back_project(mask))
        for number in list(rest):
            points = window.back_project(groups == number)
            if tree.query(points)[0].min() < config.contact_gap:
                mask |= groups == number
                rest.remove(number)
                grew = True
    return mask
