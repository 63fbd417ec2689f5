"""Meshes with fewer triangles, for who has to pay for each of them."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.open3d_loader import import_open3d

_MIN_TRIANGLES = 12  # of one link: a box


def coarse_mesh(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], max_triangles: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return a mesh of about `max_triangles` at most, by collapsing edges of least error."""
    if len(faces) <= max_triangles:
        return vertices, faces
    o3d = import_open3d()

    mesh = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(vertices), o3d.utility.Vector3iVector(faces)
    )
    coarse = mesh.simplify_quadric_decimation(max_triangles)
    return np.asarray(coarse.vertices), np.asarray(coarse.triangles, dtype=np.int64)


def coarse_hand(hand: HandModel, max_triangles: int) -> HandModel:
    """Return the same hand with meshes of about `max_triangles` triangles together, to be drawn.

    It takes a moment, so do it once for each hand.
    """
    share = max_triangles / max(1, sum(len(m.faces) for m in hand.meshes))
    meshes = []
    for mesh in hand.meshes:
        limit = max(_MIN_TRIANGLES, int(share * len(mesh.faces)))
        vertices, faces = coarse_mesh(mesh.vertices, mesh.faces, limit)
        meshes.append(dataclasses.replace(mesh, vertices=vertices, faces=faces))
    return dataclasses.replace(hand, meshes=tuple(meshes))
