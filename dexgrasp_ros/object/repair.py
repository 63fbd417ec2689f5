"""Repairing meshes: holes, orientation, bodies that overlap."""

from __future__ import annotations

import manifold3d
import numpy as np
import trimesh

from dexgrasp_ros.core.errors import ObjectError


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
        trimesh.repair.fix_normals(mesh, multibody=True)
        warnings.append('Faces were turned to agree in their orientation.')
    if mesh.is_watertight:
        if _signed_volume(mesh) < 0:
            mesh.invert()
            warnings.append('The mesh was inside out and has been turned.')
        mesh = _unite(mesh, warnings)
        if (pieces := _piece_count(mesh)) > 1:
            warnings.append(
                f'The mesh has {pieces} separate pieces; they count as one rigid body.'
            )
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


def _piece_count(mesh: trimesh.Trimesh) -> int:
    """Count bodies that do not touch; a cavity, whose volume is negative, is none."""
    if mesh.body_count < 2:
        return 1
    return sum(body.volume > 0 for body in mesh.split(only_watertight=True))


def _from_manifold(solid: manifold3d.Manifold) -> trimesh.Trimesh:
    raw = solid.to_mesh()
    mesh = trimesh.Trimesh(raw.vert_properties[:, :3], raw.tri_verts, process=False)
    mesh.merge_vertices()
    return mesh


def _open_edge_count(mesh: trimesh.Trimesh) -> int:
    return len(trimesh.grouping.group_rows(mesh.edges_sorted, require_count=1))
