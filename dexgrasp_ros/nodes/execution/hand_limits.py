"""What a hand can be asked for: its joints, their positions and their efforts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import CommandError, ErrorCode, choices
from dexgrasp_ros.core.hand_model import HandModel

LIMIT_TOLERANCE = 1e-4  # rad or m; what rounding may put a posture outside its limits
ROUNDING = 1e-3  # share by which a speed or an effort may pass its limit, for the same reason


def check_names(names: Sequence[str], hand: HandModel) -> None:
    """Refuse joints that are not exactly those of `hand`, with INVALID_COMMAND."""
    if list(names) != list(hand.joint_names):
        raise CommandError(
            f"The command is for joints {choices(names)}; '{hand.name}' has"
            f' {choices(hand.joint_names)}.'
        )


def check_limits(q: NDArray, hand: HandModel, what: str) -> None:
    """Refuse positions [J] outside the joints' limits, with INVALID_COMMAND."""
    beyond = (q < hand.lower - LIMIT_TOLERANCE) | (q > hand.upper + LIMIT_TOLERANCE)
    if beyond.any():
        names = [hand.joint_names[i] for i in np.flatnonzero(beyond)]
        raise CommandError(f'{what} passes the limits of {choices(names)}.')


def check_effort(
    hand: HandModel, rest: NDArray, target: NDArray, stiffness: NDArray, share: float
) -> None:
    """Refuse targets [J] for which kp (target - rest) passes `share` of the effort limits.

    Raises
    ------
    CommandError
        EFFORT_LIMIT, naming the joints.
    """
    shares = np.abs(stiffness * (target - rest)) / hand.effort_limits
    high = shares > share * (1 + ROUNDING)
    if high.any():
        names = [hand.joint_names[i] for i in np.flatnonzero(high)]
        raise CommandError(
            f'The squeeze asks for {shares.max():.2f} of the effort limit at {choices(names)};'
            f' expected at most {share:g}.',
            ErrorCode.EFFORT_LIMIT,
        )
