"""Whether an object was lifted, from the poses it went through, and where it was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.poses import pose_to_matrix

HEIGHT, DURATION = 0.08, 3.0  # m above the table, s
# An object that was touched by accident is one that moved or turned so far; before a hand closes
# nothing touches what is well planned.
_SWEPT_DISTANCE, _SWEPT_ANGLE = 0.01, np.radians(10.0)  # m, rad
# Closing fingers centre an object in the hand, up to the limits of the shake test.
_CLOSING_DISTANCE, _CLOSING_ANGLE = 0.05, np.radians(30.0)


class LiftCause(StrEnum):
    """How an attempt ended."""

    LIFTED = 'lifted'
    SWEPT = 'swept while approaching'
    CLOSING = 'slipped in closing'
    LIFTING = 'lost in lift'
    HOLDING = 'lost in hold'


@dataclass(frozen=True, kw_only=True)
class Course:
    """Poses of one object over time."""

    times: NDArray[np.float64]  # [T] s
    poses: NDArray[np.float64]  # [T, 7] of its mesh's frame in the world
    vertices: NDArray[np.float64]  # [V, 3] m of the mesh

    def heights(self) -> NDArray[np.float64]:
        """Height of the lowest point above the table z = 0, [T] m."""
        upward = pose_to_matrix(self.poses)[:, 2, :3]
        return (upward @ self.vertices.T).min(axis=1) + self.poses[:, 2]


def is_lifted(
    times: NDArray[np.float64],
    heights: NDArray[np.float64],
    *,
    height: float = HEIGHT,
    duration: float = DURATION,
) -> bool:
    """Whether all of `heights` [T] were at least `height` for `duration` s on end."""
    since = None
    for time, now in zip(times, heights, strict=True):
        since = None if not now >= height else time if since is None else since
        if since is not None and time - since >= duration:
            return True
    return False


def judge_lift(course: Course, phases: Mapping[str, float]) -> LiftCause:
    """Say how an attempt ended.

    Parameters
    ----------
    course
        What the object did.
    phases
        When the phases ``grasp`` and ``lift`` began [s], those that did.
    """
    heights = course.heights()
    if is_lifted(course.times, heights):
        return LiftCause.LIFTED
    if _has_moved(course, phases.get('grasp'), _SWEPT_DISTANCE, _SWEPT_ANGLE):
        return LiftCause.SWEPT
    if 'lift' not in phases or _has_moved(
        course, phases['lift'], _CLOSING_DISTANCE, _CLOSING_ANGLE
    ):
        return LiftCause.CLOSING
    return LiftCause.HOLDING if heights.max() >= HEIGHT else LiftCause.LIFTING


def moved_by(course: Course, time: float) -> tuple[float, float]:
    """Distance [m] of the middle of the mesh, and angle [rad], from the start until `time` [s]."""
    index = min(int(np.searchsorted(course.times, time)), len(course.times) - 1)
    start, now = pose_to_matrix(course.poses[[0, index]])
    middle = 0.5 * (course.vertices.min(axis=0) + course.vertices.max(axis=0))
    way = (now[:3, :3] - start[:3, :3]) @ middle + now[:3, 3] - start[:3, 3]
    turn = Rotation.from_matrix(start[:3, :3].T @ now[:3, :3]).magnitude()
    return float(np.linalg.norm(way)), float(turn)


def _has_moved(course: Course, time: float | None, distance: float, angle: float) -> bool:
    """Whether it moved or turned farther until `time`; until the end where that never came."""
    way, turn = moved_by(course, course.times[-1] if time is None else time)
    return way > distance or turn > angle
