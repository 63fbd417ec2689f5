"""The hidden side of an object, guessed from the seen one: a signed field on a grid.

Inside is what (1) the front surface hides within the silhouette, (2) lies above the support
plane, and (3) the guess below fills. By (1) nothing is invented where the camera saw through.

The guess works slice by slice, parallel to the plane. The leftmost and rightmost seen points of a
slice are where the line of sight grazes the object; for a box seen over a corner, for a cylinder
and for every other slice with a centre of symmetry, their midpoint is that centre. Where the far
side is seen as well, the centre lies between it and the near side. A hidden point
is filled where its reflection through the centre is not seen to be free. Besides, what stands
above continues straight down to the plane (this alone completes a box of which the camera sees
the front and the top), and a thin shell behind all that was seen is filled in any case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.grid import Axes, Grid, fit_grid
from dexgrasp_ros.perception.surface import SeenSurface

_LAYER = 0.002  # m between slices
_BAND = 0.004  # m thickness of a slice: two steps of depth noise
_MIN_SLICE_POINTS = 15
_MIN_SLICE_WIDTH = 0.01  # m
# Depth over width from which a slice shows more than a flat front: a circle has 0.5, a square
# seen over its corner 0.5, one turned by 10 degrees 0.2.
_MIN_SLICE_DEPTH = 0.15
_MEDIAN_LAYERS = 9  # layers over which centres are smoothed
_BLUR = 0.7  # voxels
_GUESS_BLUR = 2.0  # voxels, within a slice
_TRUNCATION = 4.0  # voxels; the field keeps its sign beyond, its value says no more


@dataclass(frozen=True, kw_only=True)
class SliceCenters:
    """Centre of symmetry of each horizontal slice in which one can be told."""

    heights: NDArray[np.float64]  # [K] m, ascending
    centers: NDArray[np.float64]  # [K, 2] away, aside [m]
    near: NDArray[np.float64]  # [K] nearest seen `away` [m]

    @property
    def far(self) -> float:
        """Farthest `away` that any slice reaches when completed [m]."""
        return float((2.0 * self.centers[:, 0] - self.near).max(initial=-np.inf))

    def at(self, heights: NDArray[np.float64]) -> tuple[NDArray, NDArray, NDArray[np.bool_]]:
        """Centres [L, 2] and nearest points [L] at other heights, and whether they are known."""
        if not len(self.heights):
            none = np.zeros(len(heights))
            return np.zeros((len(heights), 2)), none, none.astype(bool)
        columns = (self.centers[:, 0], self.centers[:, 1], self.near)
        values = np.column_stack([np.interp(heights, self.heights, c) for c in columns])
        distance = np.abs(heights[:, None] - self.heights).min(axis=1)
        return values[:, :2], values[:, 2], distance <= _LAYER


def find_centers(local: NDArray[np.float64]) -> SliceCenters:
    """Centres of the slices of seen points [M, 3] (height, away, aside)."""
    order = np.argsort(local[:, 0])
    local = local[order]
    layers = np.arange(max(local[0, 0], 0.0), local[-1, 0] + _LAYER, _LAYER)
    found = []
    for height in layers:
        start, stop = np.searchsorted(local[:, 0], [height - _BAND / 2, height + _BAND / 2])
        center = _slice_center(local[start:stop, 1:])
        if center is not None:
            found.append((height, *center))
    rows = np.array(found).reshape(-1, 4)
    smooth = ndimage.median_filter(rows, size=(_MEDIAN_LAYERS, 1), mode='nearest')
    return SliceCenters(heights=rows[:, 0], centers=smooth[:, 1:3], near=smooth[:, 3])


def _slice_center(points: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Centre (away, aside) and nearest `away` of one slice, None where it cannot be told."""
    if len(points) < _MIN_SLICE_POINTS:
        return None
    away, aside = points.T
    left, right = np.percentile(aside, [1.0, 99.0])
    width = right - left
    if width < _MIN_SLICE_WIDTH:
        return None
    margin = 0.03 * width  # of an arc, this takes in 20 degrees from the grazing point
    ends = (away[aside <= left + margin], away[aside >= right - margin])
    near, center = np.percentile(away, 2.0), np.mean([np.percentile(end, 90.0) for end in ends])
    middle = away[np.abs(aside - 0.5 * (left + right)) < 0.25 * width]
    if len(middle) and (far := np.percentile(middle, 98.0)) > center:
        # More is seen behind the grazing points: the top, or the inside of a bowl.
        center = 0.5 * (near + far)
    if center - near < _MIN_SLICE_DEPTH * width:
        return None
    return float(center), float(0.5 * (left + right)), float(near)


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
        Of which `spacing`, `max_voxels` and `shell_thickness` act here.

    Returns
    -------
    grid, field
        Field [grid.shape] in metres; positive on the whole border of the grid.
    """
    centers = find_centers(local)
    floor = 0.0 if on_plane else float(np.percentile(local[:, 0], 1.0))
    pad = 3.0 * config.spacing
    lower, upper = local.min(axis=0) - pad, local.max(axis=0) + pad
    # Half a voxel off, so that no node lies exactly on the plane.
    lower[0] = floor - 1.5 * config.spacing
    upper[1] = max(upper[1], centers.far + pad)
    grid = fit_grid(axes, lower, upper, config.spacing, config.max_voxels)

    nodes = grid.nodes().reshape(-1, 3)
    reach = np.float32(_TRUNCATION * grid.spacing)
    shadow, below = surface.shadow(axes.to_camera(nodes))
    possible = shadow < reach
    shell = np.where(possible, below - max(config.shell_thickness, 2.5 * grid.spacing), reach)
    shell = np.maximum(shell, shadow).astype(np.float32)
    guess = _guess(surface, grid, nodes, shadow, shell, centers)
    field = np.maximum(np.maximum(shadow, floor - nodes[:, 0]), guess)
    field = np.clip(field, -reach, reach).reshape(grid.shape).astype(np.float32)
    # Free space is known pixel by pixel; a blur of a voxel's size rounds off the steps.
    return grid, _close_border(ndimage.gaussian_filter(field, _BLUR), reach)


def _guess(
    surface: SeenSurface,
    grid: Grid,
    nodes: NDArray[np.float32],
    shadow: NDArray[np.float32],
    shell: NDArray[np.float32],
    centers: SliceCenters,
) -> NDArray[np.float32]:
    """Signed distance [M] to what the seen side suggests, whether the camera saw it or not."""
    reach = np.float32(_TRUNCATION * grid.spacing)
    middle, near, known = centers.at(grid.coordinates(0))
    middle, near = middle.astype(np.float32), near.astype(np.float32)
    rows = np.flatnonzero((shadow < reach) & np.repeat(known, grid.shape[1] * grid.shape[2]))
    layer = rows // (grid.shape[1] * grid.shape[2])
    mirrored = nodes[rows]
    mirrored[:, 1:] = 2.0 * middle[layer] - mirrored[:, 1:]
    free = surface.free(grid.axes.to_camera(mirrored))
    guess = np.minimum(shell, reach)
    # Beyond the nearest seen point nothing was seen to be free where there was no measurement.
    symmetric = np.maximum(np.maximum(free, near[layer] - mirrored[:, 1]), shadow[rows])
    guess[rows] = np.minimum(guess[rows], symmetric)
    guess = np.clip(guess, -reach, reach).reshape(grid.shape)
    guess = np.minimum.accumulate(guess[::-1], axis=0)[::-1]
    # The edges of what was seen are ragged; their continuation need not be.
    guess = ndimage.gaussian_filter(guess, (0.0, _GUESS_BLUR, _GUESS_BLUR))
    return np.minimum(guess.reshape(-1), shell)


def _close_border(field: NDArray[np.float32], value: np.float32) -> NDArray[np.float32]:
    for axis in range(3):
        border = np.moveaxis(field, axis, 0)
        border[0] = border[-1] = value
    return field
