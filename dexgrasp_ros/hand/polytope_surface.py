"""Surface points of convex polytopes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.hand.polytope import SAME, thinned
from dexgrasp_ros.hand.surface import Surface

_ON_PLANE = 3.0 * SAME  # of the size: a corner lies on a plane, be it that of one next to it
# Candidates stand this dense, in spacings, and of any two that are nearer than `_APART` one stays:
# then no place on the surface is farther than about a spacing from a point.
_DENSE = 1.0 / 3.0
_APART = 0.7


def polytope_points(
    vertices: NDArray[np.float64], planes: NDArray[np.float64], spacing: float
) -> Surface:
    """Points that cover a polytope's surface: corners, edges and faces.

    Facets of a rounded piece are smaller than the spacing, so that lattices of their own would be
    far too dense: candidates on corners, then edges, then faces are thinned. Nothing is random.

    Parameters
    ----------
    vertices
        [V, 3] m, corners.
    planes
        [Q, 4] n, d, outward.
    spacing
        Distance of neighbours, about; m.

    Returns
    -------
    points, normals
        [M, 3] m and [M, 3] unit, outward; on edges and corners the mean of the faces'.
    """
    near = _ON_PLANE * float(np.ptp(vertices, axis=0).max())
    on_plane = np.abs(vertices @ planes[:, :3].T - planes[:, 3]) < near  # [V, Q]
    # Corners where many planes all but meet can be off all of them, by rounding in qhull.
    on_any = on_plane.any(axis=1)
    vertices, on_plane = vertices[on_any], on_plane[on_any]
    step = _DENSE * spacing
    faces = [
        _face_points(vertices[on_plane[:, q]], planes, q, step)
        for q in np.flatnonzero(on_plane.sum(axis=0) >= 3)
    ]
    candidates = np.concatenate([vertices, _edge_points(vertices, on_plane, step), *faces])
    points = candidates[thinned(candidates, _APART * spacing)]
    return points, _normals(points, planes, near)


def _edge_points(
    vertices: NDArray[np.float64], on_plane: NDArray[np.bool_], step: float
) -> NDArray[np.float64]:
    """Points along the edges, without the corners: an edge joins corners that share two planes."""
    shared = on_plane.astype(np.int64) @ on_plane.T
    start, end = np.nonzero(np.triu(shared >= 2, k=1))
    counts = (np.linalg.norm(vertices[end] - vertices[start], axis=1) / step).astype(int)
    inner = np.maximum(counts - 1, 0)
    edge = np.repeat(np.arange(len(start)), inner)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(inner) - inner, inner) + 1
    share = (number / counts[edge])[:, None]
    return vertices[start[edge]] + share * (vertices[end[edge]] - vertices[start[edge]])


def _face_points(
    corners: NDArray[np.float64], planes: NDArray[np.float64], face: int, step: float
) -> NDArray[np.float64]:
    """Nodes of a square lattice inside one face, a quarter of a step from its edges or more."""
    normal = planes[face, :3]
    arms = corners - corners[0]
    x = arms[np.argmax((arms * arms).sum(axis=1))]
    x = x - (x @ normal) * normal
    x /= np.sqrt(x @ x)
    y = normal[[1, 2, 0]] * x[[2, 0, 1]] - normal[[2, 0, 1]] * x[[1, 2, 0]]
    axes = np.stack([x, y])
    flat = arms @ axes.T
    low = flat.min(axis=0)
    columns, rows = ((flat.max(axis=0) - low) // step).astype(int)
    if not columns or not rows:
        return np.empty((0, 3))
    u, v = np.meshgrid(np.arange(1, columns + 1), np.arange(1, rows + 1), indexing='ij')
    nodes = corners[0] + (low + step * np.stack([u.ravel(), v.ravel()], axis=1)) @ axes
    # In the face, the way to where another plane cuts it is the distance over the angle's sine.
    cosines = planes[:, :3] @ normal
    sines = np.sqrt(np.maximum(1.0 - cosines * cosines, 0.0))
    others = sines > SAME
    room = planes[others, 3] - 0.25 * step * sines[others]
    return nodes[(nodes @ planes[others, :3].T < room).all(axis=1)]


def _normals(
    points: NDArray[np.float64], planes: NDArray[np.float64], near: float
) -> NDArray[np.float64]:
    """Mean normal of the planes at each point; of one alone where two sides meet in a sheet."""
    away = np.abs(points @ planes[:, :3].T - planes[:, 3])
    normals = (away < near) @ planes[:, :3]
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    single = planes[away.argmin(axis=1), :3]
    return np.where(lengths > SAME, normals / np.maximum(lengths, SAME), single)
