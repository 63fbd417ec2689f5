"""Whether hands come to an object without touching what lies around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.object.distance import MeshDistance
from dexgrasp_ros.simulation.bodies import Body

# m: the hand's points are so close to each other that nothing thicker than a sheet comes between
# them where all of them are farther away than this.
_CLEARANCE = 0.003
_STEP = 0.01  # m, that a sphere about the hand's points moves at most between looks at its way
_MOST_LOOKS = 12


class Surroundings:
    """All that stands on a table but one object, and the table z = 0.

    Parameters
    ----------
    others
        The other objects, where they are in the world.
    """

    def __init__(self, others: Sequence[Body]) -> None:
        meshes = [trimesh.Trimesh(b.posed_vertices(), b.faces, process=False) for b in others]
        self._boxes = np.array([mesh.bounds for mesh in meshes]).reshape(-1, 2, 3)
        self._distance: MeshDistance | None = None
        if meshes:
            closed = all(mesh.is_watertight for mesh in meshes)
            whole = trimesh.util.concatenate(meshes)
            vertices = np.asarray(whole.vertices)
            self._distance = MeshDistance(vertices, whole.faces, closed=closed)

    def are_clear(
        self,
        hand: HandModel,
        start: tuple[NDArray[np.float64], NDArray[np.float64]],
        end: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> NDArray[np.bool_]:
        """Which hands [N] keep 3 mm off everything, at both ends of a straight way and on it.

        Parameters
        ----------
        hand
            The hand.
        start, end
            Poses of the root link in the world [N, 7], and joints [N, J].
        """
        (pose, q), (last_pose, last_q) = start, end
        clear = np.ones(len(q), dtype=bool)
        way = self._way(hand, start, end)
        looks = int(np.clip(np.ceil(way / _STEP), 1, _MOST_LOOKS))
        for share in [1.0, 0.0, *np.arange(1, looks) / looks]:
            rows = np.flatnonzero(clear)
            if not len(rows):
                break
            between = pose[rows].copy()
            between[:, :3] += share * (last_pose - pose)[rows, :3]
            joints = q[rows] + share * (last_q - q)[rows]
            clear[rows] = self._are_clear_at(hand, between, joints)
        return clear

    def _way(self, hand: HandModel, start: tuple, end: tuple) -> float:
        """How far any sphere of any hand moves from start to end, m."""
        first, last = (
            _spheres(hand, pose_to_matrix(link_poses(hand, q, p))) for p, q in (start, end)
        )
        return float(np.linalg.norm(last - first, axis=2).max(initial=0.0))

    def _are_clear_at(
        self, hand: HandModel, pose: NDArray[np.float64], q: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Which hands [N] are clear: spheres first, then points of those that may not be."""
        links = pose_to_matrix(link_poses(hand, q, pose))
        centers = _spheres(hand, links)
        reach = np.broadcast_to(hand.cluster_radii + _CLEARANCE, centers.shape[:2])
        touches = self._comes_near(centers.reshape(-1, 3), reach.ravel())
        row, sphere = np.nonzero(touches.reshape(reach.shape))
        sizes = np.diff(hand.cluster_points)[sphere]
        owner = np.repeat(row, sizes)
        # The points of a sphere stand one after the other.
        first = np.repeat(hand.cluster_points[sphere] - np.cumsum(sizes) + sizes, sizes)
        point = first + np.arange(len(owner))
        frames = links[owner, hand.geometry_links[point_groups(hand)[point]]]
        at = np.einsum('pij,pj->pi', frames[:, :3, :3], hand.points[point]) + frames[:, :3, 3]
        clear = np.ones(len(q), dtype=bool)
        clear[owner[self._comes_near(at, np.full(len(at), _CLEARANCE))]] = False
        return clear

    def _comes_near(
        self, places: NDArray[np.float64], reach: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Which places [M, 3] are within a reach [M] of the table or an object, m."""
        near = places[:, 2] < reach
        beside = np.full(len(places), np.inf)  # to the objects' boxes, at most
        for low, high in self._boxes:
            away = np.maximum(np.maximum(low - places, places - high), 0.0)
            beside = np.minimum(beside, np.linalg.norm(away, axis=1))
        open_ones = np.flatnonzero(~near & (beside < reach))
        if len(open_ones):
            near[open_ones] = self._distance(places[open_ones])[0] < reach[open_ones]
        return near


def _spheres(hand: HandModel, links: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centres of the spheres about the hand's points [N, C, 3], by frames [N, L, 4, 4]."""
    group = np.repeat(np.arange(len(hand.group_names)), np.diff(hand.group_clusters))
    frames = links[:, hand.geometry_links[group]]
    turned = np.einsum('ncij,cj->nci', frames[..., :3, :3], hand.cluster_centers)
    return turned + frames[..., :3, 3]
