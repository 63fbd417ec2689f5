"""How a hand lies on an object, measured on the true mesh from both sides.

Hand points in the object's exact distance miss walls thinner than their spacing, object points
in the hand's exact primitives miss edges of the hand; together they miss little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.hand.groups import group_distance, half_extents, point_groups
from dexgrasp_ros.object.distance import grid_distance
from dexgrasp_ros.object.true_surface import TrueSurface

THRESHOLDS = (0.001, 0.002, 0.005)  # m, at which contacts and their area are counted
CONTACT_DISTANCE = 0.002  # m, at which a group is a contact of the wrench metrics
TIP_CAP = 0.01  # m, farther fingertips count as this


@dataclass(frozen=True, kw_only=True)
class Lie:
    """One posture of a hand on an object."""

    penetration: float  # m, of either in the other
    contact_count: NDArray[np.int64]  # [3] links within each of `THRESHOLDS`
    contact_area: NDArray[np.float64]  # [3] m^2 of the object within them of the hand
    tip_distance: float  # m, mean over fingertips, each at most `TIP_CAP`
    points: NDArray[np.float64]  # [C, 3] m, on the object, of groups within `CONTACT_DISTANCE`
    normals: NDArray[np.float64]  # [C, 3] unit, into the object
    groups: NDArray[np.int64]  # [C]


class GraspGeometry:
    """Measures postures of one hand on one object.

    Parameters
    ----------
    hand, obj
        From `load_hand` and `load_object`.
    """

    def __init__(self, hand: HandModel, obj: ObjectModel) -> None:
        self._hand = hand
        self._grid = obj.distance
        self._surface = TrueSurface(obj)
        self._groups = point_groups(hand)
        self._frames = pose_to_matrix(hand.geometry_poses)
        self._tips = fingertip_links(hand)
        self._halves = np.array([half_extents(hand, g) for g in range(len(hand.group_names))])
        self._reaches = self._reaches_of_groups()

    def measure(self, base_pose: NDArray[np.float64], q: NDArray[np.float64]) -> Lie:
        """Measure a posture: pose of the root [7] in the object's frame, joints [J]."""
        hand = self._hand
        links = pose_to_matrix(link_poses(hand, q, base_pose))
        frames = links[hand.geometry_links] @ self._frames
        near = self._least_distance(frames[:, :3, 3]) <= self._reaches
        from_hand, points, normals = self._hand_side(links, near)
        from_object, within = self._object_side(frames, near)
        gap = np.minimum(from_hand, from_object)
        by_link = np.full(len(hand.link_names), np.inf)
        np.minimum.at(by_link, hand.geometry_links, gap)
        touching = np.flatnonzero(from_hand < CONTACT_DISTANCE)
        return Lie(
            penetration=max(0.0, -float(gap.min())),
            contact_count=np.array([(by_link <= t).sum() for t in THRESHOLDS]),
            contact_area=self._surface.area_each * within,
            tip_distance=float(np.clip(by_link[self._tips], 0.0, TIP_CAP).mean()),
            points=points[touching],
            normals=normals[touching],
            groups=touching,
        )

    def _reaches_of_groups(self) -> NDArray[np.float64]:
        """Radius about each group's origin in which all is that it may measure [G], m."""
        hand = self._hand
        frames = self._frames[self._groups]
        away = np.linalg.norm(hand.points - frames[:, :3, 3], axis=1)
        reach = np.linalg.norm(self._halves + TIP_CAP, axis=1)
        np.maximum.at(reach, self._groups, away + TIP_CAP)
        return reach

    def _least_distance(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance to the mesh [M] that points [M, 3] have at least, by the grid, m.

        A node is at most one spacing wrong. Beyond the grid's box, which the mesh is inside of,
        the squares of the way to the box and of the distance there are what counts, and the
        grid's sum of both is at most √2 times that.
        """
        grid = self._grid
        top = grid.origin + grid.spacing * (np.array(grid.values.shape[:3]) - 1)
        outside = ((points < grid.origin) | (points > top)).any(axis=1)
        distance = np.abs(grid_distance(grid, points))
        return np.where(outside, distance / np.sqrt(2.0), distance) - grid.spacing

    def _hand_side(
        self, links: NDArray[np.float64], near: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Each group's closest point: distance [G], place on the object, normal into it.

        Groups that are not `near` [G] are infinitely far.
        """
        hand = self._hand
        group, points = self._candidates(links, near)
        phi, closest, outward = self._surface.distance(points)
        # Sorted by group, then by distance: the first of each group is its closest.
        order = np.lexsort((phi, group))
        present, start = np.unique(group[order], return_index=True)
        first = order[start]
        # The way to the closest point is the normal, but for points that lie on the surface.
        way = (closest[first] - points[first]) * np.sign(phi[first])[:, None]
        length = np.linalg.norm(way, axis=1, keepdims=True)
        normal = np.where(length > 1e-5, way / np.maximum(length, 1e-12), -outward[first])
        distance = np.full(len(hand.group_names), np.inf)
        places, normals = (np.full((len(distance), 3), np.nan) for _ in range(2))
        distance[present], places[present], normals[present] = phi[first], closest[first], normal
        return distance, places, normals

    def _candidates(
        self, links: NDArray[np.float64], near: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Points [M, 3] of near groups that may be their group's closest, and the groups [M]."""
        hand = self._hand
        own = np.flatnonzero(near[self._groups])
        group = self._groups[own]
        matrices = links[hand.geometry_links[group]]
        points = np.einsum('pij,pj->pi', matrices[:, :3, :3], hand.points[own])
        points += matrices[:, :3, 3]
        about = grid_distance(self._grid, points)
        least = np.full(len(near), np.inf)
        np.minimum.at(least, group, about)
        # The grid may be a spacing wrong, of the closest one and of this one.
        keep = about <= least[group] + 2.0 * self._grid.spacing
        return group[keep], points[keep]

    def _object_side(
        self, frames: NDArray[np.float64], near: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Distance of each group's exact shape to the samples [G]; samples within `THRESHOLDS`.

        Groups that are not `near` [G] are infinitely far.
        """
        hand, samples, reach = self._hand, self._surface.samples, THRESHOLDS[-1]
        least = np.full(len(hand.group_names), np.inf)
        nearest = np.full(len(samples), np.inf)
        groups = np.flatnonzero(near)
        radii = np.linalg.norm(self._halves[groups] + reach, axis=1)
        around = self._surface.tree.query_ball_point(frames[groups, :3, 3], radii)
        for g, found in zip(groups, around, strict=True):
            index = np.array(found, dtype=np.int64)
            local = (samples[index] - frames[g, :3, 3]) @ frames[g, :3, :3]
            close = (np.abs(local) < self._halves[g] + reach).all(axis=1)
            if not close.any():
                continue
            distance = group_distance(hand, g, local[close])
            least[g] = distance.min()
            index = index[close]
            nearest[index] = np.minimum(nearest[index], distance)
        return least, np.array([(nearest <= t).sum() for t in THRESHOLDS])


def fingertip_links(hand: HandModel) -> NDArray[np.int64]:
    """Last link of each finger that has geometry."""
    depth = np.zeros(len(hand.link_names), dtype=np.int64)
    for link, parent in enumerate(hand.link_parents):
        if parent >= 0:
            depth[link] = depth[parent] + 1
    tips = []
    for finger in range(int(hand.group_fingers.max(initial=-1)) + 1):
        own = hand.geometry_links[hand.group_fingers == finger]
        tips.append(own[depth[own].argmax()])
    return np.array(tips, dtype=np.int64)
