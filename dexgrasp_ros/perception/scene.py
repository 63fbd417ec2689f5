"""What stands around an object: points that a hand must not touch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.view import DepthWindow


def find_obstacles(
    frame: DepthWindow,
    label: int,
    points: NDArray[np.float64],
    plane: NDArray[np.float64] | None,
    config: ReconstructionConfig,
) -> NDArray[np.float64]:
    """Points [K, 3] of the scene near an object that are neither it nor its support plane.

    What lies on or under the plane is left out: the plane itself stands for it. The points are
    thinned to one for each cell of `obstacle_spacing`.
    """
    others = frame.back_project(np.isfinite(frame.depth) & (frame.labels != label))
    center = points.mean(axis=0)
    radius = np.linalg.norm(points - center, axis=1).max()
    others = others[np.linalg.norm(others - center, axis=1) < radius + config.obstacle_range]
    if plane is not None:
        others = others[others @ plane[:3] + plane[3] > 1.5 * config.plane_distance]
    others = thin(others, config.obstacle_spacing)
    if not len(others):
        return others
    distance, _ = cKDTree(thin(points, 2.0 * config.obstacle_spacing)).query(
        others, distance_upper_bound=config.obstacle_range
    )
    return others[np.isfinite(distance)]


def thin(points: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """One of the points [M, 3] for each cubic cell of edge `spacing`, in stable order."""
    if not len(points):
        return points
    cells = np.floor((points - points.min(axis=0)) / spacing).astype(np.int64)
    size = cells.max(axis=0) + 1
    _, first = np.unique(
        (cells[:, 0] * size[1] + cells[:, 1]) * size[2] + cells[:, 2], return_index=True
    )
    return points[np.sort(first)]
