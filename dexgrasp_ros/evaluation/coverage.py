"""How much of an object's surface grasps reach together."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import KDTree

REACH = 0.01  # m, about half the width of a fingertip
_SAMPLES = 20_000  # one for each 2 mm^2 of a can; a share of a half has a deviation of 0.4 %


def touched_share(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
    *,
    reach: float = REACH,
) -> float:
    """Share of a mesh's area that contacts cover, 0 to 1.

    A contact covers what is within `reach` of it and on its side: where the surface faces the
    contact, so that the far side of a thin wall is not covered through it. Measured by points
    spread uniformly over the area, which is the same as weighting them by it.

    Parameters
    ----------
    vertices, faces
        The mesh [V, 3] m, [F, 3], outward by the right-hand rule.
    points, normals
        Contacts [C, 3] m and unit vectors into the object [C, 3]; those that are not finite are
        left out.
    reach
        How far a contact covers the surface [m].
    """
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    samples, face = trimesh.sample.sample_surface(mesh, _SAMPLES, seed=0)
    outward = mesh.face_normals[face]
    covered = np.zeros(len(samples), dtype=bool)
    points, normals = points.reshape(-1, 3), normals.reshape(-1, 3)
    known = np.isfinite(points).all(axis=1)
    near = KDTree(np.asarray(samples)).query_ball_point(points[known], reach)
    for own, normal in zip(near, normals[known], strict=True):
        covered[own] |= outward[own] @ normal < 0.0
    return float(covered.mean())
