"""What an execution watches at every tick, besides the age of what it hears.

- Efforts, always: more than `max_effort` for longer than `effort_delay` ends the goal.
- The wrist, always: it must be near its trajectory.
- Joints that move freely (phases pregrasp, open): the same.
- Joints that may touch: where the object stops a finger it stays behind, which is what is wanted,
  so that from the phase grasp on their errors are only reported. A finger that closes must stay
  between where it started and where it goes, though: one that moves the other way, or past its
  target, is not held up by an object.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import CommandError, ErrorCode
from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.nodes.execution.hand_limits import ROUNDING
from dexgrasp_ros.nodes.execution.motion import FingerMotion, WristMotion
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters
from dexgrasp_ros.nodes.execution.plan import Phase

SLIDING_SCALE = 0.05  # m that count like 1 rad, about the length of a finger


class ExecutionWatch:
    """See the module. Each check raises a `CommandError` that ends the goal.

    Parameters
    ----------
    hand
        The hand.
    config
        Gives the present parameters.
    """

    def __init__(self, hand: HandModel, config: Callable[[], HandCommandParameters]) -> None:
        self._hand, self._config = hand, config
        sliding = np.zeros(len(hand.joint_names), dtype=bool)
        moved = hand.coordinates[hand.joint_types == JointType.PRISMATIC]
        sliding[moved[moved >= 0]] = True
        self.scale = np.where(sliding, SLIDING_SCALE, 1.0)  # [J] what counts like 1 rad
        self.tracking: tuple[float, str] = (math.nan, '')  # largest error [rad or m], its joint
        self.effort: tuple[float, str] = (math.nan, '')  # largest share of a limit, its joint
        self._high_effort_since: float | None = None

    def check_efforts(self, phase: Phase, efforts: NDArray[np.float64], now: float) -> None:
        """EFFORT_LIMIT where a joint's effort [J] has been too high for too long."""
        shares = np.abs(efforts) / self._hand.effort_limits
        if np.isnan(shares).all():
            self.effort = (math.nan, '')
            return
        worst = int(np.nanargmax(shares))
        self.effort = (float(shares[worst]), self._hand.joint_names[worst])
        config = self._config()
        # A controller that saturates reports its limit, give or take rounding.
        if shares[worst] <= config.max_effort * (1 + ROUNDING):
            self._high_effort_since = None
            return
        if self._high_effort_since is None:
            self._high_effort_since = now
        if now - self._high_effort_since >= config.effort_delay:
            raise CommandError(
                f"Joint '{self.effort[1]}' reports {shares[worst]:.2f} of its effort limit in the"
                f" phase '{phase.name}'; expected at most {config.max_effort:g}.",
                ErrorCode.EFFORT_LIMIT,
            )

    def check_fingers(
        self, phase: Phase, q: NDArray[np.float64], motion: FingerMotion, now: float
    ) -> None:
        """TRACKING_FAILED where a joint at `q` [J] is off its way without an excuse."""
        config = self._config()
        # What is told has no allowance for being late.
        errors = motion.errors(q, now, 0.0)
        worst = int(np.argmax(errors / self.scale))
        self.tracking = (float(errors[worst]), self._hand.joint_names[worst])
        if phase.free:
            errors = motion.errors(q, now, config.tracking_delay)
        elif phase.name == 'grasp':
            errors = motion.strays(q)
        else:
            return
        worst = int(np.argmax(errors / self.scale))
        most = config.max_tracking_error * self.scale[worst]
        if errors[worst] > most:
            unit = 'rad' if self.scale[worst] == 1.0 else 'm'
            raise CommandError(
                f"Joint '{self._hand.joint_names[worst]}' is {errors[worst]:.3f} {unit} off its"
                f" way in the phase '{phase.name}'; expected at most {most:g} {unit}.",
                ErrorCode.TRACKING_FAILED,
            )

    def check_wrist(
        self, phase: Phase, pose: NDArray[np.float64], motion: WristMotion, now: float
    ) -> None:
        """TRACKING_FAILED where the wrist at `pose` [7] is off its way."""
        config = self._config()
        errors = motion.errors(pose, now, config.tracking_delay)
        limits = np.array([config.max_wrist_error, config.max_wrist_turn])
        way, turn = errors[np.argmin((errors / limits).max(axis=1))]
        if way > limits[0] or turn > limits[1]:
            raise CommandError(
                f"The wrist '{self._hand.hand_frame}' is {way:.3f} m and {turn:.3f} rad off its"
                f" way in the phase '{phase.name}'; expected at most {limits[0]:g} m and"
                f' {limits[1]:g} rad.',
                ErrorCode.TRACKING_FAILED,
            )
