"""Meshes that are the same one, moved or mirrored: what is cut once serves for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import trimesh

_STEP = 1e-6  # m; corners that differ by less are the same, files round more coarsely


@dataclass(frozen=True, kw_only=True)
class MeshCopy:
    """Where a mesh stands when its original is known: ``signs * vertices + center``."""

    original: int  # which of the distinct meshes
    signs: NDArray[np.float64]  # [3] 1, or -1 for a reflection in that axis
    center: NDArray[np.float64]  # [3] m

    def original_of(self, mesh: trimesh.Trimesh) -> trimesh.Trimesh:
        """Original of this copy, its corners joined where they coincide."""
        import trimesh

        faces = mesh.faces if self.signs.prod() > 0.0 else mesh.faces[:, ::-1]
        return trimesh.Trimesh(self.signs * (mesh.vertices - self.center), faces)


def find_copies(meshes: Sequence[trimesh.Trimesh]) -> tuple[list[str], list[MeshCopy]]:
    """Tell which of some meshes are the same.

    An original stands about the centre of its bounding box, and each axis points to where its
    corners' third moment is positive: so mirror images have the same. The order of corners and
    triangles does not count.

    Returns
    -------
    digests, copies
        Of the distinct meshes [D], by content; and how each mesh that was given follows from its
        original.
    """
    digests: dict[str, int] = {}
    copies = []
    for mesh in meshes:
        center = mesh.bounds.mean(axis=0)
        arms = np.asarray(mesh.vertices) - center
        signs = np.where((arms**3).sum(axis=0) < 0.0, -1.0, 1.0)
        faces = mesh.faces if signs.prod() > 0.0 else mesh.faces[:, ::-1]
        digest = _digest(signs * arms, np.asarray(faces))
        original = digests.setdefault(digest, len(digests))
        copies.append(MeshCopy(original=original, signs=signs, center=center))
    return list(digests), copies


def _digest(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> str:
    """Digest of triangles, whatever their order and that of the corners."""
    steps = np.rint(vertices / _STEP).astype(np.int64)
    order = np.lexsort(steps.T)
    steps = steps[order]
    is_new = np.append(True, (np.diff(steps, axis=0) != 0).any(axis=1))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.cumsum(is_new) - 1
    corners = rank[faces]
    around = (corners.argmin(axis=1)[:, None] + np.arange(3)) % 3  # least first, same winding
    corners = np.take_along_axis(corners, around, axis=1)
    triangles = np.sort(corners @ (is_new.sum() ** np.arange(2, -1, -1)))
    return hashlib.sha256(steps[is_new].tobytes() + triangles.tobytes()).hexdigest()
