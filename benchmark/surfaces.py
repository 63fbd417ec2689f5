"""Exact distances to meshes, by Open3D's rays: what reconstructions and hands are judged by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.groups import point_groups


class Surface:
    """A mesh that answers questions."""

    def __init__(self, vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
        o3d = import_open3d()
        self._tensor = lambda values: o3d.core.Tensor(np.asarray(values, np.float32))
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            self._tensor(vertices), o3d.core.Tensor(np.asarray(faces, np.uint32))
        )

    def distance(self, points: NDArray) -> NDArray[np.float32]:
        """Distance [M] of points [M, 3] to the surface."""
        return self._scene.compute_distance(self._tensor(points)).numpy()

    def signed_distance(self, points: NDArray, votes: int) -> NDArray[np.float32]:
        """Likewise, negative inside: one ray can slip through an edge, so many vote."""
        return self._scene.compute_signed_distance(self._tensor(points), nsamples=votes).numpy()

    def occupied(self, points: NDArray) -> NDArray[np.bool_]:
        """Whether points [M, 3] lie inside: the vote of three rays; one may graze an edge."""
        return self._scene.compute_occupancy(self._tensor(points), nsamples=3).numpy() > 0.5

    def cast(self, rays: NDArray[np.float64]) -> NDArray[np.float32]:
        """First hits [M] along rays [M, 3] from the origin, in lengths of the rays."""
        rays = np.concatenate([np.zeros_like(rays), rays], axis=1)
        return self._scene.cast_rays(self._tensor(rays))['t_hit'].numpy()


def hand_points(hand: HandModel, link_poses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points [P, 3] of a hand's surface where its links' poses [L, 7] carry them."""
    T = pose_to_matrix(link_poses)[hand.geometry_links[point_groups(hand)]]
    return np.einsum('pij,pj->pi', T[:, :3, :3], hand.points) + T[:, :3, 3]
