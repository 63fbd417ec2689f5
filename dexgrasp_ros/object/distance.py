"""Signed distances: looking them up in a grid, and measuring them on a mesh."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import warp as wp
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.cores import thread_count
from dexgrasp_ros.core.kernel_loader import load_kernels
from dexgrasp_ros.core.object_model import SignedDistanceGrid
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.kernels.closest import find_closest

# Odd, so that there is a majority. With a tenth of the surface missing, more than half of 15
# independent rays are misled at one point in 30,000 (binomial).
_VOTERS = 15
_SHARE = 10_000  # points that are worth a thread: about 10 ms
_UNDER = 1e-5  # m below the surface a ray starts that is to leave it on the other side


def sample_distance(
    grid: SignedDistanceGrid, points: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Look up signed distance and gradient, trilinear, as the kernels do.

    Outside the grid ``φ(x) = φ(c) + |x − c|`` with c the nearest point of the grid's box.

    Parameters
    ----------
    grid
        What to look in.
    points
        Positions in the object's frame [m], shape [M, 3].

    Returns
    -------
    tuple
        φ [m], shape [M], and its gradient, shape [M, 3]: inside the box the interpolated one,
        outside the unit vector halfway between that at c and the direction from c to x.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    shape = np.array(grid.values.shape[:3])
    inside = np.clip(points, grid.origin, grid.origin + grid.spacing * (shape - 1))
    u = (inside - grid.origin) / grid.spacing
    cell = np.clip(np.floor(u).astype(np.int64), 0, shape - 2)
    w = u - cell
    value = np.zeros((len(points), 4))
    for corner in np.ndindex(2, 2, 2):
        weight = np.where(corner, w, 1 - w).prod(axis=1)
        value += weight[:, None] * grid.values[tuple((cell + corner).T)]
    offset = points - inside
    gap = np.linalg.norm(offset, axis=1)
    out = gap > 0
    value[out, :3] += offset[out] / gap[out, None]
    value[out, :3] /= np.maximum(np.linalg.norm(value[out, :3], axis=1), 1e-9)[:, None]
    return value[:, 3] + gap, value[:, :3]


def grid_distance(grid: SignedDistanceGrid, points: ArrayLike) -> NDArray[np.float64]:
    """Look up signed distance alone [M], m, as `sample_distance` does in five times as long."""
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    shape = np.array(grid.values.shape[:3])
    inside = np.clip(points, grid.origin, grid.origin + grid.spacing * (shape - 1))
    u = (inside - grid.origin) / grid.spacing
    cell = np.clip(u.astype(np.int64), 0, shape - 2)
    upper = u - cell
    weights = np.stack([1.0 - upper, upper])  # [2, M, 3]
    steps = np.array([shape[1] * shape[2], shape[2], 1])
    values, first = grid.values[..., 3].reshape(-1), cell @ steps
    distance = np.linalg.norm(points - inside, axis=1)
    for corner in np.ndindex(2, 2, 2):
        x, y, z = corner
        weight = weights[x, :, 0] * weights[y, :, 1] * weights[z, :, 2]
        distance += weight * values[first + steps @ corner]
    return distance


class MeshDistance:
    """Exact signed distance to a triangle mesh, on all cores.

    Closest points are Warp's, which take half of the time that Embree's do (measured on 12 to
    24,000 triangles); sides are Embree's, through Open3D.

    Parameters
    ----------
    vertices, faces
        The mesh, [V, 3] m and [F, 3], outward.
    closed
        Whether every ray from inside leaves; where not, rays in all directions vote on each
        point's side by the parity of their crossings.
    """

    def __init__(
        self, vertices: NDArray[np.float64], faces: NDArray[np.int64], *, closed: bool = True
    ) -> None:
        vertices = np.ascontiguousarray(vertices, dtype=np.float32)
        faces = np.ascontiguousarray(faces, dtype=np.int32)
        load_kernels('cpu')
        self._mesh = wp.Mesh(
            points=wp.array(vertices, dtype=wp.vec3, device='cpu'),
            indices=wp.array(faces.ravel(), dtype=int, device='cpu'),
        )
        edges = vertices[faces[:, 1:]] - vertices[faces[:, :1]]
        normals = np.cross(edges[:, 0], edges[:, 1])
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        self._normals = normals / np.where(length > 0.0, length, 1.0)
        o3d = import_open3d()
        self._tensor = o3d.core.Tensor
        self._scene = o3d.t.geometry.RaycastingScene()
        self._scene.add_triangles(self._tensor(vertices), self._tensor(faces.astype(np.uint32)))
        self._closed = closed

    def __call__(
        self, points: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Signed distance [M], closest point [M, 3] and normal of its triangle [M, 3]."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        closest, face = self._closest(points)
        distance = np.linalg.norm(points - closest, axis=1)
        phi = np.where(self.inside(points), -distance, distance)
        return phi, closest, self._normals[face]

    def _closest(
        self, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Closest points [M, 3] and their triangles [M]."""
        closest = np.empty_like(points)
        face = np.empty(len(points), dtype=np.int32)
        count = min(thread_count(), max(1, len(points) // _SHARE))
        ends = np.linspace(0, len(points), count + 1).astype(int)

        def find(k: int) -> None:
            part = slice(ends[k], ends[k + 1])
            arrays = (points[part], wp.vec3), (closest[part], wp.vec3), (face[part], int)
            wp.launch(
                find_closest,
                dim=ends[k + 1] - ends[k],
                inputs=[
                    self._mesh.id,
                    *(wp.array(a, dtype=t, device='cpu', copy=False) for a, t in arrays),
                ],
                device='cpu',
            )

        if count == 1:
            find(0)
        else:
            with ThreadPoolExecutor(count) as pool:
                list(pool.map(find, range(count)))
        return closest, face

    def thickness(
        self, points: NDArray[np.floating], normals: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """How far it is through the body [M] from points of the surface, against their normals."""
        start = points - _UNDER * normals
        rays = np.column_stack([start, -normals]).astype(np.float32)
        return self._scene.cast_rays(self._tensor(rays))['t_hit'].numpy() + np.float32(_UNDER)

    def inside(self, points: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Which points [M] lie inside."""
        points = np.ascontiguousarray(points, dtype=np.float32)
        if self._closed:
            # One ray can graze an edge and be counted twice; three with slight turns rarely do.
            return self._scene.compute_occupancy(self._tensor(points), nsamples=3).numpy() > 0.5
        votes = np.zeros(len(points), dtype=np.int64)
        for direction in _spread_directions(_VOTERS):
            rays = np.column_stack([points, np.broadcast_to(direction, points.shape)])
            votes += self._scene.count_intersections(self._tensor(rays)).numpy() % 2
        return votes > _VOTERS // 2


def _spread_directions(count: int) -> NDArray[np.float32]:
    """Return unit vectors spread evenly over the sphere (Fibonacci lattice), shape [count, 3]."""
    k = np.arange(count) + 0.5
    z, angle = 1 - 2 * k / count, k * np.pi * (1 + np.sqrt(5))
    r = np.sqrt(1 - z**2)
    return np.column_stack([r * np.cos(angle), r * np.sin(angle), z]).astype(np.float32)
