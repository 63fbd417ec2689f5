"""Trajectories of fingers and of a wrist ↔ arrays, and the times that their ways take.

A controller starts a trajectory whose stamp is 0 at once, in place of the one before; one without
points tells it to stop and hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from numpy.typing import ArrayLike, NDArray
from std_msgs.msg import Header
from trajectory_msgs.msg import (
    JointTrajectory,
    JointTrajectoryPoint,
    MultiDOFJointTrajectory,
    MultiDOFJointTrajectoryPoint,
)

from dexgrasp_ros.bridge.geometry import pose_array, transform_message
from dexgrasp_ros.bridge.grasps import duration
from dexgrasp_ros.core.errors import CommandError


def finger_trajectory(
    names: Sequence[str], points: ArrayLike = (), times: ArrayLike = ()
) -> JointTrajectory:
    """Trajectory of joints `names` through positions [K, J], `times` [K] s after its start."""
    return JointTrajectory(
        joint_names=list(names),
        points=[
            JointTrajectoryPoint(
                positions=np.asarray(q, float).tolist(), time_from_start=duration(float(t))
            )
            for q, t in zip(points, times, strict=True)
        ],
    )


def pose_trajectory(
    frame_id: str, hand_frame: str, poses: ArrayLike = (), times: ArrayLike = ()
) -> MultiDOFJointTrajectory:
    """Trajectory of `hand_frame` through poses [K, 7] in `frame_id`, `times` [K] s after start."""
    return MultiDOFJointTrajectory(
        header=Header(frame_id=frame_id),
        joint_names=[hand_frame],
        points=[
            MultiDOFJointTrajectoryPoint(
                transforms=[transform_message(pose)], time_from_start=duration(float(t))
            )
            for pose, t in zip(poses, times, strict=True)
        ],
    )


def finger_points(
    trajectory: JointTrajectory,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Positions [K, J] and times [K] s of a trajectory.

    Raises
    ------
    CommandError
        INVALID_COMMAND where a point has another length than the names.
    """
    count = len(trajectory.joint_names)
    for p in trajectory.points:
        if len(p.positions) != count:
            raise CommandError(
                f'A point of the trajectory has {len(p.positions)} positions; expected {count},'
                ' one for each joint.'
            )
    points = np.array([p.positions for p in trajectory.points], dtype=np.float64)
    return points.reshape(-1, count), _times(trajectory.points)


def pose_points(
    trajectory: MultiDOFJointTrajectory,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Poses [K, 7] and times [K] s of a trajectory of one frame.

    Raises
    ------
    InputError
        OUT_OF_RANGE where a pose is none.
    CommandError
        INVALID_COMMAND where a point has not one pose.
    """
    for p in trajectory.points:
        if len(p.transforms) != 1:
            raise CommandError(
                f'A point of the wrist has {len(p.transforms)} transforms; expected one.'
            )
    poses = np.array([pose_array(p.transforms[0]) for p in trajectory.points]).reshape(-1, 7)
    return poses, _times(trajectory.points)


def finger_time(starts: NDArray, target: NDArray, speeds: NDArray) -> float:
    """Seconds after which every joint is at `target` [J], from each of `starts` [S, J]."""
    return float(np.max(np.abs(target - starts) / speeds, initial=0.0))


def travel_time(starts: NDArray, target: NDArray, linear: float, angular: float) -> float:
    """Seconds from each pose of `starts` [S, 7] to `target` [7] at `linear` m/s, `angular` rad/s.

    The way is a straight line, with one turn along it.
    """
    distance = np.linalg.norm(target[:3] - starts[:, :3], axis=1)
    return float(np.max([distance / linear, turn_angle(starts, target) / angular], initial=0.0))


def turn_angle(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """Angle [rad] between the orientations of poses [..., 7] that broadcast."""
    # 2 atan2 keeps small angles, for which the cosine has no digits left.
    c = np.abs(np.sum(a[..., 3:] * b[..., 3:], axis=-1))
    sign = np.where(np.sum(a[..., 3:] * b[..., 3:], axis=-1, keepdims=True) < 0, -1.0, 1.0)
    s = np.linalg.norm(sign * b[..., 3:] - c[..., None] * a[..., 3:], axis=-1)
    return 2 * np.arctan2(s, c)


def _times(points: Sequence[JointTrajectoryPoint | MultiDOFJointTrajectoryPoint]) -> NDArray:
    return np.array([_seconds(p.time_from_start) for p in points], dtype=np.float64)


def _seconds(message: Duration) -> float:
    return message.sec + message.nanosec / 1e9
