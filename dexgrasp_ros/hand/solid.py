"""The solids that a mesh bounds, also where it has holes, is hollow or overlaps itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.core.marching_cubes import marching_cubes
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.hand.surface import surface_points

if TYPE_CHECKING:
    import trimesh
    from manifold3d import Manifold

# The hull is meant where no place of it is farther from the mesh. Not told by volume: the mesh of
# a thin part may fill half of its hull and yet be this near to it everywhere.
HULL_DISTANCE = 1e-3  # m
_HULL_SAMPLES = 1000  # 3 mm apart on a phalanx
_BODY_LIMIT = 64  # bodies of a file that are pieces; more of them are screws and washers
_CONVEX_SHARE = 0.999  # of its hull's volume that a convex body fills, by rounding in files
# Share of a body's surface that cannot be seen from outside, where the body is hollow; grooves and
# screw holes hide less.
_HIDDEN_SHARE = 0.03
_SEEN_SAMPLES = 256
CELLS = 64  # along the longest side: 1 mm for a phalanx; the surface stands far more precisely
_MARGIN = 3  # cells around the mesh
# Where the surface is nearer than this, in cells, the flood from outside stops: gaps up to twice
# as wide are closed. Below 0.87, half a cell's diagonal, it would leak through closed surfaces.
_BARRIER = 0.9
_REACH = 3.0  # cells from the flood to the points next to the surface, which it left open
_APART = 2  # cells from all that is enclosed: a surface there is a sheet, open to both sides
# Distances [cells] are computed near the surface alone; elsewhere they are at least this.
_FAR = 2.0
_SAMPLES = 8.0  # on a cell's area of the surface: of a disk of one cell, 3e-12 have none
# What an open shell encloses is less than this share of its hull; then the hull is meant.
_OPEN_SHARE = 0.02
_SIMPLIFICATION = 0.15  # cells


def solids_of(mesh: trimesh.Trimesh, cells: int = CELLS) -> list[Manifold]:
    """Return the closed solids that a mesh stands for, together.

    Its hull, where that is within a millimetre of it, or where it is an open shell. Its bodies,
    where all are closed: one by one if they are convex, as in files that were cut already, and
    else united, unless they are hollow. Everywhere else what the mesh encloses, on a grid of so
    many `cells` along the longest side.

    Raises
    ------
    scipy.spatial.QhullError
        The mesh is flat.
    """
    hull = _manifold(mesh.convex_hull)
    if _nears_hull(mesh):
        return [hull]
    # The surface of a cavity is a body inside out.
    bodies = [b for b in _manifold(mesh).decompose() if b.volume() > 0.0]
    if 0 < len(bodies) <= _BODY_LIMIT:
        if all(map(_is_convex, bodies)):
            return bodies
        united = _united(bodies).simplify(_SIMPLIFICATION * float(mesh.extents.max()) / cells)
        if not united.is_empty() and not _is_hollow(united):
            return [united]
    return [enclosed_solid(mesh, cells) or hull]


def _united(bodies: list[Manifold]) -> Manifold:
    import manifold3d

    return manifold3d.Manifold.batch_boolean(bodies, manifold3d.OpType.Add)


def _is_hollow(body: Manifold) -> bool:
    """Whether a part of a body's surface cannot be seen from outside."""
    import trimesh

    mesh = _trimesh(body)
    samples, faces = trimesh.sample.sample_surface(mesh, _SEEN_SAMPLES, seed=0)
    start = samples + 1e-4 * float(mesh.extents.max()) * mesh.face_normals[faces]
    ways, _ = surface_points(GeometryType.SPHERE, [1.0, 0.0, 0.0], 1.0 / 3.0)  # 114 of them
    rays = np.concatenate(np.broadcast_arrays(start[:, None], ways), axis=2).astype(np.float32)
    seen = ~_scene(mesh).test_occlusions(rays).numpy()
    return bool((~seen.any(axis=1)).mean() > _HIDDEN_SHARE)


def _trimesh(body: Manifold) -> trimesh.Trimesh:
    import trimesh

    mesh = body.to_mesh64()
    corners, faces = np.array(mesh.vert_properties)[:, :3], np.array(mesh.tri_verts, np.int64)
    return trimesh.Trimesh(corners, faces, process=False)


