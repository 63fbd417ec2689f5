"""The completed object as a signed field on a grid: what is seen, and a guess of what is not.

Inside is what (1) the front surface hides within the silhouette, (2) lies above the support plane,
and (3) is guessed. By (1) nothing is invented where the camera saw through. A guess is what one or
several symmetries suggest and none denies, and what lies straight below that or below the seen
side; a thin shell behind all that was seen is filled in any case.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.completion.evidence import (
    DOUBT,
    Evidence,
    Guess,
    HiddenNodes,
    hidden_nodes,
)
from dexgrasp_ros.perception.completion.extrusion import extrude, spread
from dexgrasp_ros.perception.completion.guesses import GUESSES
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.grid import Axes, Grid, coarsen, fit_grid
from dexgrasp_ros.perception.surface import SeenSurface

_BLUR = 0.7  # voxels
_TRUNCATION = 4.0  # voxels; the field keeps its sign beyond, its value says no more
# Depth is seldom measured right down to a plane, so that the foot of an object looks free [m].
_FOOT = 0.01
_MIN_SHELL = 2.0  # voxels: thinner sheets would not survive the blur


def complete(
    surface: SeenSurface,
    axes: Axes,
    local: NDArray[np.float64],
    on_plane: bool,
    config: ReconstructionConfig,
) -> tuple[Grid, NDArray[np.float32]]:
    """Signed field of the completed object, negative inside.

    Parameters
    ----------
    surface
        What the camera saw.
    axes
        Frame in which height is measured.
    local
        Cleaned points in that frame, [M, 3].
    on_plane
        Whether height 0 is a support plane; else the object ends at its lowest seen point.
    config
        Of which `completion`, `spacing`, `max_voxels`, `shell_thickness` and `random_seed` act
        here.

    Returns
    -------
    grid, field
        Field [grid.shape] in metres; positive on the whole border of the grid.
    """
    floor = 0.0 if on_plane else float(np.percentile(local[:, 0], 1.0))
    evidence = Evidence(surface=surface, axes=axes, points=local, random_seed=config.random_seed)
    guesses = GUESSES[config.completion](evidence)
    bounds = [evidence.bounds, *(g.bounds for g in guesses)]
    pad = 3.0 * config.spacing
    lower = np.min([b[0] for b in bounds], axis=0) - pad
    upper = np.max([b[1] for b in bounds], axis=0) + pad
    # Half a voxel off, so that no node lies exactly on the plane.
    lower[0] = floor - 1.5 * config.spacing
    grid = fit_grid(axes, lower, upper, config.spacing, config.max_voxels)

    reach = _TRUNCATION * grid.spacing
    thickness = max(config.shell_thickness, _MIN_SHELL * grid.spacing)
    hidden = hidden_nodes(evidence, grid, thickness, reach)
    factor = min((g.coarseness for g in guesses), default=1)
    coarse = hidden
    if factor > 1:
        coarse = hidden_nodes(evidence, coarsen(grid, factor), thickness, factor * reach)
    guess = _interpolate(coarse, _unite(guesses, coarse, floor), hidden)
    filled = np.maximum(np.minimum(guess, hidden.shell), hidden.shadow)
    field = np.full(grid.shape, reach, np.float32)
    field.reshape(-1)[hidden.rows] = np.maximum(filled, floor - hidden.nodes[:, 0])
    field = np.clip(field, -reach, reach)
    # Free space is known pixel by pixel; a blur of a voxel's size rounds off the steps.
    return grid, _close_border(ndimage.gaussian_filter(field, _BLUR), reach)


def _unite(guesses: Sequence[Guess], hidden: HiddenNodes, floor: float) -> NDArray[np.float32]:
    """Signed distance [R] to what the guesses fill, and none denies."""
    filled, left = hidden.shell, None
    for guess in guesses:
        suggested, kept = guess.judge(hidden)
        filled = np.minimum(filled, suggested)
        if kept is not None:
            left = kept if left is None else np.maximum(left, kept)
    filled = extrude(hidden, filled)
    if left is None:
        return filled
    low = int((hidden.grid.coordinates(0) < floor + _FOOT).sum())
    return np.maximum(filled, extrude(hidden, left, low) - np.float32(DOUBT))


def _interpolate(
    coarse: HiddenNodes, values: NDArray[np.float32], fine: HiddenNodes
) -> NDArray[np.float32]:
    """Values at the hidden nodes of a finer grid with the same corner."""
    if coarse is fine:
        return values
    field = spread(coarse, values)
    index = np.array(np.unravel_index(fine.rows, fine.grid.shape), np.float32)
    index *= np.float32(fine.grid.spacing / coarse.grid.spacing)
    return ndimage.map_coordinates(field, index, order=1, output=np.float32)


def _close_border(field: NDArray[np.float32], value: float) -> NDArray[np.float32]:
    for axis in range(3):
        border = np.moveaxis(field, axis, 0)
        border[0] = border[-1] = value
    return field
