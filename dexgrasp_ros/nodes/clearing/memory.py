"""What was tried and failed: how often for each object, and with which grasps."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.msg import Grasp, Object
from dexgrasp_ros.bridge.geometry import pose_array
from dexgrasp_ros.bridge.objects import observed_object
from dexgrasp_ros.bridge.trajectories import turn_angle
from dexgrasp_ros.core.poses import transform_points


class AttemptMemory:
    """Objects are known again by their id; grasps by where the hand is from the object's middle.

    Parameters
    ----------
    same_place, same_turn
        How far off [m] and how much turned [rad] a hand may be and still try the same grasp.
    """

    def __init__(self, same_place: float, same_turn: float) -> None:
        self._same_place, self._same_turn = same_place, same_turn
        self._failures: Counter[str] = Counter()
        self._tried: dict[str, list[NDArray[np.float64]]] = {}  # [7] from the object's middle

    def failures(self, object_id: str) -> int:
        """How many attempts on an object have failed."""
        return self._failures[object_id]

    def note(self, thing: Object, grasp: Grasp | None) -> None:
        """Remember a failed attempt; without a grasp, that there was none."""
        self._failures[thing.id] += 1
        if grasp is not None:
            self._tried.setdefault(thing.id, []).append(_place(thing, grasp))

    def is_tried(self, thing: Object, grasp: Grasp) -> bool:
        """Whether a grasp that has failed is as good as this one."""
        place = _place(thing, grasp)
        return any(
            np.linalg.norm(place[:3] - other[:3]) < self._same_place
            and turn_angle(place, other) < self._same_turn
            for other in self._tried.get(thing.id, ())
        )


def middle(thing: Object) -> NDArray[np.float64]:
    """Middle [3] m of an object's bounding box, in the frame of its header."""
    observed, pose = observed_object(thing)
    placed = transform_points(pose, observed.vertices)
    return 0.5 * (placed.min(axis=0) + placed.max(axis=0))


def _place(thing: Object, grasp: Grasp) -> NDArray[np.float64]:
    # Object and grasp may be in two frames: what that adds is the same while the camera and the
    # object stand still, and an object that was moved may be tried as before.
    place = pose_array(grasp.pose)
    place[:3] -= middle(thing)
    return place
