"""Closing holes of a mesh with flat patches."""

from __future__ import annotations

import numpy as np
import trimesh


def fill_holes(mesh: trimesh.Trimesh) -> None:
    """Close every boundary loop by a fan to its middle, in place.

    Parameters
    ----------
    mesh
        Neighbouring faces agree in their orientation.
    """
    vertices, faces = [mesh.vertices], [mesh.faces]
    for number, loop in enumerate(_boundary_loops(mesh)):
        center = np.full(len(loop), len(mesh.vertices) + number)
        vertices.append(mesh.vertices[loop].mean(axis=0)[None])
        # A boundary edge a→b of a face needs b→a on the patch.
        faces.append(np.column_stack([np.roll(loop, -1), loop, center]))
    # At once: each time, the mesh would copy all of its faces.
    mesh.vertices, mesh.faces = np.vstack(vertices), np.vstack(faces)


def open_edge_count(mesh: trimesh.Trimesh) -> int:
    """Count edges that belong to one face only."""
    return len(trimesh.grouping.group_rows(mesh.edges_sorted, require_count=1))


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
        path, place = [start], {start: 0}
        while following.get(path[-1]):
            vertex = following[path[-1]].pop()
            if vertex not in place:
                place[vertex] = len(path)
                path.append(vertex)
                continue
            first = place[vertex]
            if len(path) - first > 2:
                loops.append(path[first:])
            for passed in path[first + 1 :]:
                del place[passed]
            del path[first + 1 :]
    return loops
