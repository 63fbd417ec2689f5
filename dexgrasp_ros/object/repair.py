"""Repairing meshes: holes, orientation, bodies that overlap."""

from __future__ import annotations

import manifold3d
import numpy as np
import trimesh

from dexgrasp_ros.core.errors import ObjectError
from dexgrasp_ros.object.bodies import (
    body_numbers,
    from_manifold,
    signed_volumes,
    solid_count,
    turn_outward,
    unite,
)
from dexgrasp_ros.object.holes import fill_holes, open_edge_count


def repair_mesh(mesh: trimesh.Trimesh, what: str) -> tuple[trimesh.Trimesh, list[str]]:
    """Close a mesh, turn its faces outward and unite its bodies; say what was done.

    Parameters
    ----------
    mesh
        Triangles, vertices merged.
    what
        Names the mesh in messages.

    Raises
    ------
    ObjectError
        INVALID_MESH: it is closed and encloses nothing.
    """
    warnings: list[str] = []
    if not mesh.is_watertight:
        mesh = _close(mesh, warnings)
    if not mesh.is_winding_consistent:
        _align(mesh)
        warnings.append('Faces were turned to agree in their orientation.')
    if not mesh.is_watertight:
        if signed_volumes(mesh).sum() < 0:
            mesh.invert()
            warnings.append('The mesh was inside out and has been turned.')
        warnings.append(
            f'The mesh is not closed ({open_edge_count(mesh)} open edges) and could not be'
            ' repaired; inside and outside were told apart by a vote of rays.'
        )
        return mesh, warnings
    warnings += turn_outward(mesh)
    mesh, more = unite(mesh)
    warnings += more
    if (pieces := solid_count(mesh)) > 1:
        warnings.append(f'The mesh has {pieces} separate pieces; they count as one rigid body.')
    volume = signed_volumes(mesh).sum()
    # A closed sheet: two sides in one place. 1e-4 is a hundredth of a millimetre on 0.1 m.
    if volume < 1e-4 * mesh.area * mesh.extents.max():
        raise ObjectError(
            f'{what} encloses no volume ({volume * 1e6:.3g} cm^3); give it thickness.'
        )
    return mesh, warnings


def _align(mesh: trimesh.Trimesh) -> None:
    """Turn faces, in place, so that those of a body agree with most of its area.

    Not to have them outward: a cavity's are not.
    """
    before = mesh.faces.copy()
    trimesh.repair.fix_winding(mesh)
    body = body_numbers(mesh)
    turned = np.where((mesh.faces != before).any(axis=1), -1.0, 1.0)
    wrong = np.bincount(body, weights=turned * mesh.area_faces) < 0
    mesh.faces = np.where(wrong[body][:, None], mesh.faces[:, ::-1], mesh.faces)


def _close(mesh: trimesh.Trimesh, warnings: list[str]) -> trimesh.Trimesh:
    """Close what can be closed without inventing shape: seams, then holes by flat patches."""
    open_edges = open_edge_count(mesh)
    closed = mesh.copy()
    # Seams: vertices that differ by rounding, at most 1e-5 of the size (2 µm on 0.2 m).
    closed.merge_vertices(digits_vertex=int(np.ceil(5 - np.log10(closed.extents.max()))))
    closed.update_faces(closed.nondegenerate_faces() & closed.unique_faces())
    if not closed.is_watertight:
        _align(closed)
        fill_holes(closed)
    if not closed.is_watertight:
        closed = _close_by_manifold(closed)
    closed.remove_unreferenced_vertices()
    if not closed.is_watertight:
        return mesh
    warnings.append(f'The mesh had {open_edges} open edges and was closed.')
    return closed


def _close_by_manifold(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    raw = manifold3d.Mesh(
        np.asarray(mesh.vertices, dtype=np.float32), np.asarray(mesh.faces, dtype=np.uint32)
    )
    raw.merge()
    solid = manifold3d.Manifold(raw)
    if solid.status() != manifold3d.Error.NoError or solid.is_empty():
        return mesh
    return from_manifold(solid)
