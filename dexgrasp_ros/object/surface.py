"""Points on a mesh, evenly spread and reproducible."""

from __future__ import annotations

import numpy as np
import trimesh
import warp as wp
from numpy.typing import NDArray

from dexgrasp_ros.core.kernel_loader import load_kernels
from dexgrasp_ros.core.warp_loader import start_warp
from dexgrasp_ros.kernels.spreading import BLOCK, keep_farthest

_OVERSAMPLING = 5  # candidates for each point that stays
# Seeds are drawn from them, so small objects need many too; thinning takes longer for more.
_FEWEST, _MOST = 1536, 8192


def point_count(area: float, spacing: float) -> int:
    """Points that stand about `spacing` [m] apart on a surface of `area` [m^2]."""
    return int(np.clip(round(area / spacing**2), _FEWEST, _MOST))


def sample_surface(
    mesh: trimesh.Trimesh, count: int, random_seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Spread points over a surface by farthest-point thinning of a random sample.

    Farthest-point thinning keeps rims and tips, which plain sampling by area misses.

    Returns
    -------
    tuple
        Points [count, 3] m and the outward normals of their faces [count, 3].
    """
    rng = np.random.default_rng(random_seed)
    candidates = _OVERSAMPLING * count
    face = rng.choice(len(mesh.faces), candidates, p=mesh.area_faces / mesh.area_faces.sum())
    u, v = rng.random((2, candidates, 1))
    # Square root: uniform over the triangle (Osada et al. 2002, Shape Distributions).
    root = np.sqrt(u)
    a, b, c = mesh.triangles[face].transpose(1, 0, 2)
    points = ((1 - root) * a + root * (1 - v) * b + root * v * c).astype(np.float32)
    keep = _farthest_points(points, count)
    return points[keep], mesh.face_normals[face[keep]].astype(np.float32)


def _farthest_points(points: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return indices so that each next point is the farthest from all before it."""
    start_warp()
    padded = -len(points) % int(BLOCK)
    axes = [np.pad(axis, (0, padded), mode='edge') for axis in points.T]
    nearest = np.pad(np.full(len(points), np.inf, dtype=np.float32), (0, padded))
    keep = np.zeros(count, dtype=np.int32)
    arrays = [wp.array(a, dtype=float, device='cpu', copy=False) for a in (*axes, nearest)]
    kept = wp.array(keep, dtype=int, device='cpu', copy=False)
    load_kernels('cpu')
    wp.launch(keep_farthest, dim=1, inputs=[*arrays, kept], device='cpu')
    return kept.numpy().astype(np.int64)
