"""Pixels that are connected without a step of depth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from dexgrasp_ros.perception.segmentation.config import SegmentationConfig

# A step of depth also grows with the distance: of a surface seen at 80 degrees from its normal,
# neighbouring pixels at 1 m and 525 px lie 11 mm apart.
_STEP_GROWTH = 0.012  # m for each m
_RIGHT = ((slice(None), slice(-1)), (slice(None), slice(1, None)))
_DOWN = ((slice(-1), slice(None)), (slice(1, None), slice(None)))
# Rounds in which pixels beside a step join a component: steps have a pixel on either side, and a
# mixed one between.
_ROUNDS = 2


def depth_step(depth: NDArray[np.float32], config: SegmentationConfig) -> NDArray[np.float32]:
    """Difference of depth [m] above which neighbours at `depth` [...] are two surfaces."""
    return np.maximum(config.edge_step, _STEP_GROWTH * depth).astype(np.float32)


def find_components(
    depth: NDArray[np.float32], mask: NDArray[np.bool_], config: SegmentationConfig
) -> NDArray[np.int32]:
    """Component number [H, W] from 1 of each pixel in `mask`; 0 elsewhere.

    A pixel beside a step may be a mixed one that bridges it. Such pixels connect nothing; they
    join the component of the neighbour that is nearest in depth, or none.
    """
    z = np.where(mask, depth, np.nan)
    step = depth_step(z, config)
    beside = np.zeros(mask.shape, bool)
    with np.errstate(invalid='ignore'):
        for a, b in (_RIGHT, _DOWN):
            jump = np.abs(z[a] - z[b]) > step[a]
            beside[a] |= jump
            beside[b] |= jump
    return _join(z, step, _connect(z, step, mask & ~beside), beside & mask)


def _connect(
    z: NDArray[np.float32], step: NDArray[np.float32], core: NDArray[np.bool_]
) -> NDArray[np.int32]:
    index = np.arange(core.size).reshape(core.shape)
    rows, columns = [], []
    with np.errstate(invalid='ignore'):
        for a, b in (_RIGHT, _DOWN):
            linked = core[a] & core[b] & (np.abs(z[a] - z[b]) <= step[a])
            rows.append(index[a][linked])
            columns.append(index[b][linked])
    i, j = np.concatenate(rows), np.concatenate(columns)
    graph = coo_array((np.ones(len(i), bool), (i, j)), shape=(core.size, core.size))
    _, numbers = connected_components(graph, directed=False)
    components = np.zeros(core.shape, np.int32)
    components[core] = np.unique(numbers[core.ravel()], return_inverse=True)[1] + 1
    return components


def _join(
    z: NDArray[np.float32],
    step: NDArray[np.float32],
    components: NDArray[np.int32],
    loose: NDArray[np.bool_],
) -> NDArray[np.int32]:
    height, width = z.shape
    depth = np.pad(z, 1, constant_values=np.nan)
    for _ in range(_ROUNDS):
        least = np.where(loose, step, 0.0)
        joined, padded = components.copy(), np.pad(components, 1)
        for dv, du in np.ndindex(3, 3):
            window = (slice(dv, dv + height), slice(du, du + width))
            with np.errstate(invalid='ignore'):
                gap = np.abs(depth[window] - z)
                nearer = loose & (components == 0) & (padded[window] > 0) & (gap < least)
            joined[nearer], least[nearer] = padded[window][nearer], gap[nearer]
        components = joined
    return components
