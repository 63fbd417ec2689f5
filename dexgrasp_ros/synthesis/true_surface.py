"""An object's mesh itself, where the search sees a grid and points: how deep a hand is in it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.hand_model import GeometryType, HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import link_poses, primitive_distance
from dexgrasp_ros.object.distance import MeshDistance, sample_distance

_SAMPLES = 20_000  # 2 mm^2 each on a can of 0.04 m^2
_BLOCK = 64  # grasps at a time: a frame for each near point of each takes 0.4 MB a grasp
_GRID_ERROR = 0.001  # m, of what lies between a grid's nodes; 0.8 mm was seen


class TrueSurface:
    """Exact distance to an object's mesh, and dense samples of it.

    Parameters
    ----------
    obj
        From `load_object`.
    """

    def __init__(self, obj: ObjectModel) -> None:
        mesh = trimesh.Trimesh(obj.vertices, obj.faces, process=False)
        self.distance = MeshDistance(obj.vertices, obj.faces, closed=mesh.is_watertight)
        samples, _ = trimesh.sample.sample_surface(mesh, _SAMPLES, seed=0)
        self.samples = np.asarray(samples)  # [S, 3] m
        self._grid = obj.distance
        self.area_each = float(mesh.area) / len(self.samples)  # m^2

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.samples)

    def penetration(
        self,
        hand: HandModel,
        base_pose: NDArray[np.float64],
        q: NDArray[np.float64],
        near: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Deepest point of a hand in the object, or of the object in the hand [N], m.

        Parameters
        ----------
        hand
            The hand.
        base_pose, q
            Poses of its root link in the object's frame [N, 7], and joints [N, J].
        near
            [N, G] groups that may reach into the object; the others are not looked at.
        """
        parts = [slice(k, k + _BLOCK) for k in range(0, len(q), _BLOCK)]
        found = [self._penetration(hand, base_pose[p], q[p], near[p]) for p in parts]
        return np.concatenate([np.empty(0), *found])

    def _penetration(
        self,
        hand: HandModel,
        base_pose: NDArray[np.float64],
        q: NDArray[np.float64],
        near: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        links = pose_to_matrix(link_poses(hand, q, base_pose))
        depth = self._depth_of_points(hand, links, near)
        row, group = np.nonzero(near)
        frames = links[row, hand.geometry_links[group]]
        frames = frames @ pose_to_matrix(hand.geometry_poses)[group]
        halves = np.array([half_extents(hand, g) for g in range(len(hand.group_names))])[group]
        around = self._tree.query_ball_point(frames[:, :3, 3], np.linalg.norm(halves, axis=1))
        for n, g, frame, half, index in zip(row, group, frames, halves, around, strict=True):
            local = (self.samples[index] - frame[:3, 3]) @ frame[:3, :3]
            local = local[(np.abs(local) < half).all(axis=1)]
            if len(local):
                depth[n] = max(depth[n], -float(group_distance(hand, g, local).min()))
        return depth

    def _depth_of_points(
        self, hand: HandModel, links: NDArray[np.float64], near: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Deepest of the hand's points in the object [N]."""
        group = point_groups(hand)
        row, point = np.nonzero(near[:, group])
        frame = links[row, hand.geometry_links[group[point]]]
        at = np.einsum('pij,pj->pi', frame[:, :3, :3], hand.points[point]) + frame[:, :3, 3]
        # The grid tells of most that they are outside, in a tenth of the time.
        close = sample_distance(self._grid, at)[0] < _GRID_ERROR
        row, at, depth = row[close], at[close], np.zeros(len(near))
        if len(at):
            np.maximum.at(depth, row, -self.distance(at)[0].astype(np.float64))
        return depth


def point_groups(hand: HandModel) -> NDArray[np.int64]:
    """Group of each of the hand's points [P]."""
    cluster = np.repeat(np.arange(len(hand.cluster_radii)), np.diff(hand.cluster_points))
    return np.repeat(np.arange(len(hand.group_names)), np.diff(hand.group_clusters))[cluster]


def group_distance(
    hand: HandModel, group: int, points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Signed distance [M] of points in a geometry's frame [M, 3] to it."""
    kind, size = hand.geometry_types[group], hand.geometry_sizes[group]
    if kind != GeometryType.CONVEX:
        return primitive_distance(kind, size, points)
    planes = hand.planes[hand.geometry_planes[group] : hand.geometry_planes[group + 1]]
    return primitive_distance(kind, size, points, planes)


def half_extents(hand: HandModel, group: int) -> NDArray[np.float64]:
    """Half of a geometry's bounding box about its origin [3], m."""
    a, b, c = hand.geometry_sizes[group]
    match GeometryType(hand.geometry_types[group]):
        case GeometryType.SPHERE:
            return np.array([a, a, a])
        case GeometryType.CYLINDER:
            return np.array([a, a, b])
        case GeometryType.CAPSULE:
            return np.array([a, a, a + b])
        case _:
            return np.array([a, b, c])
