"""What a node tells about itself on `/diagnostics`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from dexgrasp_ros.bridge.geometry import nanoseconds_to_stamp
from dexgrasp_ros.bridge.port_watch import times_begun_anew
from dexgrasp_ros.bridge.qos import standard

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
_PERIOD = 1.0  # s, as diagnostic_updater has it

Report = tuple[bytes, str, Mapping[str, object]]


class Diagnostics:
    """Publishes what one component of a node says about itself, once a second.

    A process that has begun anew, see `port_watch`, says how often.

    Parameters
    ----------
    node
        The node.
    component
        Name of the component.
    report
        Gives level, sentence and values, see `diagnostics_message`.
    """

    def __init__(self, node: Node, component: str, report: Callable[[], Report]) -> None:
        self._node, self._component, self._report = node, component, report
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', standard())
        # A simulation's time may stand still.
        self._timer = node.create_timer(
            _PERIOD, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def close(self) -> None:
        """Say no more."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_publisher(self._publisher)

    def _publish(self) -> None:
        name = f'{self._node.get_fully_qualified_name()}: {self._component}'
        stamp = self._node.get_clock().now().nanoseconds
        level, text, values = self._report()
        if count := times_begun_anew():
            values = {**values, 'begun anew': count}
        self._publisher.publish(diagnostics_message(stamp, name, level, text, values))


class CountRates:
    """Rates of counters that only grow, over the last `window` seconds.

    Parameters
    ----------
    window
        Counts older than this do not count any more [s].
    """

    def __init__(self, window: float = 5.0) -> None:
        self._window = window
        self._counts: deque[tuple[float, dict[str, int]]] = deque()

    def add(self, now: float, counts: Mapping[str, int]) -> dict[str, float]:
        """Take the counters at `now` [s] and return their rates [Hz]; 0 at the first time."""
        if self._counts and any(counts.get(k, 0) < v for k, v in self._counts[-1][1].items()):
            self._counts.clear()  # they were reset
        self._counts.append((now, dict(counts)))
        while len(self._counts) > 2 and now - self._counts[1][0] >= self._window:
            self._counts.popleft()
        start, before = self._counts[0]
        span = now - start
        return {
            name: (count - before.get(name, 0)) / span if span > 0 else 0.0
            for name, count in counts.items()
        }


def diagnostics_message(
    stamp: int, name: str, level: bytes, text: str, values: Mapping[str, object]
) -> DiagnosticArray:
    """Message about one component.

    Parameters
    ----------
    stamp
        Of the node's clock [ns].
    name
        ``<node>: <component>``.
    level
        `OK`, `WARN` or `ERROR`.
    text
        A sentence.
    values
        Numbers and texts by name; numbers with a fraction are given three digits after the point.
    """
    status = DiagnosticStatus(
        level=level,
        name=name,
        message=text,
        values=[
            KeyValue(key=key, value=f'{value:.3f}' if isinstance(value, float) else str(value))
            for key, value in values.items()
        ],
    )
    message = DiagnosticArray(status=[status])
    message.header.stamp = nanoseconds_to_stamp(stamp)
    return message
