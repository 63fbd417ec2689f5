"""Collision primitives: signed distance, area and triangles, by `GeometryType`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.hand_model import GeometryType

if TYPE_CHECKING:
    import trimesh


def primitive_distance(
    geometry_type: int,
    size: ArrayLike,
    points: ArrayLike,
    planes: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Signed distance to a primitive, negative inside; exact but for convex pieces, see below.

    Box (half extents h): with q = |p| - h, d = ‖max(q, 0)‖ + min(max(q), 0). A cylinder is the
    same in the plane (‖p_xy‖ - r, |p_z| - h); a sphere ‖p‖ - r; a capsule the distance to
    its axis, the segment of half length h along z, less r. A convex piece max(n·p - d) over
    its planes, which is exact inside and beside the faces, and too small beyond edges.

    Parameters
    ----------
    geometry_type
        A `GeometryType`.
    size
        [3] m, meaning as in `GeometryType`.
    points
        [..., 3] m, in the primitive's frame.
    planes
        [Q, 4] n, d of a convex piece, see `HandModel.planes`.

    Returns
    -------
    NDArray
        [...] m.
    """
    size = np.asarray(size, dtype=np.float64)
    p = np.asarray(points, dtype=np.float64)
    match GeometryType(geometry_type):
        case GeometryType.BOX:
            return _outside_corner(np.abs(p) - size)
        case GeometryType.SPHERE:
            return np.linalg.norm(p, axis=-1) - size[0]
        case GeometryType.CYLINDER:
            radial = np.hypot(p[..., 0], p[..., 1]) - size[0]
            return _outside_corner(np.stack([radial, np.abs(p[..., 2]) - size[1]], axis=-1))
        case GeometryType.CAPSULE:
            beyond = p[..., 2] - np.clip(p[..., 2], -size[1], size[1])
            return np.hypot(np.hypot(p[..., 0], p[..., 1]), beyond) - size[0]
        case GeometryType.CONVEX:
            return _convex_distance(p, np.asarray(planes, dtype=np.float64))


def _convex_distance(p: NDArray[np.float64], planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest distance to a plane, one plane at a time: points by planes would not fit a cache."""
    distance = np.full(p.shape[:-1], -np.inf)
    for *normal, offset in planes:
        np.maximum(distance, p @ np.array(normal) - offset, out=distance)
    return distance


def _outside_corner(q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance to the corner where all q vanish, negative where all q are."""
    outside = np.linalg.norm(np.maximum(q, 0.0), axis=-1)
    return outside + np.minimum(q.max(axis=-1), 0.0)


def primitive_area(geometry_type: int, size: ArrayLike) -> float:
    """Surface area of a primitive other than a convex piece [m^2]."""
    a, b, c = np.asarray(size, dtype=np.float64)
    match GeometryType(geometry_type):
        case GeometryType.BOX:
            return 8.0 * (a * b + b * c + c * a)
        case GeometryType.SPHERE:
            return 4.0 * np.pi * a * a
        case GeometryType.CYLINDER:
            return 2.0 * np.pi * a * (a + 2.0 * b)
        case GeometryType.CAPSULE:
            return 4.0 * np.pi * a * (a + b)


def primitive_radius(geometry_type: int, size: ArrayLike) -> float:
    """Radius of the bounding sphere about the primitive's origin [m]."""
    a, b, c = np.asarray(size, dtype=np.float64)
    match GeometryType(geometry_type):
        case GeometryType.BOX | GeometryType.CONVEX:
            return float(np.sqrt(a * a + b * b + c * c))
        case GeometryType.SPHERE:
            return float(a)
        case GeometryType.CYLINDER:
            return float(np.hypot(a, b))
        case GeometryType.CAPSULE:
            return float(a + b)


def primitive_mesh(geometry_type: int, size: ArrayLike) -> trimesh.Trimesh:
    """Triangles of a primitive, fine enough to look round (32 sections)."""
    import trimesh

    size = np.asarray(size, dtype=np.float64)
    match GeometryType(geometry_type):
        case GeometryType.BOX:
            return trimesh.creation.box(extents=2.0 * size)
        case GeometryType.SPHERE:
            return trimesh.creation.uv_sphere(radius=size[0], count=[16, 32])
        case GeometryType.CYLINDER:
            return trimesh.creation.cylinder(radius=size[0], height=2.0 * size[1], sections=32)
        case GeometryType.CAPSULE:
            mesh = trimesh.creation.capsule(radius=size[0], height=2.0 * size[1], count=[16, 32])
            # trimesh starts a capsule at the centre of its lower cap in some versions.
            mesh.apply_translation(-mesh.bounds.mean(axis=0))
            return mesh
