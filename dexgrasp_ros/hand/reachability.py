"""Whether an arm takes its hand to a pre-grasp and straight on to the grasp, and how."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation, Slerp

from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.core.progress import StopCallback, check_stop
from dexgrasp_ros.hand.inverse_kinematics import InverseKinematics

_TURN_STEP = 0.1  # rad between two looks on the way, where it turns more than it moves

Postures = tuple[NDArray[np.float64], NDArray[np.float64]]


class Reachability:
    """Arm postures for grasps of one object; what was found is remembered.

    Parameters
    ----------
    solver
        Of the arm.
    object_pose
        [7] pose of the frame that grasps are given in, in the arm's base frame.
    present
        [J] where the arm is now; None where that is not known.
    should_stop
        Asked before each grasp.
    """

    def __init__(
        self,
        solver: InverseKinematics,
        object_pose: ArrayLike,
        *,
        present: ArrayLike | None = None,
        should_stop: StopCallback | None = None,
    ) -> None:
        self._solver, self._object_pose = solver, np.asarray(object_pose, dtype=np.float64)
        self._starts = solver.starts(present)
        self._should_stop = should_stop
        self._found: dict[bytes, Postures | None] = {}

    def __call__(
        self, base_poses: NDArray[np.float64], pregrasp_base_poses: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Which grasps [N] can be reached; poses [N, 7] are those of the hand's root link."""
        return np.array([p is not None for p in self.postures(base_poses, pregrasp_base_poses)])

    def postures(
        self, base_poses: NDArray[np.float64], pregrasp_base_poses: NDArray[np.float64]
    ) -> list[Postures | None]:
        """Joint positions [J] at pre-grasp and grasp of each, or None where there are none.

        Raises
        ------
        SynthesisError
            CANCELLED.
        """
        result = []
        for grasp, pregrasp in zip(base_poses, pregrasp_base_poses, strict=True):
            check_stop(self._should_stop)
            key = grasp.tobytes() + pregrasp.tobytes()
            if key not in self._found:
                self._found[key] = self._reach(pregrasp, grasp)
            result.append(self._found[key])
        return result

    def _reach(self, pregrasp: NDArray[np.float64], grasp: NDArray[np.float64]) -> Postures | None:
        """From the first start that leads to the pre-grasp and straight on to the grasp."""
        hand = compose(self._object_pose, np.stack([pregrasp, grasp]))
        way = straight_way(
            *self._solver.arm.flange_poses(hand), step=self._solver.config.path_step
        )
        for start in self._starts:
            first = self._solver.solve(way[0], start)
            if first is None:
                continue
            last = self._follow(first, way[1:])
            if last is not None:
                return first, last
        return None

    def _follow(
        self, q: NDArray[np.float64], way: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """Joint positions at the end of a way, each place reached from the one before."""
        for place in way:
            there = self._solver.solve(place, q)
            if (
                there is None
                or np.abs(there - q).max(initial=0.0) > self._solver.config.joint_jump
            ):
                return None
            q = there
        return q


def straight_way(
    start: NDArray[np.float64], end: NDArray[np.float64], *, step: float
) -> NDArray[np.float64]:
    """Matrices [K, 4, 4] on the straight line between two poses [7], both among them.

    They are no more than `step` [m] and 0.1 rad apart.
    """
    ends = Rotation.from_quat([start[3:], end[3:]])
    angle = float((ends[0].inv() * ends[1]).magnitude())
    distance = float(np.linalg.norm(end[:3] - start[:3]))
    count = max(1, math.ceil(distance / step), math.ceil(angle / _TURN_STEP))
    share = np.linspace(0.0, 1.0, count + 1)
    way = pose_to_matrix(np.tile(start, (count + 1, 1)))
    way[:, :3, :3] = Slerp([0.0, 1.0], ends)(share).as_matrix()
    way[:, :3, 3] = start[:3] + share[:, None] * (end[:3] - start[:3])
    return way
