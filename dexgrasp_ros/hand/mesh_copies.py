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

    original: int  # index of the distinct mesh
    signs: NDArray[np.float64]  # [3] 1, or -1 for a reflection in that axis
    center: NDArray[np.float64]  # [3] m


def distinct_meshes(
    meshes: Sequence[trimesh.Trimesh],
) -> tuple[list[trimesh.Trimesh], list[str], list[MeshCopy]]:
    """Distinct meshes about the centres of their bounding boxes, and each mesh as a copy.

    Mirror images become the same mesh: each axis points to where the corners' third moment is
    positive. The order of corners and triangles does not count.

    Returns
    -------
    originals, digests, copies
        The distinct meshes [D], corners that coincide joined; a digest of each; and for every
        mesh that was given which one it is.
    """
    import trimesh

    originals: list[trimesh.Trimesh] = []
    digests: dict[str, int] = {}
    copies = []
    for mesh in meshes:
        center = mesh.bounds.mean(axis=0)
        arms = np.asarray(mesh.vertices) - center
        signs = np.where((arms**3).sum(axis=0) < 0.0, -1.0, 1.0)
        arms = arms * signs
        digest = _digest(arms, len(mesh.faces))
        if digest not in digests:
            faces = mesh.faces if signs.prod() > 0.0 else mesh.faces[:, ::-1]
            digests[digest] = len(originals)
            originals.append(trimesh.Trimesh(arms, faces))
        copies.append(MeshCopy(original=digests[digest], signs=signs, center=center))
    return originals, list(digests), copies


def _digest(vertices: NDArray[np.float64], face_count: int) -> str:
    """Digest of corners in any order."""
    steps = np.unique(np.rint(vertices / _STEP).astype(np.int64), axis=0)
    return hashlib.sha256(steps.tobytes() + str(face_count).encode()).hexdigest()
