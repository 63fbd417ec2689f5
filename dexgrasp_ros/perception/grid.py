"""A regular grid of nodes that stands on the support plane and faces the camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Points in one product. OpenBLAS takes one thread up to 2^18 multiplications, of which a point
# needs nine.
_PIECE = 16384


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Local frame (height, away, aside) of an object; right-handed.

    Height is along the support plane's normal and zero on the plane, `away` is the horizontal
    part of the viewing direction, `aside` is to its left or right.
    """

    rotation: NDArray[np.float64]  # [3, 3] rows: the axes in the camera's frame
    offset: float  # height of the camera's origin [m]

    def to_local(self, points: NDArray) -> NDArray:
        """Local coordinates [M, 3] of points of the camera's frame, in the same precision."""
        result = _product(points, self.rotation.T)
        result[..., 0] += points.dtype.type(self.offset)
        return result

    def to_camera(self, points: NDArray) -> NDArray:
        """Camera coordinates [M, 3] of local points, in the same precision."""
        result = _product(points, self.rotation)
        result -= (self.offset * self.rotation[0]).astype(points.dtype)
        return result


def _product(points: NDArray, matrix: NDArray[np.float64]) -> NDArray:
    """Product of points [M, 3] and a matrix [3, 3], in the precision of the points.

    Piece by piece, since BLAS would call for threads, and objects have one each already; on cores
    that are busy, the call takes ten times the product.
    """
    matrix, result = matrix.astype(points.dtype), np.empty_like(points)
    for start in range(0, len(points), _PIECE):
        np.matmul(points[start : start + _PIECE], matrix, out=result[start : start + _PIECE])
    return result


def make_axes(plane: NDArray[np.float64], direction: NDArray[np.float64]) -> Axes:
    """Axes on a plane [n, d], facing along a viewing direction [3].

    A camera that looks straight down sees no side; `away` is then the image's upward direction.
    """
    normal = plane[:3]
    away = direction - (direction @ normal) * normal
    if np.linalg.norm(away) < 0.1 * np.linalg.norm(direction):
        down = np.array([0.0, 1.0, 0.0])
        away = (down @ normal) * normal - down
    away = away / np.linalg.norm(away)
    return Axes(rotation=np.stack([normal, away, np.cross(normal, away)]), offset=float(plane[3]))


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Node (i, j, k) lies at ``lower + spacing * (i, j, k)`` in the local frame of `axes`."""

    axes: Axes
    lower: NDArray[np.float64]  # [3] m
    spacing: float  # m
    shape: tuple[int, int, int]

    def coordinates(self, axis: int) -> NDArray[np.float64]:
        """Local coordinates of the nodes along one axis."""
        return self.lower[axis] + self.spacing * np.arange(self.shape[axis])

    def nodes(self) -> NDArray[np.float32]:
        """Local coordinates of all nodes, [shape..., 3]."""
        axes = (self.coordinates(axis).astype(np.float32) for axis in range(3))
        return np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1)

    def to_camera_matrix(self) -> NDArray[np.float64]:
        """Affine map [3, 4] from node indices to the camera's frame."""
        linear = self.axes.rotation.T * self.spacing
        return np.column_stack([linear, self.axes.to_camera(self.lower)])


def fit_grid(axes: Axes, lower: NDArray, upper: NDArray, smallest: float, max_nodes: int) -> Grid:
    """Grid over a box of local coordinates, as fine as `smallest` and `max_nodes` allow."""
    size = np.maximum(upper - lower, smallest)
    spacing = max(smallest, float(np.cbrt(size.prod() / max_nodes)))
    shape = tuple(int(n) for n in np.ceil(size / spacing).astype(int) + 1)
    return Grid(axes=axes, lower=np.asarray(lower, float), spacing=spacing, shape=shape)


def coarsen(grid: Grid, factor: int) -> Grid:
    """Grid over the same box from the same corner, with nodes `factor` times as far apart."""
    return Grid(
        axes=grid.axes,
        lower=grid.lower,
        spacing=factor * grid.spacing,
        shape=tuple(-(-(n - 1) // factor) + 1 for n in grid.shape),
    )
