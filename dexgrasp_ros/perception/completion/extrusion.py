"""Filling along the axes of a grid: straight down to the plane, and from the back to the front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.completion.evidence import HiddenNodes

_BLUR = 1.0  # voxels, within a slice


def extrude(
    hidden: HiddenNodes, distance: NDArray[np.float32], layers: int | None = None
) -> NDArray[np.float32]:
    """Signed distance [R] to a shape, given by its own, and to all that lies straight below it.

    This alone completes a box of which the camera sees the front and the top. With `layers` it
    acts below that layer of the grid only.
    """
    field = spread(hidden, distance)
    lowest = field if layers is None else field[: layers + 1]
    lowest[:] = np.minimum.accumulate(lowest[::-1], axis=0)[::-1]
    if layers is None:
        # The edges of what was seen are ragged; their continuation need not be.
        field = ndimage.gaussian_filter(field, (0.0, _BLUR, _BLUR))
    return field.reshape(-1)[hidden.rows]


def fill_before(hidden: HiddenNodes, distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Signed distance [R] to a shape, given by its own, and to all that is hidden before it."""
    field = np.minimum.accumulate(spread(hidden, distance)[:, ::-1], axis=1)[:, ::-1]
    return np.maximum(field.reshape(-1)[hidden.rows], hidden.shadow)


def spread(hidden: HiddenNodes, distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Field of the whole grid, as far outside as matters where it is not given."""
    reach = np.float32(hidden.reach)
    field = np.full(hidden.grid.shape, reach, np.float32)
    field.reshape(-1)[hidden.rows] = np.clip(distance, -reach, reach)
    return field
