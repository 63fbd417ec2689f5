"""The signed-distance grid of a mesh.

Distances are exact (closest point of the mesh) at every node nearer than three spacings to the
surface. Farther away they are refined from coarser grids, exact at their own nodes: up to eight
spacings away from every second node, beyond that from every fourth. Refinement halves intervals by
the cubic that has the right values and slopes at both ends. On household objects its error is 0.02
spacings in the mean and 0.3 at the 99th percentile; it is largest, about one spacing, on the
medial axis, where φ has a kink and where the gradient, too, is interpolated and shorter than one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.object_model import SignedDistanceGrid
from dexgrasp_ros.object.config import ObjectConfig
from dexgrasp_ros.object.distance import MeshDistance

# Nearer than this to the surface [spacings] a level is exact. A cell of the level above is 4 (2)
# spacings wide, its diagonal 6.9 (3.5): a surface that passes through it never goes unnoticed, and
# a refined value that is one spacing wrong still leaves three spacings exact.
_BANDS = (8.0, 4.0)
COARSEST = 4  # fine intervals in one of the coarsest level: two halvings
# Places that are asked how thick the object is there, and the share of them that makes a wall:
# edges and tips are thin as well, and few.
_PROBES, _WALL_SHARE = 1000, 0.1


def build_distance_grid(
    mesh: trimesh.Trimesh, config: ObjectConfig | None = None
) -> SignedDistanceGrid:
    """Tabulate signed distance and gradient on a grid around a mesh.

    The gradient at a node is the unit vector (x − closest)/φ; within half a spacing of the
    surface, where that is ill-conditioned, the normalized central difference of φ.

    Parameters
    ----------
    mesh
        Closed for exact signs; else rays vote.
    config
        `max_nodes`, `usual_nodes`, `intervals`, `finest_spacing` and both margins count here.
    """
    config = config or ObjectConfig()
    measure = MeshDistance(mesh.vertices, mesh.faces, closed=mesh.is_watertight)
    spacing, cells = _resolution(mesh, _wall(mesh, measure), config)
    low, high = mesh.bounds
    origin = (low + high) / 2 - spacing * cells / 2
    values = tabulate(lambda points: _exact(measure, points, spacing), origin, spacing, cells)
    _smooth_near_surface(values, spacing)
    return SignedDistanceGrid(values=values, origin=origin, spacing=spacing)


def tabulate(
    measure: Callable[[NDArray[np.float64]], NDArray[np.float32]],
    origin: NDArray[np.float64],
    spacing: float,
    cells: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Tabulate a signed distance, from coarse to fine as the head of this file says.

    Parameters
    ----------
    measure
        (∇φ, φ) [M, 4] at points [M, 3].
    origin, spacing
        Of the grid [m].
    cells
        Intervals along each axis [3], multiples of `COARSEST`.

    Returns
    -------
    NDArray
        (∇φ, φ) at the nodes, [X, Y, Z, 4].
    """
    step = COARSEST
    axes = [np.arange(0, n + 1, step) for n in cells]
    nodes = np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1)
    values = measure(origin + spacing * nodes.reshape(-1, 3)).reshape(*nodes.shape[:3], 4)
    for band in _BANDS:
        values = _halve(values, spacing * step)
        step //= 2
        near = np.abs(values[..., 3]) < band * spacing
        near[::2, ::2, ::2] = False  # nodes of the level above, which are exact
        values[near] = measure(origin + spacing * step * np.argwhere(near))
    return values


def _wall(mesh: trimesh.Trimesh, measure: MeshDistance) -> float:
    """Thickness [m] that a tenth of the surface does not exceed, straight through from it."""
    points, faces = trimesh.sample.sample_surface(mesh, _PROBES, seed=0)
    through = measure.thickness(points, mesh.face_normals[faces])
    # Rays leave an open mesh for good, and infinities have no quantiles.
    return float(np.quantile(np.minimum(through, mesh.extents.max()), _WALL_SHARE))


