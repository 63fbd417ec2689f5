"""What a camera sees of the hand itself stands in nobody's way."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.hand.kinematics import link_matrices

# m from the hand's surface points, which stand 5 mm apart, to what is taken for the hand: noise of
# depth, and what visual meshes have more than collision geometry.
_REACH = 0.02


def without_hand(
    points: NDArray[np.float64], hand: HandModel, pose: ArrayLike, q: ArrayLike
) -> NDArray[np.float64]:
    """Leave out the points [K, 3] m that lie on a hand at `pose` [7] with joints `q` [J]."""
    if not len(points):
        return points
    frames = link_matrices(hand, q, pose)[hand.geometry_links[point_groups(hand)]]
    surface = np.einsum('mij,mj->mi', frames[:, :3, :3], hand.points) + frames[:, :3, 3]
    gap = cKDTree(surface).query(points, distance_upper_bound=_REACH)[0]
    return points[np.isinf(gap)]
