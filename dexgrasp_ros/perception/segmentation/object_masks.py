"""From groups of parts to the masks of objects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.perception.segmentation.components import depth_step
from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
from dexgrasp_ros.perception.segmentation.segments import longest_extent
from dexgrasp_ros.perception.segmentation.table import Tabletop
from dexgrasp_ros.perception.view import DepthWindow

_CLOSING = 2  # px; narrower gaps of a mask do not open a hole to the outside
# Share of a hole's outline across which the depth goes on: the bottom of a bowl goes on from its
# far wall, the table seen through a handle goes on from nothing.
_CONTINUOUS = 0.4
# Of the plane's threshold: what is connected to an object belongs to it down to here.
_FOOT = 0.5
_FOOT_REACH = 1.2  # of the threshold, seen face to face, that a foot is long


def standing_groups(
    window: DepthWindow,
    tabletop: Tabletop,
    groups: NDArray[np.int32],
    config: SegmentationConfig,
    *,
    everything: bool = False,
) -> list[NDArray[np.bool_]]:
    """Masks [H, W] of the groups that stand on the table, the one of most pixels first.

    With `everything` also those that are beyond the table's edge, high above it, or large.

    Raises
    ------
    PerceptionError
        UNKNOWN_LABEL where there is none.
    """
    found = []
    for number, place in enumerate(ndimage.find_objects(groups), start=1):
        if place is None:
            continue
        mask = np.zeros(groups.shape, bool)
        mask[place] = groups[place] == number
        if mask.sum() < config.min_points:
            continue
        points = window.back_project(mask)
        if longest_extent(points) < config.min_size:
            continue
        if everything or (
            longest_extent(points) <= config.max_size
            and np.percentile(tabletop.height[mask], 2.0) <= config.max_height
            and tabletop.is_over(np.median(points, axis=0))
        ):
            found.append(mask)
    if not found:
        raise PerceptionError(
            'Nothing stands on the support plane; expected an object of at least'
            f" {config.min_points} pixels ('min_points') and {config.min_size:g} m ('min_size').",
            ErrorCode.UNKNOWN_LABEL,
        )
    return sorted(found, key=lambda mask: -int(mask.sum()))


def complete_masks(
    window: DepthWindow,
    tabletop: Tabletop,
    masks: Sequence[NDArray[np.bool_]],
    groups: NDArray[np.int32],
    config: SegmentationConfig,
) -> NDArray[np.int32]:
    """Label image [H, W] from 1 of masks, with what the plane's threshold took of them.

    Pixels at a step of depth that are in none of the `groups` [H, W] may be added as well.
    """
    labels = np.zeros(tabletop.height.shape, np.int32)
    for number, mask in enumerate(masks, start=1):
        labels[_fill_bottom(window, mask, config) & (labels == 0)] = number
    with np.errstate(invalid='ignore'):
        foot = tabletop.height > _FOOT * tabletop.threshold
    foot &= (labels == 0) & (groups == 0)
    for number in range(1, len(masks) + 1):
        own = labels == number
        depth = float(np.median(window.depth[own]))
        reach = _FOOT_REACH * float(np.median(tabletop.threshold[own]))
        count = int(np.ceil(reach / window.pixel_size(depth)))
        labels[ndimage.binary_dilation(own, iterations=count, mask=own | foot)] = number
        foot &= labels == 0
    return labels


def _fill_bottom(
    window: DepthWindow, mask: NDArray[np.bool_], config: SegmentationConfig
) -> NDArray[np.bool_]:
    """`mask` with its holes in which the depth goes on: the bottom of a bowl is that thin."""
    closed = ndimage.binary_closing(np.pad(mask, 2 * _CLOSING), iterations=_CLOSING)
    closed = closed[(slice(2 * _CLOSING, -2 * _CLOSING),) * 2]
    known = np.isfinite(window.depth)
    holes, _ = ndimage.label(ndimage.binary_fill_holes(closed) & ~mask & known)
    filled = mask.copy()
    for number, place in enumerate(ndimage.find_objects(holes), start=1):
        place = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in place)
        hole = holes[place] == number
        if _continuous_share(window.depth[place], hole, mask[place], config) >= _CONTINUOUS:
            filled[place] |= hole
    return filled


def _continuous_share(
    depth: NDArray[np.float32],
    hole: NDArray[np.bool_],
    own: NDArray[np.bool_],
    config: SegmentationConfig,
) -> float:
    """Share of the neighbours in `hole` and `own` between which the depth does not jump."""
    step = depth_step(depth, config)
    smooth = total = 0
    for a, b in (
        ((slice(None), slice(-1)), (slice(None), slice(1, None))),
        ((slice(-1), slice(None)), (slice(1, None), slice(None))),
    ):
        across = (hole[a] & own[b]) | (own[a] & hole[b])
        with np.errstate(invalid='ignore'):
            smooth += int((across & (np.abs(depth[a] - depth[b]) < step[a])).sum())
        total += int(across.sum())
    return smooth / max(total, 1)
