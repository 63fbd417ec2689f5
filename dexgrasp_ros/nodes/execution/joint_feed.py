"""What `joint_states` last said of the joints of one hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import JointState

from dexgrasp_ros.bridge.geometry import age_text, stamp_to_nanoseconds
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, choices


@dataclass(frozen=True, kw_only=True)
class JointReading:
    """Positions and efforts of all joints of a hand."""

    positions: NDArray[np.float64]  # [J] rad or m
    efforts: NDArray[np.float64]  # [J] N m or N; NaN where nobody reports them


class JointFeed:
    """Puts together messages that may each have some of the joints, and others besides.

    Parameters
    ----------
    names
        Joints of the hand, in the order of the readings.
    why_silent
        Says why nothing may come, for the error about joints that nobody has spoken of.
    """

    def __init__(self, names: tuple[str, ...], why_silent: Callable[[], str] = lambda: '') -> None:
        self._names, self._why_silent = names, why_silent
        self._index = {name: i for i, name in enumerate(names)}
        self._positions = np.full(len(names), np.nan)
        self._efforts = np.full(len(names), np.nan)
        self._stamps = np.zeros(len(names), dtype=np.int64)  # ns; 0: never heard of

    def take(self, message: JointState) -> None:
        """Take one message; a position that is not finite is none."""
        stamp = stamp_to_nanoseconds(message.header.stamp)
        efforts = dict(zip(message.name, message.effort, strict=False))
        for name, position in zip(message.name, message.position, strict=False):
            i = self._index.get(name)
            if i is not None and np.isfinite(position):
                self._positions[i], self._stamps[i] = position, stamp
                self._efforts[i] = efforts.get(name, np.nan)

    def age(self, now: int) -> float:
        """Age [s] at `now` [ns] of the joint whose stamp is farthest off; inf if one never came.

        Negative for a stamp that is ahead of the clock, which says as little as an old one.
        """
        if not self._stamps.all():
            return np.inf
        ages = self._ages(now)
        return float(ages[np.abs(ages).argmax()])

    def read(self, now: int, max_age: float) -> JointReading:
        """Where the joints are.

        Raises
        ------
        DexGraspError
            STALE_DATA where the stamp of a joint is more than `max_age` s from `now`.
        """
        age = self.age(now)
        if not abs(age) <= max_age:
            far = ~(np.abs(self._ages(now)) <= max_age)
            names = [name for name, is_far in zip(self._names, far, strict=True) if is_far]
            said = f'is {age_text(age)}' if np.isfinite(age) else 'never came'
            text = (
                f"The state of {choices(names)} {said}; expected 'joint_states' with stamps of the"
                f' last {max_age:g} s.'
            )
            if not self._stamps.any():
                text = f'{text} {self._why_silent()}'.rstrip()
            raise DexGraspError(text, ErrorCode.STALE_DATA)
        return JointReading(positions=self._positions.copy(), efforts=self._efforts.copy())

    def _ages(self, now: int) -> NDArray[np.float64]:
        return np.where(self._stamps > 0, (now - self._stamps) / 1e9, np.inf)
