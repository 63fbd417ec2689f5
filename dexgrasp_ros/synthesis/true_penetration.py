"""How deep hands are in an object's mesh itself, and it in them, as an evaluation measures it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.hand.groups import group_distance, half_extents, point_groups
from dexgrasp_ros.object.distance import grid_distance
from dexgrasp_ros.object.true_surface import TrueSurface

_BLOCK = 64  # grasps at a time: a frame for each near point of each takes 0.4 MB a grasp
_GRID_ERROR = 0.001  # m, of what lies between a grid's nodes; 0.8 mm was seen


class SurfaceDepth:
    """Measures how deep hands are in the mesh of one object.

    Parameters
    ----------
    obj
        From `load_object`.
    """

    def __init__(self, obj: ObjectModel) -> None:
        self._obj = obj

    @cached_property
    def _surface(self) -> TrueSurface:
        return TrueSurface(self._obj)

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
        found = []
        for part in (slice(k, k + _BLOCK) for k in range(0, len(q), _BLOCK)):
            links = pose_to_matrix(link_poses(hand, q[part], base_pose[part]))
            sides = (
                self._of_points(hand, links, near[part]),
                self._of_samples(hand, links, near[part]),
            )
            found.append(np.maximum(*sides))
        return np.concatenate([np.empty(0), *found])

    def _of_points(
        self, hand: HandModel, links: NDArray[np.float64], near: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Deepest of the hand's points in the object [N]."""
        group = point_groups(hand)
        row, point = np.nonzero(near[:, group])
        frame = links[row, hand.geometry_links[group[point]]]
        at = np.einsum('pij,pj->pi', frame[:, :3, :3], hand.points[point]) + frame[:, :3, 3]
        # The grid tells of most that they are outside, in a tenth of the time.
        close = grid_distance(self._obj.distance, at) < _GRID_ERROR
        row, at, depth = row[close], at[close], np.zeros(len(near))
        if len(at):
            np.maximum.at(depth, row, -self._surface.distance(at)[0].astype(np.float64))
        return depth

    def _of_samples(
        self, hand: HandModel, links: NDArray[np.float64], near: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Deepest of the surface's samples in the hand's geometries [N]."""
        samples, depth = self._surface.samples, np.zeros(len(near))
        row, group = np.nonzero(near)
        frames = links[row, hand.geometry_links[group]]
        frames = frames @ pose_to_matrix(hand.geometry_poses)[group]
        halves = np.array([half_extents(hand, g) for g in range(len(hand.group_names))])[group]
        reach = np.linalg.norm(halves, axis=1)
        around = self._surface.tree.query_ball_point(frames[:, :3, 3], reach)
        for n, g, frame, half, index in zip(row, group, frames, halves, around, strict=True):
            local = (samples[index] - frame[:3, 3]) @ frame[:3, :3]
            local = local[(np.abs(local) < half).all(axis=1)]
            if len(local):
                depth[n] = max(depth[n], -float(group_distance(hand, g, local).min()))
        return depth
