"""Meshes: reading and checking them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError, quoted
from dexgrasp_ros.core.mesh_files import load_mesh
from dexgrasp_ros.object.repair import repair_mesh
from dexgrasp_ros.object.units import check_size, stated_unit

MeshSource = str | Path | tuple[ArrayLike, ArrayLike]


def read_mesh(source: MeshSource, *, scale: float = 1.0) -> tuple[trimesh.Trimesh, list[str]]:
    """Read a mesh, make it closed with outward faces, and say what was done to it.

    Parameters
    ----------
    source
        Path of a file of one of `core.mesh_files.FORMATS`, or (vertices [V, 3], faces [F, 3]).
        The unit that a ``.dae`` or ``.3mf`` states counts; all else is in metres unless `scale`
        says more. Axes are the file's, whatever it calls up.
    scale
        Multiplies all coordinates; 0.001 for a mesh in millimetres whose file does not say so.

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
    mesh, what, unit = _read(source)
    if not np.isfinite(mesh.vertices).all():
        count = int((~np.isfinite(mesh.vertices).all(axis=1)).sum())
        raise ObjectError(f'{what} has {count} vertices with NaN or Inf; expected finite numbers.')
    mesh = trimesh.Trimesh(np.asarray(mesh.vertices) * (unit * scale), mesh.faces, process=False)
    mesh = _merged(mesh)
    mesh.update_faces(mesh.nondegenerate_faces() & mesh.unique_faces())
    mesh.remove_unreferenced_vertices()
    if len(mesh.faces) == 0:
        raise ObjectError(f'{what} has no faces of non-zero area; expected a triangle mesh.')
    doubts = check_size(mesh, what, unit, scale)
    mesh, warnings = repair_mesh(mesh, what)
    return mesh, [*doubts, *warnings]


def _merged(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """Merge vertices that are in one place, but not of parts that only touch each other.

    Textured files repeat vertices along the seams of the texture; without it the mesh is open.
    Parts that share an edge would have four faces there, and count as open as well: where each
    part that hangs together in the file is closed for itself, they stay parts, and so where the
    file, as an STL, has no vertices that hang together, but one closed part after the other.
    """
    whole = mesh.copy()
    whole.merge_vertices(merge_tex=True, merge_norm=True)
    if whole.is_watertight:
        return whole
    part = trimesh.graph.connected_component_labels(
        mesh.edges_sorted, node_count=len(mesh.vertices)
    )
    for apart in (_parted(mesh, part[mesh.faces[:, 0]]), _parted(whole, _closed_runs(whole))):
        if apart.is_watertight:
            return apart
    return whole


def _parted(mesh: trimesh.Trimesh, part: NDArray[np.integer]) -> trimesh.Trimesh:
    """Mesh whose faces share vertices in one place with those of their own part [F] only."""
    rows = np.column_stack([mesh.vertices[mesh.faces.reshape(-1)], np.repeat(part, 3)])
    first, merged = trimesh.grouping.unique_rows(rows)
    return trimesh.Trimesh(rows[first, :3], merged.reshape(-1, 3), process=False)


def _closed_runs(mesh: trimesh.Trimesh) -> NDArray[np.int64]:
    """Tell of each face [F] which run of faces, in their order, it belongs to.

    A run ends where every edge has been met an even number of times.
    """
    edge = trimesh.grouping.unique_rows(mesh.edges_sorted)[1]  # [3 F], three of a face in a row
    order = np.argsort(edge, kind='stable')
    starts = np.flatnonzero(np.diff(edge[order], prepend=-1))
    time = np.arange(len(edge)) - np.repeat(starts, np.diff(starts, append=len(edge)))
    opened = np.empty(len(edge), np.int64)
    opened[order] = np.where(time % 2 == 0, 1, -1)
    is_closed = np.cumsum(opened.reshape(-1, 3).sum(axis=1)) == 0
    return np.concatenate([[0], np.cumsum(is_closed)[:-1]])


def _read(source: MeshSource) -> tuple[trimesh.Trimesh, str, float]:
    """Return the mesh as it is written, what to call it, and metres in its unit."""
    if not isinstance(source, str | Path):
        return _from_arrays(source), 'The mesh', 1.0
    path = Path(source)
    if not path.is_file():
        raise InputError(f'There is no mesh file {quoted(str(path))}.', ErrorCode.FILE_NOT_FOUND)
    what, mesh = f"Mesh '{path}'", load_mesh(path, process=False)
    return mesh, what, stated_unit(mesh, path, what)


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
