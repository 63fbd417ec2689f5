"""Where fingers and wrist should be while they move, and how far off they are."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from dexgrasp_ros.bridge.trajectories import turn_angle

_WINDOW_SAMPLES = 5


@dataclass(frozen=True, kw_only=True)
class FingerMotion:
    """Straight lines in joint space from each place where a controller may start to a target.

    A controller takes either the measured positions or those it was last told for the start; of
    joints that pressed on something the two differ.
    """

    starts: NDArray[np.float64]  # [S, J] rad or m
    target: NDArray[np.float64]  # [J]
    begin: float  # s
    length: float  # s
    keeps_time: bool = True  # else the controller moves at a speed of its own

    def errors(self, q: NDArray[np.float64], now: float, delay: float) -> NDArray[np.float64]:
        """Distance [J] of `q` from where the joints should be between `delay` s ago and `now`."""
        if not self.keeps_time:
            return self.strays(q)
        places = []
        for moment in (now - delay, now):
            share = 1.0 if self.length <= 0 else (moment - self.begin) / self.length
            places.append(self.starts + np.clip(share, 0, 1) * (self.target - self.starts))
        return _outside(q, np.concatenate(places))

    def strays(self, q: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance [J] of `q` from the way between the starts and the target, at any time."""
        return _outside(q, np.concatenate([self.starts, self.target[None]]))


@dataclass(frozen=True, kw_only=True)
class WristMotion:
    """Straight lines from each of `starts` through `poses`."""

    starts: NDArray[np.float64]  # [S, 7]
    poses: NDArray[np.float64]  # [K, 7]
    times: NDArray[np.float64]  # [K] s after the begin
    begin: float  # s

    def errors(self, pose: NDArray[np.float64], now: float, delay: float) -> NDArray[np.float64]:
        """Distance [m] and turn [rad] from where it should be, at moments of the last `delay` s.

        Shape [moments · S, 2].
        """
        moments = np.linspace(now - delay, now, _WINDOW_SAMPLES) - self.begin
        places = np.concatenate([self._at(start, moments) for start in self.starts])
        return np.stack(
            [np.linalg.norm(places[:, :3] - pose[:3], axis=1), turn_angle(places, pose)], axis=1
        )

    def _at(self, start: NDArray, moments: NDArray) -> NDArray:
        # Knots at rising times, which Slerp asks for; a stretch of no length takes no time.
        times, poses = [0.0], [start]
        for time, pose in zip(self.times, self.poses, strict=True):
            times.append(max(float(time), times[-1] + 1e-6))
            poses.append(pose)
        knots, moments = np.array(poses), np.clip(moments, 0, times[-1])
        places = np.stack([np.interp(moments, times, knots[:, i]) for i in range(3)], axis=1)
        turns = Slerp(times, Rotation.from_quat(knots[:, 3:]))(moments).as_quat()
        return np.concatenate([places, turns], axis=1)


def in_time(
    fingers: FingerMotion, wrist: WristMotion, *, together: bool
) -> tuple[FingerMotion, WristMotion]:
    """Slow one of the two down so that they end together, or the wrist waits for the fingers.

    Before a grasp the fingers must have opened when the last stretch towards the object begins.
    """
    times = wrist.times
    if together:
        length = max(fingers.length, float(times[-1]))
        if times[-1] > 0:
            times = times * (length / times[-1])
        else:
            times = np.full_like(times, length)
        fingers = dataclasses.replace(fingers, length=length)
    elif len(times) > 1:
        times = times.copy()
        times[-2:] += max(0.0, fingers.length - times[-2])
    return fingers, dataclasses.replace(wrist, times=times)


def _outside(q: NDArray, places: NDArray) -> NDArray[np.float64]:
    """Distance [J] of `q` [J] from the range that `places` [P, J] span, joint by joint."""
    return np.maximum(0.0, np.maximum(places.min(axis=0) - q, q - places.max(axis=0)))
