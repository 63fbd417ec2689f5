"""Meshes: reading, checking, repairing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import manifold3d
import numpy as np
import trimesh
from numpy.typing import ArrayLike

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError

# What a hand could hold lies well inside; what lies outside has most often another unit.
_LARGEST, _SMALLEST = 2.0, 0.002  # m

MeshSource = str | Path | tuple[ArrayLike, ArrayLike]


def read_mesh(source: MeshSource, *, scale: float = 1.0) -> tuple[trimesh.Trimesh, list[str]]:
    """Read a mesh, make it closed with outward faces, and say what was done to it.

    Parameters
    ----------
    source
        Path of an ``.obj``, ``.stl``, ``.ply``, ``.glb`` or what else trimesh reads, or
        (vertices [V, 3], faces [F, 3]).
    scale
        Multiplies all coordinates; 0.001 for a mesh in millimetres.

    Returns
    -------
    tuple
        The mesh in metres and the warnings. It may still be open: see `trimesh.is_volume`.

    Raises
    ------
    InputError
        FILE_NOT_FOUND; OUT_OF_RANGE for the scale.
    ObjectError
        INVALID_MESH: unreadable, no faces, NaN, faces that name no vertex, no volume, wrong unit.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"'scale' is {scale}; expected positive.", ErrorCode.OUT_OF_RANGE)
    mesh, what = _read(source)
    if not np.isfinite(mesh.vertices).all():
        count = int((~np.isfinite(mesh.vertices).all(axis=1)).sum())
        raise ObjectError(f'{what} has {count} vertices with NaN or Inf; expected finite numbers.')
    mesh = trimesh.Trimesh(np.asarray(mesh.vertices) * scale, mesh.faces, process=False)
    # Textured files repeat vertices along the seams of the texture; without it the mesh is open.
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    mesh.update_faces(mesh.nondegenerate_faces() & mesh.unique_faces())
    mesh.remove_unreferenced_vertices()
    if len(mesh.faces) == 0:
        raise ObjectError(f'{what} has no faces of non-zero area; expected a triangle mesh.')
    _check_size(mesh, what)
    return _repair(mesh, what)


def _read(source: MeshSource) -> tuple[trimesh.Trimesh, str]:
    if not isinstance(source, str | Path):
        return _from_arrays(source), 'The mesh'
    path = Path(source)
    what = f"Mesh '{path}'"
    if not path.is_file():
        raise InputError(f"There is no mesh file '{path}'.", ErrorCode.FILE_NOT_FOUND)
    try:
        mesh = trimesh.load_mesh(path, process=False)
        if isinstance(mesh, trimesh.Scene):
            mesh = mesh.to_mesh()
    # Readers of a dozen formats raise whatever their parsers raise.
    except Exception as error:
        raise ObjectError(f'{what} cannot be read: {type(error).__name__}: {error}') from error
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise ObjectError(f'{what} has no faces; expected a triangle mesh.')
    return mesh, what


def _from_arrays(source: Sequence[ArrayLike]) -> trimesh.Trimesh:
    try:
        vertices, faces = source
        vertices = np.asarray(vertices, dtype=np.float64)
        faces = np.asarray(faces)
    except (TypeError, ValueError) as error:
        raise ObjectError(
            f'A mesh is a path or (vertices [V, 3], faces [F, 3]): {error}.'
        ) from error
    if len(faces) == 0:
        raise ObjectError('The mesh has no faces; expected [F, 3].')
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ObjectError(
            f'Vertices have shape {list(vertices.shape)} and faces {list(faces.shape)};'
            ' expected [V, 3] and [F, 3].'
        )
    if faces.dtype.kind not in 'iu' or faces.min() < 0 or faces.max() >= len(vertices):
        raise ObjectError(
            f'Faces ({faces.dtype}, {faces.min()} … {faces.max()}) must be integers from 0 to'
            f' {len(vertices) - 1}.'
        )
    return trimesh.Trimesh(vertices, faces, process=False)


def _check_size(mesh: trimesh.Trimesh, what: str) -> None:
    size = float(mesh.extents.max())
    if size > _LARGEST:
        advice = 'Perhaps it is in millimetres: scale 0.001'
    elif size < _SMALLEST:
        advice = 'Perhaps it was scaled twice: scale 1000'
    else:
        return
    raise ObjectError(
        f'{what} is {size:.4g} m long; expected {_SMALLEST} to {_LARGEST} m. {advice}.'
    )


def _repair(mesh: trimesh.Trimesh, what: str) -> tuple[trimesh.Trimesh, list[str]]:
    warnings: list[str] = []
    if not mesh.is_watertight:
        mesh = _close(mesh, warnings)
    if not mesh.is_winding_consistent:
        trimesh.repair.fix_normals(mesh, multibody=True)
        warnings.append('Faces were turned to agree in their orientation.')
    if mesh.is_watertight:
        if _signed_volume(mesh) < 0:
            mesh.invert()
            warnings.append('The mesh was inside out and has been turned.')
        mesh = _unite(mesh, warnings)
        volume = _signed_volume(mesh)
        # A closed sheet: two sides in one place. 1e-4 is a hundredth of a millimetre on 0.1 m.
        if volume < 1e-4 * mesh.area * mesh.extents.max():
            raise ObjectError(
                f'{what} encloses no volume ({volume * 1e6:.3g} cm^3); give it thickness.'
            )
    else:
        warnings.append(
            f'The mesh is not closed ({_open_edge_count(mesh)} open edges) and could not be'
            ' repaired; inside and outside were told apart by a vote of rays.'
        )
    return mesh, warnings