def _resolution(
    mesh: trimesh.Trimesh, wall: float, config: ObjectConfig
) -> tuple[float, NDArray[np.int64]]:
    """Spacing [m] and intervals along each axis, multiples of `COARSEST`.

    A wall is there if each line across it meets a node inside, or else φ is positive on both
    sides, and normals point anywhere. The nodes of a grid that lies askew are √3 spacings apart.
    """
    size = float(mesh.extents.max())
    # Free space of half a small object's size, at least 1 cm.
    margin = min(config.margin, max(0.010, size / 2))
    # Mean thickness of a shell of volume V and two sides of area A together is 2V/A.
    thickness = 2 * abs(float(mesh.volume)) / float(mesh.area) if mesh.is_watertight else size
    finest = min(config.finest_spacing, size / 72)
    spacing = max(finest, min(size / config.intervals, thickness / 2))
    usual = min(config.usual_nodes, config.max_nodes)
    spacing, cells = fit_cells(mesh.extents + 2 * margin, spacing, usual)
    if wall >= np.sqrt(3) * spacing:
        return spacing, cells
    margin = min(margin, config.margin_of_walls)
    return fit_cells(mesh.extents + 2 * margin, wall / np.sqrt(3), config.max_nodes)


def fit_cells(
    extent: NDArray[np.float64], spacing: float, max_nodes: int
) -> tuple[float, NDArray[np.int64]]:
    """Widen `spacing` [m] until a grid over `extent` [3] m has at most `max_nodes` nodes.

    Returns
    -------
    tuple
        Spacing [m] and intervals along each axis [3], multiples of `COARSEST`.
    """
    while True:
        cells = COARSEST * np.ceil(extent / (spacing * COARSEST)).astype(np.int64)
        count = int(np.prod(cells + 1))
        if count <= max_nodes:
            return spacing, cells
        spacing *= max(1.01, (count / max_nodes) ** (1 / 3))


def _exact(
    measure: MeshDistance, points: NDArray[np.float64], spacing: float
) -> NDArray[np.float32]:
    """(∇φ, φ) at points; on the surface itself the triangle's normal."""
    phi, closest, normal = measure(points)
    direction = points.astype(np.float32) - closest
    # Coordinates of 0.1 m in float32 are good to 1e-8 m: a direction over a hundredth of a
    # millimetre is good to a thousandth.
    near = np.abs(phi) < 0.01 * spacing
    with np.errstate(divide='ignore', invalid='ignore'):
        gradient = np.where(near[:, None], normal, direction / phi[:, None])
    return np.column_stack([gradient, phi])


def _halve(values: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """Insert a node in the middle of every interval of `width` [m], along the three axes.

    The middle of a cubic with values f and slopes g at its ends is (f₀+f₁)/2 + (g₀−g₁)·width/8.
    """
    for axis in range(3):
        before = (slice(None),) * axis
        start, end = values[*before, :-1], values[*before, 1:]
        middle = start + end
        middle *= np.float32(0.5)
        middle[..., 3] += (start[..., axis] - end[..., axis]) * np.float32(width / 8)
        shape = list(values.shape)
        shape[axis] += middle.shape[axis]
        fine = np.empty(shape, dtype=np.float32)
        fine[*before, ::2], fine[*before, 1::2] = values, middle
        values = fine
    return values


def _smooth_near_surface(values: NDArray[np.float32], spacing: float) -> None:
    """Replace gradients within half a spacing of the surface by central differences, in place."""
    phi = values[..., 3]
    node = np.argwhere(np.abs(phi[1:-1, 1:-1, 1:-1]) < 0.5 * spacing) + 1
    step = np.eye(3, dtype=np.int64)
    slope = np.stack(
        [(phi[tuple((node + e).T)] - phi[tuple((node - e).T)]) for e in step], axis=-1
    ) / (2 * spacing)
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    # Inside a wall thinner than two spacings the differences cancel; the exact direction stays.
    clear = length[:, 0] > 0.5
    values[(*node[clear].T, slice(0, 3))] = (slope / np.maximum(length, 1e-9))[clear]
