"""Surfaces grown or shrunk by an even distance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.convex_pieces import LEAST_VOLUME, hull_volume
from dexgrasp_ros.core.errors import ObjectError
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.object.distance import MeshDistance

if TYPE_CHECKING:
    from open3d.t.geometry import RaycastingScene

# Of the way to the surface ahead: from both sides of a wall, or of a slot, a fifth of it stays.
_SHARE_AHEAD = 0.4
# The corner of a box moves by √3 times its faces; sharper spikes are cut off, as mitres are.
_MITRE = 2.0
# Weight of the mean normal against the planes of the faces around a vertex, of their weight: moves
# a box's corner by 0.1 % less, and keeps noise in nearly flat places from moving them sideways.
_REGULARIZATION = 1e-3
# Corners of convex pieces deeper than this are of the cuts between pieces, not of the surface.
_DEPTH = 1e-4  # m
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


def grow_pieces(
    pieces: Iterable[ArrayLike], vertices: ArrayLike, faces: ArrayLike, growth: float
) -> list[NDArray[np.float64]]:
    """Move the corners of a mesh's convex pieces as `grow_surface` moves the mesh.

    A corner moves as the closest point of the surface does, unless it lies inside, on a cut
    between pieces. Cutting the moved mesh anew would add differences of its own: in creases it
    folds, CoACD then builds it of voxels first, and a box of crackers came out 1 mm larger.

    Parameters
    ----------
    pieces
        Corners of each, [V_i, 3] m.
    vertices, faces, growth
        As for `grow_surface`.

    Returns
    -------
    list
        Corners of each piece in the same order, [V_i, 3] m, without what became flat.

    Raises
    ------
    ObjectError
        INVALID_MESH: every piece became flat.
    """
    moved = grow_surface(vertices, faces, growth)
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    scene, tensor = _scene(mesh), import_open3d().core.Tensor
    distance = MeshDistance(mesh.vertices, mesh.faces, closed=mesh.is_watertight)
    grown = []
    for piece in pieces:
        corners = np.asarray(piece, dtype=np.float64)
        answer = scene.compute_closest_points(tensor(corners.astype(np.float32)))
        triangle = mesh.faces[answer['primitive_ids'].numpy().astype(np.int64)]
        u, v = answer['primitive_uvs'].numpy().astype(np.float64).T
        weights = np.stack([1.0 - u - v, u, v], axis=1)
        offset = np.einsum('mk,mki->mi', weights, (moved - mesh.vertices)[triangle])
        inside = distance(corners)[0] < -_DEPTH
        grown.append(corners + np.where(inside[:, None], 0.0, offset))
    grown = [corners for corners in grown if hull_volume(corners) > LEAST_VOLUME]
    if not grown:
        raise ObjectError(
            f'Nothing is left of the object when its surface moves by {1e3 * growth:g} mm; '
            'expected pieces of some volume.'
        )
    return grown


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
    rays = np.hstack([points + _CLEARANCE * direction, direction]).astype(np.float32)
    hit = _scene(mesh).cast_rays(import_open3d().core.Tensor(rays))['t_hit'].numpy()
    return hit.astype(np.float64) + _CLEARANCE


def _scene(mesh: trimesh.Trimesh) -> RaycastingScene:
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(np.ascontiguousarray(mesh.vertices, dtype=np.float32)),
        o3d.core.Tensor(np.ascontiguousarray(mesh.faces, dtype=np.uint32)),
    )
    return scene
