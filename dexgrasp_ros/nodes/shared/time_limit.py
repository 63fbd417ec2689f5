"""The time that a goal may take, and that its result is kept."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.timer import Timer

from dexgrasp_ros.core.errors import ErrorCode

# s in which a client fetches the result of a goal that has ended; until then the server keeps it
# and the goal, meshes included, and tells its state with each state of the others.
RESULT_TIMEOUT = 60
_NO_LIMIT = 1e9  # s, 30 years; nanoseconds in 64 bits would not hold ten times as many


def time_limit(node: Node, limit: float, end: Callable[[ErrorCode, str], None]) -> Timer | None:
    """Timer that calls `end` with TIME_LIMIT and a sentence, on the executor's thread.

    By a steady clock, since a simulation's may stand still. None where there is no limit: 0, inf
    or above 1e9 s; nor for a number that is no time, which is refused where the work begins.
    """
    if not 0 < limit <= _NO_LIMIT:
        return None
    sentence = f'The goal took longer than its limit of {limit:g} s.'
    return node.create_timer(
        limit,
        lambda: end(ErrorCode.TIME_LIMIT, sentence),
        clock=Clock(clock_type=ClockType.STEADY_TIME),
    )
