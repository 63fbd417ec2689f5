"""Surface points of convex polytopes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.hand.surface import Surface

_ON_PLANE = 1e-6  # of the size: a corner lies on a plane
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
    size = float(np.ptp(vertices, axis=0).max())
    on_plane = np.abs(vertices @ planes[:, :3].T - planes[:, 3]) < _ON_PLANE * size  # [V, Q]
    edges, faces = [], []
    for plane in range(len(planes)):
        corners = vertices[on_plane[:, plane]]
        if len(corners) < 3:
            continue
        outline = _ordered(corners, planes[plane, :3])
        edges.append(_edge_points(outline, _DENSE * spacing))
        faces.append(_face_points(outline, planes[plane, :3], _DENSE * spacing))
    candidates = np.concatenate([vertices, *edges, *faces])
    points = candidates[_thinned(candidates, _APART * spacing)]
    touching = np.abs(points @ planes[:, :3].T - planes[:, 3]) < _ON_PLANE * size
    # Corners where many planes all but meet can be off all of them, by rounding in qhull.
    points, touching = points[touching.any(axis=1)], touching[touching.any(axis=1)]
    normals = touching @ planes[:, :3]
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _ordered(corners: NDArray[np.float64], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners of a face in their order around it."""
    arms = corners - corners.mean(axis=0)
    x = arms[np.argmax(np.linalg.norm(arms, axis=1))]
    y = np.cross(normal, x)
    return corners[np.argsort(np.arctan2(arms @ y, arms @ x), kind='stable')]


def _edge_points(outline: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Points along the edges of a face, without its corners."""
    found = [np.empty((0, 3))]
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        count = int(np.linalg.norm(b - a) / step)
        share = np.arange(1, count) / max(count, 1)
        found.append(a + share[:, None] * (b - a))
    return np.concatenate(found)


def _face_points(
    outline: NDArray[np.float64], normal: NDArray[np.float64], step: float
) -> NDArray[np.float64]:
    """Nodes of a square lattice inside a face."""
    x = outline[1] - outline[0]
    x = x / np.linalg.norm(x)
    y = np.cross(normal, x)
    flat = (outline - outline[0]) @ np.stack([x, y], axis=1)  # counter-clockwise, as `normal` sees
    low, high = flat.min(axis=0), flat.max(axis=0)
    counts = np.maximum((high - low) // step, 0).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(1, n + 1) for n in counts), indexing='ij'), axis=-1)
    nodes = low + step * grid.reshape(-1, 2)
    for a, b in zip(flat, np.roll(flat, -1, axis=0), strict=True):
        along = b - a
        left = along[0] * (nodes[:, 1] - a[1]) - along[1] * (nodes[:, 0] - a[0])
        nodes = nodes[left > 0.25 * step * np.linalg.norm(along)]
    return outline[0] + nodes @ np.stack([x, y])


def _thinned(points: NDArray[np.float64], apart: float) -> NDArray[np.int64]:
    """Choose points of which no two are nearer than `apart`, the first ones preferred."""
    near = cKDTree(points).query_ball_point(points, apart, return_sorted=False)
    free = np.ones(len(points), bool)
    kept = []
    for i, around in enumerate(near):
        if free[i]:
            kept.append(i)
            free[around] = False
    return np.array(kept, np.int64)