def _signed_volume(mesh: trimesh.Trimesh) -> float:
    """Add up the tetrahedra over the origin, which unlike `mesh.volume` divides by nothing."""
    a, b, c = mesh.triangles.transpose(1, 0, 2)
    return float(np.einsum('ij,ij->', a, np.cross(b, c)) / 6)


def _close(mesh: trimesh.Trimesh, warnings: list[str]) -> trimesh.Trimesh:
    """Close what can be closed without inventing shape: seams, then holes by flat patches."""
    open_edges = _open_edge_count(mesh)
    closed = mesh.copy()
    # Seams: vertices that differ by rounding, at most 1e-5 of the size (2 µm on 0.2 m).
    closed.merge_vertices(digits_vertex=int(np.ceil(5 - np.log10(closed.extents.max()))))
    closed.update_faces(closed.nondegenerate_faces() & closed.unique_faces())
    if not closed.is_watertight:
        trimesh.repair.fix_normals(closed, multibody=True)
        _fill_holes(closed)
    if not closed.is_watertight:
        closed = _close_by_manifold(closed)
    closed.remove_unreferenced_vertices()
    if not closed.is_watertight:
        return mesh
    warnings.append(f'The mesh had {open_edges} open edges and was closed.')
    return closed


def _fill_holes(mesh: trimesh.Trimesh) -> None:
    """Close every boundary loop by a fan to its middle, in place."""
    for loop in _boundary_loops(mesh):
        center = len(mesh.vertices)
        vertices = np.vstack([mesh.vertices, mesh.vertices[loop].mean(axis=0)])
        # A boundary edge a→b of a face needs b→a on the patch.
        fan = np.column_stack([np.roll(loop, -1), loop, np.full(len(loop), center)])
        mesh.vertices, mesh.faces = vertices, np.vstack([mesh.faces, fan])


def _boundary_loops(mesh: trimesh.Trimesh) -> list[list[int]]:
    """Return simple loops of directed edges that belong to one face only.

    Where holes meet in a vertex, a walk that comes back to a vertex of its own path has closed a
    loop there and goes on from it.
    """
    edges = mesh.edges[trimesh.grouping.group_rows(mesh.edges_sorted, require_count=1)]
    following: dict[int, list[int]] = {}
    for a, b in edges.tolist():
        following.setdefault(a, []).append(b)
    loops = []
    for start in list(following):
        path = [start]
        while path and following.get(path[-1]):
            vertex = following[path[-1]].pop()
            if vertex not in path:
                path.append(vertex)
                continue
            first = path.index(vertex)
            if len(path) - first > 2:
                loops.append(path[first:])
            del path[first + 1 :]
    return loops


def _close_by_manifold(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    raw = manifold3d.Mesh(
        np.asarray(mesh.vertices, dtype=np.float32), np.asarray(mesh.faces, dtype=np.uint32)
    )
    raw.merge()
    solid = manifold3d.Manifold(raw)
    if solid.status() != manifold3d.Error.NoError or solid.is_empty():
        return mesh
    return _from_manifold(solid)


def _unite(mesh: trimesh.Trimesh, warnings: list[str]) -> trimesh.Trimesh:
    """Unite bodies that overlap, so that a point in two of them is inside and not outside."""
    bodies = mesh.split(only_watertight=True)
    if len(bodies) < 2 or any(b.volume <= 0 for b in bodies):  # negative: a cavity, rightly so
        return mesh
    low, high = np.array([b.bounds for b in bodies]).transpose(1, 0, 2)
    touch = (low[:, None] <= high[None]).all(-1) & (low[None] <= high[:, None]).all(-1)
    if touch.sum() == len(bodies):  # each only with itself
        return mesh
    solids = [
        manifold3d.Manifold(
            manifold3d.Mesh(
                np.asarray(b.vertices, dtype=np.float32), np.asarray(b.faces, dtype=np.uint32)
            )
        )
        for b in bodies
    ]
    if any(s.status() != manifold3d.Error.NoError for s in solids):
        return mesh
    united = manifold3d.Manifold.batch_boolean(solids, manifold3d.OpType.Add)
    warnings.append(f'{len(bodies)} bodies whose boxes overlap were united.')
    return _from_manifold(united)


def _from_manifold(solid: manifold3d.Manifold) -> trimesh.Trimesh:
    raw = solid.to_mesh()
    mesh = trimesh.Trimesh(raw.vert_properties[:, :3], raw.tri_verts, process=False)
    mesh.merge_vertices()
    return mesh


def _open_edge_count(mesh: trimesh.Trimesh) -> int:
    return len(trimesh.grouping.group_rows(mesh.edges_sorted, require_count=1))
