"""The closed bodies that a mesh consists of: which are solid, which are cavities."""

from __future__ import annotations

import itertools

import manifold3d
import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.object.distance import MeshDistance

# Vertices of a body that are looked up in the others, and the share of them that must lie inside;
# not all, since one ray in thousands is misled by an edge.
_PROBES, _ENCLOSED = 200, 0.98
# Bodies of this share of the largest one's volume are sheets and crumbs, whose sign says nothing.
_CRUMB = 1e-6


def signed_volumes(mesh: trimesh.Trimesh, body: NDArray[np.integer] | None = None) -> NDArray:
    """Volume [B] of each body, negative where faces point inward; open ones are closed by a fan.

    Tetrahedra over the middle of the mesh are added up, which unlike `mesh.volume` divides by
    nothing.

    Parameters
    ----------
    mesh
        Triangles.
    body
        Number [F] of each face's body; None for a single one.
    """
    a, b, c = (mesh.triangles - mesh.bounds.mean(axis=0)).transpose(1, 0, 2)
    parts = np.einsum('ij,ij->i', a, np.cross(b, c)) / 6
    return np.bincount(np.zeros(len(parts), int) if body is None else body, weights=parts)


def body_numbers(mesh: trimesh.Trimesh) -> NDArray[np.int32]:
    """Tell which body each face belongs to, [F], by the edges that faces share."""
    return trimesh.graph.connected_component_labels(
        mesh.face_adjacency, node_count=len(mesh.faces)
    )


def turn_outward(mesh: trimesh.Trimesh) -> list[str]:
    """Turn bodies that are inside out, in place, and say so.

    A body with inward faces is a cavity where it lies in a solid; where it lies in nothing, it is
    a part that was mirrored, and what lies in it was mirrored with it. From the largest body to
    the smallest, each is looked up in those that enclose it.

    Parameters
    ----------
    mesh
        Closed bodies, each of one orientation.
    """
    body = body_numbers(mesh)
    volumes = signed_volumes(mesh, body)
    if volumes.sum() < 0:
        mesh.invert()
        return ['The mesh was inside out and has been turned.', *turn_outward(mesh)]
    sign = np.where(volumes < -_CRUMB * np.abs(volumes).max(), -1, 1)
    if (sign > 0).all():
        return []
    parts, turned, count = _Parts(mesh, body), sign.copy(), 0
    for n in np.argsort(-np.abs(volumes), kind='stable'):
        if turned[n] < 0 and not parts.in_solid(n, turned):
            turned[parts.enclosed_by(n)] *= -1
            turned[n] = 1
            count += 1
    if not count:
        return []
    flip = (turned != sign)[body]
    mesh.faces = np.where(flip[:, None], mesh.faces[:, ::-1], mesh.faces)
    return [
        f'{count} of {len(sign)} parts had inward faces though nothing encloses them, as mirrored'
        ' parts have, and were turned.'
    ]


def unite(mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, list[str]]:
    """Unite solids that overlap, so that a point in two of them is inside and not outside.

    Parameters
    ----------
    mesh
        Closed bodies as `turn_outward` leaves them.
    """
    body = body_numbers(mesh)
    volumes = signed_volumes(mesh, body)
    if (volumes > 0).sum() < 2:
        return mesh, []
    parts, solids = _Parts(mesh, body), np.flatnonzero(volumes > 0)
    if not any(np.isin(parts.near(n), solids).sum() > 1 for n in solids):  # each near itself
        return mesh, []
    united = manifold3d.Manifold()
    # From the outside in: a cavity is smaller than what it is in, and larger than what is in it.
    order = np.argsort(-np.abs(volumes), kind='stable')
    for solid, run in itertools.groupby(order, key=lambda n: volumes[n] > 0):
        bodies = [parts.manifold(n, inward=not solid) for n in run]
        if any(b.status() != manifold3d.Error.NoError for b in bodies):
            return mesh, []
        operation = manifold3d.OpType.Add if solid else manifold3d.OpType.Subtract
        united = manifold3d.Manifold.batch_boolean([united, *bodies], operation)
    return from_manifold(united), [f'{len(solids)} bodies whose boxes overlap were united.']


def solid_count(mesh: trimesh.Trimesh) -> int:
    """Count bodies that are no cavities."""
    return int((signed_volumes(mesh, body_numbers(mesh)) > 0).sum())


class _Parts:
    """The bodies of a mesh, each to be had for itself."""

    def __init__(self, mesh: trimesh.Trimesh, body: NDArray[np.integer]) -> None:
        order = np.argsort(body, kind='stable')
        starts = np.flatnonzero(np.diff(body[order], prepend=-1))
        self._vertices, self._faces = mesh.vertices, np.split(mesh.faces[order], starts[1:])
        corners = mesh.triangles[order]
        self._low = np.minimum.reduceat(corners.min(axis=1), starts)  # [B, 3]
        self._high = np.maximum.reduceat(corners.max(axis=1), starts)
        self._measures: dict[int, MeshDistance] = {}

    def near(self, n: int) -> NDArray[np.int64]:
        """Bodies whose boxes overlap with that of body n, itself among them."""
        apart = (self._low > self._high[n]) | (self._high < self._low[n])
        return np.flatnonzero(~apart.any(axis=1))

    def in_solid(self, n: int, sign: NDArray[np.integer]) -> bool:
        """Whether body n lies in what the others with such orientations make solid."""
        around = [k for k in self.near(n) if k != n]
        depth = sum((sign[k] * self._holds(k, n).astype(int) for k in around), np.zeros(1))
        return bool(np.mean(depth > 0) > _ENCLOSED)

    def enclosed_by(self, n: int) -> list[int]:
        """Bodies that lie in body n."""
        near = [k for k in self.near(n) if k != n]
        return [k for k in near if self._holds(n, k).mean() > _ENCLOSED]

    def manifold(self, n: int, *, inward: bool) -> manifold3d.Manifold:
        """Body n as a solid, whose faces point inward where it is a cavity."""
        vertices, faces = self._body(n)
        faces = faces[:, ::-1] if inward else faces
        raw = manifold3d.Mesh(vertices.astype(np.float32), faces.astype(np.uint32))
        return manifold3d.Manifold(raw)

    def _holds(self, n: int, k: int) -> NDArray[np.bool_]:
        """Which of some vertices of body k lie in body n."""
        if n not in self._measures:
            self._measures[n] = MeshDistance(*self._body(n))
        vertices = np.unique(self._faces[k])
        some = vertices[:: max(1, len(vertices) // _PROBES)]
        return self._measures[n].inside(self._vertices[some])

    def _body(self, n: int) -> tuple[NDArray, NDArray]:
        used, faces = np.unique(self._faces[n], return_inverse=True)
        return self._vertices[used], faces.reshape(-1, 3)


def from_manifold(solid: manifold3d.Manifold) -> trimesh.Trimesh:
    """Mesh of a solid, its vertices merged."""
    raw = solid.to_mesh()
    mesh = trimesh.Trimesh(raw.vert_properties[:, :3], raw.tri_verts, process=False)
    mesh.merge_vertices()
    return mesh
