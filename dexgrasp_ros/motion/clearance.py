"""How far a hand is from all around it, at many places at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.hand.kinematics import link_matrices

# Distance [M] m of points [M, 3] to something, negative inside.
Field = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_AT_ONCE = 100_000  # points of which distances are asked at once


class HandCloud:
    """Surface points of a hand in one posture, in clusters, with what else it carries.

    A cluster whose bounding sphere is far enough away is not looked at point by point, so that
    most places cost one look for each of some hundred spheres.

    Parameters
    ----------
    hand
        The hand.
    q
        [J] joint positions, rad or m.
    carried
        [K, 3] m, further points in the frame of the root link; each counts as its own cluster.
    """

    def __init__(self, hand: HandModel, q: ArrayLike, carried: ArrayLike | None = None) -> None:
        links = link_matrices(hand, np.asarray(q, dtype=np.float64))
        groups = np.repeat(np.arange(len(hand.group_names)), np.diff(hand.group_clusters))
        self._centers = _placed(links[hand.geometry_links[groups]], hand.cluster_centers)
        self._points = _placed(links[hand.geometry_links[point_groups(hand)]], hand.points)
        self._radii = hand.cluster_radii.astype(np.float64)
        self._first, self._count = hand.cluster_points[:-1], np.diff(hand.cluster_points)
        if carried is not None and len(carried):
            carried = np.asarray(carried, dtype=np.float64)
            self._first = np.append(self._first, len(self._points) + np.arange(len(carried)))
            self._count = np.append(self._count, np.ones(len(carried), dtype=int))
            self._centers = np.concatenate([self._centers, carried])
            self._points = np.concatenate([self._points, carried])
            self._radii = np.append(self._radii, np.zeros(len(carried)))

    def clearance(
        self, frames: NDArray[np.float64], fields: Sequence[Field], enough: float
    ) -> NDArray[np.float64]:
        """Least distance [N] m of any point at frames [N, 4, 4] of the root link.

        What is at least `enough` may be told as any number from there on.
        """
        spheres = _moved(frames, self._centers)
        shape = spheres.shape[:2]
        gap = _least(fields, spheres.reshape(-1, 3)).reshape(shape) - self._radii
        result = np.full(len(frames), np.inf)
        row, cluster = np.nonzero(gap < enough)
        if not len(row):
            return np.maximum(gap.min(axis=1, initial=np.inf), enough)
        count = self._count[cluster]
        rows = np.repeat(row, count)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        points = self._points[np.repeat(self._first[cluster], count) + within]
        frame = frames[rows]
        placed = np.einsum('mij,mj->mi', frame[:, :3, :3], points) + frame[:, :3, 3]
        np.minimum.at(result, rows, _least(fields, placed))
        return np.minimum(result, np.where(gap < enough, np.inf, gap).min(axis=1))


def point_cloud_field(points: ArrayLike, plane: ArrayLike | None, reach: float) -> Field:
    """Distance to points [K, 3] m and to a plane n, d [4]; beyond `reach` any number from there.

    For what is seen as a surface only; nothing tells its inside.
    """
    tree = cKDTree(np.asarray(points, dtype=np.float64).reshape(-1, 3))

    def distance(where: NDArray[np.float64]) -> NDArray[np.float64]:
        gap = np.full(len(where), reach)
        if tree.n:
            gap = np.minimum(tree.query(where, distance_upper_bound=reach)[0], reach)
        if plane is not None:
            gap = np.minimum(gap, where @ np.asarray(plane)[:3] + plane[3])
        return gap

    return distance


def _least(fields: Sequence[Field], points: NDArray[np.float64]) -> NDArray[np.float64]:
    gap = np.full(len(points), np.inf)
    for begin in range(0, len(points), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        for field in fields:
            gap[part] = np.minimum(gap[part], field(points[part]))
    return gap


def _placed(frames: NDArray[np.float64], points: NDArray) -> NDArray[np.float64]:
    return np.einsum('mij,mj->mi', frames[:, :3, :3], points) + frames[:, :3, 3]


def _moved(frames: NDArray[np.float64], points: NDArray) -> NDArray[np.float64]:
    return points @ frames[:, :3, :3].transpose(0, 2, 1) + frames[:, None, :3, 3]
