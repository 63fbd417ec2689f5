"""Convex polytopes: as few planes as describe a point set well, their corners and triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, HalfspaceIntersection, QhullError, cKDTree

# A finger is told from a box by a few dozen planes; every one costs time in the search.
PLANE_LIMIT = 48
# Planes are added until nothing sticks out by more: a tenth of what planning tolerates.
TOLERANCE = 2e-4  # m
# In units of the size, and between unit normals: planes and corners that are nearer are the same.
# Files round by a hundredth of it; corners that nearly coincide span faces without a direction.
SAME = 1e-5
_LEAST_RADIUS = 1e-3  # of a piece's length; what is thinner is a crumb between cuts


@dataclass(frozen=True, kw_only=True)
class Polytope:
    """A bounded intersection of half spaces; normals are unit and point outward."""

    planes: NDArray[np.float64]  # [Q, 4] n, d: inside where n·x <= d
    vertices: NDArray[np.float64]  # [V, 3] m
    faces: NDArray[np.int64]  # [F, 3] outward


def simple_hull(points: NDArray[np.float64], *, limit: int = PLANE_LIMIT) -> Polytope:
    """Return the convex hull of points [M, 3] m, or a polytope of fewer planes much like it.

    All planes are facets of the hull. From the six facets that face the axes best, the one
    that cuts most off the polytope so far is added until no corner sticks out by more than
    0.2 mm or the limit is reached. What is around the hull then is shrunk to its volume, so that
    a hand does not grow: a ball of 12 mm with 48 planes stands out and in by less than 0.9 mm.

    Raises
    ------
    scipy.spatial.QhullError
        The points lie in a plane.
    """
    size = float(np.ptp(points, axis=0).max())
    center = points.mean(axis=0)
    hull = ConvexHull((points - center) / size)
    scaled = _unique_planes(hull.equations)
    inner = hull.points[hull.vertices].mean(axis=0)
    chosen, corners = _choose_planes(scaled, inner, limit, TOLERANCE / size)
    planes = scaled[chosen]
    if len(chosen) < len(scaled):
        factor = (hull.volume / ConvexHull(corners).volume) ** (1.0 / 3.0)
        corners = inner + factor * (corners - inner)
        at_inner = planes[:, :3] @ inner
        planes[:, 3] = at_inner + factor * (planes[:, 3] - at_inner)
    vertices, faces = _outward_triangles(corners[thinned(corners, SAME)])
    planes = planes * [1.0, 1.0, 1.0, size]
    planes[:, 3] += planes[:, :3] @ center
    return Polytope(
        planes=planes,
        vertices=vertices * size + center,
        faces=faces,
    )


def cut_box(
    planes: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64]
) -> Polytope:
    """Return what of an intersection of half spaces [Q, 4] lies in a box, as exact as they are.

    Raises
    ------
    scipy.spatial.QhullError
        Nothing, or nothing that has a volume, does.
    """
    sides = np.concatenate([np.eye(3), -np.eye(3)])
    bounds = np.concatenate([upper, -lower])
    around = np.concatenate([planes, np.column_stack([sides, bounds])])
    length = float((upper - lower).max())
    around = around[thinned(around / [1.0, 1.0, 1.0, length], SAME)]
    inner, radius = _deepest_point(around)
    if radius < _LEAST_RADIUS * length:
        raise QhullError('The intersection is empty or flat.')
    corners = _corners(around, inner)
    size = float(np.ptp(corners, axis=0).max())
    vertices, faces = _outward_triangles(corners[thinned(corners, SAME * size)])
    touching = np.abs(vertices @ around[:, :3].T - around[:, 3]).min(axis=0)
    needed = touching < 2.0 * SAME * size
    return Polytope(planes=around[needed], vertices=vertices, faces=faces)


def _deepest_point(planes: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centre and radius of the largest ball in an intersection of half spaces (Chebyshev)."""
    columns = np.column_stack([planes[:, :3], np.ones(len(planes))])
    free = [(None, None)] * 4
    found = linprog([0.0, 0.0, 0.0, -1.0], A_ub=columns, b_ub=planes[:, 3], bounds=free)
    return (found.x[:3], float(found.x[3])) if found.success else (np.zeros(3), -1.0)


def _unique_planes(equations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Planes n, d of a hull's facets, each once: qhull states n, -d for each triangle."""
    planes = equations * [1.0, 1.0, 1.0, -1.0]
    return planes[thinned(planes, SAME)]


def thinned(points: NDArray[np.float64], apart: float) -> NDArray[np.int64]:
    """Choose points [M, K] of which no two are nearer than `apart`, the first ones preferred."""
    near = cKDTree(points).query_ball_point(points, apart, return_sorted=False)
    free = np.ones(len(points), bool)
    kept = []
    for i, around in enumerate(near):
        if free[i]:
            kept.append(i)
            free[around] = False
    return np.array(kept, np.int64)


def _choose_planes(
    planes: NDArray[np.float64], inner: NDArray[np.float64], limit: int, tolerance: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which planes, and the corners of what they enclose."""
    if len(planes) <= limit:
        return np.arange(len(planes)), _corners(planes, inner)
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    chosen = list(dict.fromkeys((planes[:, :3] @ axes.T).argmax(axis=0).tolist()))
    # Without a box around it, the first few planes need not enclose anything.
    box = np.column_stack([axes, np.full(6, 2.0)])
    while True:
        corners = _corners(np.concatenate([planes[chosen], box]), inner)
        excess = (planes[:, :3] @ corners.T).max(axis=1) - planes[:, 3]
        worst = int(excess.argmax())
        if len(chosen) >= limit or (excess[worst] <= tolerance and np.abs(corners).max() < 1.9):
            return np.array(chosen), corners
        chosen.append(worst)


def _corners(planes: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners [V, 3] of an intersection of half spaces around a point inside."""
    return HalfspaceIntersection(planes * [1.0, 1.0, 1.0, -1.0], inner).intersections


def _outward_triangles(
    corners: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Corners that are needed, and triangles wound so that they face outward."""
    hull = ConvexHull(corners)
    index = np.full(len(corners), -1)
    index[hull.vertices] = np.arange(len(hull.vertices))
    vertices, faces = corners[hull.vertices], index[hull.simplices].astype(np.int64)
    outward = (_face_areas(vertices, faces) * hull.equations[:, :3]).sum(axis=1)
    faces[outward < 0.0] = faces[outward < 0.0][:, ::-1]
    return vertices, faces


def surface_area(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> float:
    """Area of triangles [m^2]."""
    return float(0.5 * np.linalg.norm(_face_areas(vertices, faces), axis=1).sum())


def _face_areas(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compute normals [F, 3] of triangles, as long as twice their area."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a)
