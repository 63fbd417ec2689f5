"""The wrist's way to a grasp that does not sweep through the object."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.motion import retreat_directions


def approach_poses(
    start: NDArray[np.float64],
    pregrasp: NDArray[np.float64],
    grasp: NDArray[np.float64],
    *,
    center: NDArray[np.float64],
    lift: NDArray[np.float64],
    palm_axis: NDArray[np.float64],
    distance: float,
) -> NDArray[np.float64]:
    """Poses [K, 7] of the wrist on its way from `start` to `pregrasp`, which is the last.

    The last stretch, of length `distance`, runs straight towards the object, along the first of
    `dexgrasp_ros.motion.retreat_directions`. The way to its beginning is straight
    where it stays as far from the object as the pre-grasp is, since there the open hand is known
    to be clear; else it goes up, over and down, up being the way of the lift.

    Parameters
    ----------
    start, pregrasp, grasp
        Poses [7] of the hand's root link.
    center
        Middle of the contacts [3] m, for where the object is.
    lift
        Way [3] m of the lift; zero where there is none.
    palm_axis
        The palm's approach axis [3] in the frame of the root link, unit length.
    distance
        Length of the last stretch [m].
    """
    up = lift / np.linalg.norm(lift) if lift.any() else np.zeros(3)
    back = retreat_directions(pregrasp, grasp, up=up, palm_axis=palm_axis)[0]
    retreat = _moved(pregrasp, pregrasp[:3] + distance * back)
    clear = float(np.linalg.norm(pregrasp[:3] - center))
    if _distance(start[:3], retreat[:3], center) >= min(
        clear, float(np.linalg.norm(start[:3] - center))
    ):
        return np.stack([retreat, pregrasp])
    up = up if lift.any() else back
    height = max(up @ start[:3], up @ retreat[:3], up @ center + clear + distance)
    above_start, above_retreat = (p[:3] + (height - up @ p[:3]) * up for p in (start, retreat))
    return np.stack(
        [_moved(start, above_start), _moved(retreat, above_retreat), retreat, pregrasp]
    )


def _moved(pose: NDArray, position: NDArray) -> NDArray:
    return np.append(position, pose[3:])


def _distance(a: NDArray, b: NDArray, point: NDArray) -> float:
    """Distance of `point` to the segment from a to b."""
    way = b - a
    length = way @ way
    share = np.clip((point - a) @ way / length, 0, 1) if length > 0 else 0.0
    return float(np.linalg.norm(a + share * way - point))
