"""Groups of a `HandModel`: whose points are whose, and the shape of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import GeometryType, HandModel
from dexgrasp_ros.hand.geometry import primitive_distance


def point_groups(hand: HandModel) -> NDArray[np.int64]:
    """Group of each of the hand's points [P]."""
    counts = np.diff(hand.cluster_points[hand.group_clusters])
    return np.repeat(np.arange(len(hand.group_names)), counts)


def group_distance(
    hand: HandModel, group: int, points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`primitive_distance` [M] of points [M, 3] to a geometry, in its frame."""
    planes = hand.planes[slice(*hand.geometry_planes[group : group + 2])]
    return primitive_distance(
        hand.geometry_types[group], hand.geometry_sizes[group], points, planes
    )


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
