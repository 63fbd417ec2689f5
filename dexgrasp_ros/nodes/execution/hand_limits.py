"""What a hand can be asked for: grasps of it, its joints, their positions and their efforts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.core.errors import CommandError, ErrorCode, choices, quoted
from dexgrasp_ros.core.hand_model import HandModel

LIMIT_TOLERANCE = 1e-4  # rad or m; what rounding may put a posture outside its limits
ROUNDING = 1e-3  # share by which a speed or an effort may pass its limit, for the same reason


def check_hand(grasp: Grasp, hand: HandModel) -> None:
    """Refuse a grasp that was planned for another hand than `hand`, with INVALID_COMMAND.

    Where one of the two has no digest, the names of hand and joints alone decide.
    """
    known = bool(grasp.hand_digest and hand.digest)
    if grasp.hand != hand.name or (known and grasp.hand_digest != hand.digest):
        raise CommandError(
            f'The grasp was planned for {_named(grasp.hand, grasp.hand_digest)}; the hand here is'
            f' {_named(hand.name, hand.digest)}. Expected the same name and digest, which is that'
            ' of joints, limits, links and collision geometry.'
        )
    check_names(grasp.joint_names, hand)


def _named(name: str, digest: str) -> str:
    return f'{quoted(name)} (digest {digest[:12] or "unknown"})'


def check_names(names: Sequence[str], hand: HandModel) -> None:
    """Refuse joints that are not exactly those of `hand`, with INVALID_COMMAND."""
    if list(names) != list(hand.joint_names):
        raise CommandError(
            f"The command is for joints {quoted(list(names))}; '{hand.name}' has"
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
