"""The completed object as a signed field on a grid: what is seen, and a guess of what is not.

Inside is what (1) the front surface hides within the silhouette, (2) lies above the support plane,
and (3) a guess fills. By (1) nothing is invented where the camera saw through. A thin shell behind
all that was seen is filled in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.perception.centers import guess_centers
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.evidence import Evidence, Guess, HiddenNodes
from dexgrasp_ros.perception.extrusion import guess_extrusion
from dexgrasp_ros.perception.grid import Axes, Grid, fit_grid
from dexgrasp_ros.perception.revolution import guess_revolution
from dexgrasp_ros.perception.symmetry import (
    guess_mirrors,
    guess_mirrors_centers,
    guess_symmetry,
)
from dexgrasp_ros.perception.surface import SeenSurface

GUESSES: Mapping[str, Callable[[Evidence], Guess]] = {
    'centers': guess_centers,
    'extrusion': guess_extrusion,
    'revolution': guess_revolution,
    'mirrors': guess_mirrors,
    'mirrors+centers': guess_mirrors_centers,
    'symmetry': guess_symmetry,
}

_BLUR = 0.7  # voxels
_MIN_SHELL = 2.0  # voxels: thinner sheets would not survive the blur
_TRUNCATION = 4.0  # voxels; the field keeps its sign beyond, its value says no more


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
        Of which `completion`, `spacing`, `max_voxels` and `shell_thickness` act here.

    Returns
    -------
    grid, field
        Field [grid.shape] in metres; positive on the whole border of the grid.

    Raises
    ------
    InputError
        OUT_OF_RANGE for the name of the way to complete.
    """
    if config.completion not in GUESSES:
        raise InputError(
            f"'completion' is '{config.completion}'; expected one of {choices(GUESSES)}.",
            ErrorCode.OUT_OF_RANGE,
        )
    floor = 0.0 if on_plane else float(np.percentile(local[:, 0], 1.0))
    evidence = Evidence(surface=surface, axes=axes, points=local, floor=floor)
    guess = GUESSES[config.completion](evidence)
    pad = 3.0 * config.spacing
    lower, upper = guess.bounds[0] - pad, guess.bounds[1] + pad
    # Half a voxel off, so that no node lies exactly on the plane.
    lower[0] = floor - 1.5 * config.spacing
    grid = fit_grid(axes, lower, upper, config.spacing, config.max_voxels)

    nodes = grid.nodes().reshape(-1, 3)
    reach = np.float32(_TRUNCATION * grid.spacing)
    seen_from = axes.to_camera(nodes)
    shadow, _ = surface.shadow(seen_from)
    rows = np.flatnonzero(shadow < reach)
    thickness = max(config.shell_thickness, _MIN_SHELL * grid.spacing)
    shell = surface.shell(seen_from[rows], thickness)
    hidden = HiddenNodes(
        grid=grid,
        rows=rows,
        nodes=nodes[rows],
        shadow=shadow[rows],
        shell=shell,
        thickness=thickness,
        reach=reach,
    )
    filled = np.full(len(nodes), reach, np.float32)
    filled[rows] = np.minimum(guess.distance(hidden), shell)
    field = np.maximum(np.maximum(shadow, floor - nodes[:, 0]), filled)
    field = np.clip(field, -reach, reach).reshape(grid.shape).astype(np.float32)
    # Free space is known pixel by pixel; a blur of a voxel's size rounds off the steps.
    return grid, _close_border(ndimage.gaussian_filter(field, _BLUR), reach)


def _close_border(field: NDArray[np.float32], value: np.float32) -> NDArray[np.float32]:
    for axis in range(3):
        border = np.moveaxis(field, axis, 0)
        border[0] = border[-1] = value
    return field
