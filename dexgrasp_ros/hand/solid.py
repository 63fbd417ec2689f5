"""The solid that a mesh bounds, also where its surface has holes, is hollow or overlaps itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.core.warp_loader import start_warp

if TYPE_CHECKING:
    import trimesh

CELLS = 64  # along the longest side: 1 mm for a phalanx; the surface stands far more precisely
_MARGIN = 3  # cells around the mesh
# Where the surface is nearer than this, in cells, the flood from outside stops: gaps up to twice
# as wide are closed. Below 0.87, half a cell's diagonal, it would leak through closed surfaces.
_BARRIER = 0.9
_REACH = 3.0  # cells from the flood to the points next to the surface, which it left open
_SIMPLIFICATION = 0.15  # cells


def enclosed_solid(mesh: trimesh.Trimesh) -> trimesh.Trimesh | None:
    """Watertight surface of everything that a mesh encloses; None where it encloses nothing.

    Collision meshes are drawings as a rule: shells with screws, seams and cavities inside, which
    nothing can touch. A flood from outside, on a grid, finds what can be reached. Its front stands
    a cell before the surface; each grid point in between is outside as well where a ray to the
    nearest flooded point meets nothing. With that sign, the distance to the triangles is zero on
    the outer surface, between the grid points too.
    """
    pitch = float(mesh.extents.max()) / CELLS
    low = mesh.bounds[0] - _MARGIN * pitch
    shape = np.ceil(mesh.extents / pitch).astype(int) + 2 * _MARGIN + 1
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing='ij'), axis=-1)
    points = (low + pitch * grid).astype(np.float32)
    scene = import_open3d().t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    distance = scene.compute_distance(points).numpy()
    regions, _ = ndimage.label(distance > _BARRIER * pitch)
    outside = regions == regions[0, 0, 0]
    steps, nearest = ndimage.distance_transform_edt(~outside, return_indices=True)
    between = (distance <= _BARRIER * pitch) & (steps < _REACH)
    start, end = points[between], points[tuple(nearest[:, between])]
    rays = np.concatenate([start, end - start], axis=1)
    outside[between] = ~scene.test_occlusions(rays, 0.0, 1.0).numpy()
    return _surface(np.where(outside, distance, -distance) / pitch, low, pitch)


def _surface(
    field: NDArray[np.float32], low: NDArray[np.float64], pitch: float
) -> trimesh.Trimesh | None:
    """Triangles where a field, in cells and negative inside, is zero."""
    import manifold3d
    import trimesh
    import warp as wp
    from warp.geometry import IsoSurfaceMarchingCubes

    if not (field < 0.0).any():
        return None
    start_warp()
    values = wp.array(np.ascontiguousarray(field), dtype=wp.float32, device='cpu')
    vertices, indices = IsoSurfaceMarchingCubes.extract(values, 0.0)
    faces = indices.numpy().reshape(-1, 3).astype(np.uint64)
    solid = manifold3d.Manifold(manifold3d.Mesh64(vertices.numpy().astype(np.float64), faces))
    if solid.volume() < 0.0:
        faces = np.ascontiguousarray(faces[:, ::-1])
        solid = manifold3d.Manifold(manifold3d.Mesh64(vertices.numpy().astype(np.float64), faces))
    found = solid.simplify(_SIMPLIFICATION).to_mesh64()
    if not len(found.tri_verts):
        return None
    return trimesh.Trimesh(
        np.array(found.vert_properties)[:, :3] * pitch + low,
        np.array(found.tri_verts, np.int64),
        process=False,
    )