def _manifold(mesh: trimesh.Trimesh) -> Manifold:
    """Mesh as a solid, which is empty where the mesh is not closed."""
    import manifold3d

    corners = np.ascontiguousarray(mesh.vertices, np.float64)
    return manifold3d.Manifold(manifold3d.Mesh64(corners, mesh.faces.astype(np.uint64)))


def _is_convex(body: Manifold) -> bool:
    return body.volume() > _CONVEX_SHARE * body.hull().volume()


def _nears_hull(mesh: trimesh.Trimesh) -> bool:
    """Whether the mesh is near to all of its hull."""
    import trimesh

    samples, _ = trimesh.sample.sample_surface(mesh.convex_hull, _HULL_SAMPLES, seed=0)
    distance = _scene(mesh).compute_distance(samples.astype(np.float32)).numpy()
    return bool(distance.max() < HULL_DISTANCE)


def _scene(mesh: trimesh.Trimesh) -> object:
    """Open3D's scene of a mesh, for distances and rays."""
    scene = import_open3d().t.geometry.RaycastingScene()
    scene.add_triangles(mesh.vertices.astype(np.float32), mesh.faces.astype(np.uint32))
    return scene


def enclosed_solid(mesh: trimesh.Trimesh, cells: int = CELLS) -> Manifold | None:
    """Everything that a mesh encloses; None where that is nearly nothing.

    Collision meshes are drawings as a rule: shells with screws, seams and cavities inside, which
    nothing can touch. A flood from outside, on a grid, finds what can be reached. Its front stands
    a cell before the surface; each grid point in between is outside as well where a ray to the
    nearest flooded point meets nothing. With that sign, the distance to the triangles is zero on
    the outer surface, between the grid points too. Sheets that the flood reaches from both sides
    get a thickness of two cells: nothing can pass through them either.
    """
    pitch = float(mesh.extents.max()) / cells
    low = mesh.bounds[0] - _MARGIN * pitch
    shape = np.ceil(mesh.extents / pitch).astype(int) + 2 * _MARGIN + 1
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing='ij'), axis=-1)
    points = (low + pitch * grid).astype(np.float32)
    scene = _scene(mesh)
    near = _near_surface(mesh, low, pitch, shape)
    distance = np.full(shape, _FAR * pitch, np.float32)
    distance[near] = scene.compute_distance(points[near]).numpy()
    regions, _ = ndimage.label(distance > _BARRIER * pitch)
    outside = regions == regions[0, 0, 0]
    steps, nearest = ndimage.distance_transform_edt(~outside, return_indices=True)
    between = (distance <= _BARRIER * pitch) & (steps < _REACH)
    start, end = points[between], points[tuple(nearest[:, between])]
    rays = np.concatenate([start, end - start], axis=1)
    outside[between] = ~scene.test_occlusions(rays, 0.0, 1.0).numpy()
    field = np.where(outside, distance, -distance) / pitch
    if np.clip(-field, 0.0, 1.0).sum() * pitch**3 < _OPEN_SHARE * mesh.convex_hull.volume:
        return None
    field[~_grown(~outside, _APART)] -= _BARRIER
    return _surface(field, low, pitch)


def _near_surface(
    mesh: trimesh.Trimesh, low: NDArray[np.float64], pitch: float, shape: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Grid points within two cells of a mesh; where its distance is dear, it must not be asked."""
    import trimesh

    count = int(_SAMPLES * mesh.area / pitch**2)
    samples, _ = trimesh.sample.sample_surface(mesh, count, seed=0)
    near = np.zeros(shape, bool)
    near[tuple(np.rint((samples - low) / pitch).astype(int).T)] = True
    return _grown(near, 2)


def _grown(region: NDArray[np.bool_], cells: int) -> NDArray[np.bool_]:
    return ndimage.binary_dilation(region, np.ones((3, 3, 3), bool), iterations=cells)


def _surface(
    field: NDArray[np.float32], low: NDArray[np.float64], pitch: float
) -> Manifold | None:
    """Solid where a field, in cells, is negative."""
    import manifold3d

    vertices, triangles = marching_cubes(field)
    corners, faces = vertices * pitch + low, triangles.astype(np.uint64)
    solid = manifold3d.Manifold(manifold3d.Mesh64(corners, faces))
    if solid.volume() < 0.0:
        faces = np.ascontiguousarray(faces[:, ::-1])
        solid = manifold3d.Manifold(manifold3d.Mesh64(corners, faces))
    solid = solid.simplify(_SIMPLIFICATION * pitch)
    return None if solid.is_empty() else solid
