"""The pixels of one label that really lie on the object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.view import DepthWindow

# A pixel keeps its place when this many of the 24 around it (5 by 5) lie on the same surface. At
# the corner of a square face 8 do; in a veil of flying pixels along an edge a line of 4 does.
_MIN_NEIGHBOURS = 8
# Clusters smaller than this share of the largest one are islands, at whatever distance.
_MIN_CLUSTER_SHARE = 0.02
# A cluster of this share and no farther away than this part of the object's diagonal belongs to
# it: the camera sees the near and the far wall of a bowl with nothing between.
_PART_SHARE = 0.1
_PART_DISTANCE = 0.3
# Share of the pixels between two clusters that something nearer must hide to count as one object.
_MIN_HIDDEN_SHARE = 0.5

# Half of the 26 steps to a neighbouring cell; the other half goes back.
_FORWARD = np.array([s for s in np.ndindex(3, 3, 3) if s > (1, 1, 1)]) - 1


@dataclass(frozen=True, kw_only=True)
class LabelPixels:
    """Which pixels of a window show the object, after cleaning."""

    mask: NDArray[np.bool_]  # [h, w]
    warnings: tuple[str, ...]


def clean_label(window: DepthWindow, label: int, config: ReconstructionConfig) -> LabelPixels:
    """Drop flying pixels, islands and what lies behind the object from the pixels of a label.

    Parameters
    ----------
    window
        The part of the frame that holds the whole label.
    label
        Which object.
    config
        Of which `min_points`, `edge_step` and `cluster_gap` act here.

    Raises
    ------
    PerceptionError
        TOO_FEW_POINTS, before or after cleaning.
    """
    own = (window.labels == label) & np.isfinite(window.depth)
    _check_count(label, int(own.sum()), 'valid', config)
    mask = own & (count_neighbours(window.depth, own, config.edge_step) >= _MIN_NEIGHBOURS)
    _check_count(label, int(mask.sum()), 'smooth', config)
    clusters = cluster(window, mask, config.cluster_gap)
    mask, dropped = _keep_object(window, mask, clusters)
    _check_count(label, int(mask.sum()), 'connected', config)

    warnings = []
    if dropped > 0.05 * own.sum():
        warnings.append(
            f'{dropped} of {int(own.sum())} points form clusters away from the object and were'
            ' left out; the label may cover something else too.'
        )
    return LabelPixels(mask=mask, warnings=tuple(warnings))


def _check_count(label: int, count: int, kind: str, config: ReconstructionConfig) -> None:
    if count < config.min_points:
        raise PerceptionError(
            f'Label {label} has {count} {kind} points; at least {config.min_points} are needed'
            " ('min_points').",
            ErrorCode.TOO_FEW_POINTS,
        )


def count_neighbours(depth: NDArray, own: NDArray[np.bool_], step: float) -> NDArray[np.uint8]:
    """Count of pixels of the label around each that differ by less than `step` in depth."""
    padded = np.pad(np.where(own, depth, np.inf), 2, constant_values=np.inf)
    count = np.zeros(own.shape, np.uint8)
    height, width = own.shape
    with np.errstate(invalid='ignore'):  # inf - inf outside the label
        for dv in range(5):
            for du in range(5):
                if (dv, du) != (2, 2):
                    other = padded[dv : dv + height, du : du + width]
                    count += np.abs(other - depth) < step
    return count


def cluster(window: DepthWindow, mask: NDArray[np.bool_], gap: float) -> NDArray[np.int32]:
    """Cluster number (from 1) of each pixel in `mask`, row by row, by distance in space."""
    points = window.back_project(mask)
    # Occupied cells that touch, corners included, are one cluster: gaps below one cell edge are
    # always bridged, gaps of two or more never.
    cell = max(gap, 3.0 * window.pixel_size(float(np.median(points[:, 2]))))
    cells = np.floor((points - points.min(axis=0)) / cell).astype(np.int64) + 1
    # Occupied ones only: a box about all may be of any size. One more on each side, so that the
    # neighbours of a border do not come round to the other one.
    size = cells.max(axis=0) + 2
    strides = np.array([size[1] * size[2], size[2], 1])
    occupied, where = np.unique(cells @ strides, return_inverse=True)
    pairs = []
    for step in _FORWARD @ strides:
        at = np.minimum(np.searchsorted(occupied, occupied + step), len(occupied) - 1)
        touching = np.flatnonzero(occupied[at] == occupied + step)
        pairs.append(np.stack([touching, at[touching]]))
    rows, columns = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), (len(occupied),) * 2)
    _, numbers = connected_components(graph, directed=False)
    return (numbers[where] + 1).astype(np.int32)


def _keep_object(
    window: DepthWindow, mask: NDArray[np.bool_], clusters: NDArray[np.int32]
) -> tuple[NDArray[np.bool_], int]:
    """Keep the largest cluster, large ones near it, and those which an occluder cuts off."""
    sizes = np.bincount(clusters)
    order = [c for c in np.argsort(sizes)[::-1] if sizes[c] > 0]
    kept = clusters == order[0]
    pixels, points = np.argwhere(mask), window.back_project(mask)
    dropped = 0
    for c in order[1:]:
        part = clusters == c
        share = sizes[c] / sizes[order[0]]
        if (share >= _PART_SHARE and _is_close(points[kept], points[part])) or (
            share >= _MIN_CLUSTER_SHARE and _is_cut_off(window, pixels, points[:, 2], kept, part)
        ):
            kept = kept | part
        else:
            dropped += int(sizes[c])
    result = np.zeros_like(mask)
    result[tuple(pixels[kept].T)] = True
    return result, dropped


def _is_close(kept: NDArray[np.float64], part: NDArray[np.float64]) -> bool:
    reach = _PART_DISTANCE * float(np.linalg.norm(np.ptp(kept, axis=0)))
    return bool(cKDTree(kept).query(part, distance_upper_bound=reach)[0].min() < reach)


def _is_cut_off(
    window: DepthWindow, pixels: NDArray, depth: NDArray, kept: NDArray, part: NDArray
) -> bool:
    """Whether something nearer hides most of the pixels between two clusters."""
    distance, nearest = cKDTree(pixels[kept]).query(pixels[part])
    i = int(np.argmin(distance))
    start, end = pixels[part][i], pixels[kept][nearest[i]]
    steps = np.linspace(0.0, 1.0, max(int(distance[i]), 2) + 1)[1:-1, None]
    between = np.round(start + steps * (end - start)).astype(int)
    nearer = min(depth[part][i], depth[kept][nearest[i]])
    with np.errstate(invalid='ignore'):
        hidden = window.depth[tuple(between.T)] < nearer
    return bool(hidden.mean() >= _MIN_HIDDEN_SHARE)
