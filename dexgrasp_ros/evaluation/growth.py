"""Surfaces grown or shrunk by an even distance."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.open3d_loader import import_open3d

# Of the way to the surface ahead: from both sides of a wall, or of a slot, a fifth of it stays.
_SHARE_AHEAD = 0.4
# The corner of a box moves by √3 times its faces; sharper spikes are cut off, as mitres are.
_MITRE = 2.0
# Weight of the mean normal against the planes of the faces around a vertex, of their weight: moves
# a box's corner by 0.1 % less, and keeps noise in nearly flat places from moving them sideways.
_REGULARIZATION = 1e-3
_CLEARANCE = 1e-5  # m, that rays start ahead of the vertex, not to meet its own faces


def grow_surface(vertices: ArrayLike, faces: ArrayLike, growth: float) -> NDArray[np.float64]:
    """Move vertices so that every face moves outward by the same distance.

    Vertex v moves by d that least-squares n_f · d = growth for the unit normals n_f of the faces
    around it, weighted with their angles at v; boxes stay boxes and spheres spheres. It moves by
    at most twice the growth, and by at most 0.4 of the way to the surface ahead of it (inside
    the solid when it shrinks, outside when it grows), found by casting a ray: a wall of 3 mm that
    is to lose 2 mm on both sides becomes one of 0.6 mm, and a slot stays open.

    Parameters
    ----------
    vertices, faces
        A mesh with outward faces, [V, 3] m and [F, 3].
    growth
        Distance, m; negative to shrink.

    Returns
    -------
    NDArray
        Vertices [V, 3] for the same faces.
    """
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    points = np.asarray(mesh.vertices, dtype=np.float64)
    way = growth * _unit_offsets(mesh)
    length = np.linalg.norm(way, axis=1)
    moving = length > 0.0
    direction = way[moving] / length[moving, None]
    ahead = _distance_ahead(mesh, points[moving], direction)
    length = np.minimum(length[moving], np.minimum(_MITRE * abs(growth), _SHARE_AHEAD * ahead))
    moved = points.copy()
    moved[moving] += length[:, None] * direction
    return moved


def _unit_offsets(mesh: trimesh.Trimesh) -> NDArray[np.float64]:
    """Way of each vertex [V, 3] that moves the faces around it by one.

    With the mean normal m, d = m + x and (Σ w n nᵀ + λ Σ w) x = Σ w n (1 - n·m).
    """
    normals, corners = np.asarray(mesh.face_normals), np.asarray(mesh.faces)
    weights = np.asarray(mesh.face_angles)  # [F, 3]
    count = len(mesh.vertices)
    mean, right, total = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros(count)
    planes = np.zeros((count, 3, 3))
    for k in range(3):
        np.add.at(mean, corners[:, k], weights[:, k, None] * normals)
        np.add.at(total, corners[:, k], weights[:, k])
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    for k in range(3):
        weighted = weights[:, k, None] * normals
        missing = 1.0 - np.einsum('fi,fi->f', normals, mean[corners[:, k]])
        np.add.at(planes, corners[:, k], weighted[:, :, None] * normals[:, None, :])
        np.add.at(right, corners[:, k], weighted * missing[:, None])
    weight = _REGULARIZATION * np.maximum(total, 1e-12)
    planes += weight[:, None, None] * np.eye(3)
    return mean + np.linalg.solve(planes, right[:, :, None])[:, :, 0]


def _distance_ahead(
    mesh: trimesh.Trimesh, points: NDArray[np.float64], direction: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance [M] along unit vectors to the next surface, inf where there is none."""
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(np.ascontiguousarray(mesh.vertices, dtype=np.float32)),
        o3d.core.Tensor(np.ascontiguousarray(mesh.faces, dtype=np.uint32)),
    )
    rays = np.hstack([points + _CLEARANCE * direction, direction]).astype(np.float32)
    hit = scene.cast_rays(o3d.core.Tensor(rays))['t_hit'].numpy().astype(np.float64)
    return hit + _CLEARANCE
