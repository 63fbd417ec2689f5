"""When an object that is pulled has come to rest for good, so that its verdict is known."""

from __future__ import annotations

from collections import deque

from dexgrasp_ros.evaluation.protocols import Protocol

# Verdicts looked back at, 0.1 s, and seen before the first answer, 0.16 s: fingers swing for less.
_WINDOW, _FIRST = 5, 8
# What lies between rest and a slip that comes late. Of 3,738 pulls (`fc`) of 655 grasps by three
# hands, 51 of which failed, some after a second, 5 times the speed of late would have let one slip
# unseen, 8 times none. Where contacts creep (`hard`) even 20 times would.
_FASTER = 16.0
_SHARE = 0.5  # of what is allowed


class Rest:
    """The latest verdicts of one pull, or of one time of waiting.

    An object is at rest if it stays within half of the protocol's limits even where it goes on
    sixteen times as fast as it did of late: a millimetre of creep in what is left of a pull.

    Parameters
    ----------
    protocol
        Whose limits count.
    """

    def __init__(self, protocol: Protocol) -> None:
        self._limits = protocol.max_displacement, protocol.max_rotation
        self._latest: deque[tuple[float, float]] = deque(maxlen=_WINDOW + 1)
        self._seen = 0

    def is_reached(self, offset: tuple[float, float], left: int) -> bool:
        """Take the next verdict.

        Parameters
        ----------
        offset
            Distance [m] and angle [rad] of the object from where it should be.
        left
            How many verdicts are to come.
        """
        self._latest.append(offset)
        self._seen += 1
        if self._seen < _FIRST:
            return False
        return all(
            now + _FASTER * left * (max(past) - min(past)) / _WINDOW <= _SHARE * limit
            for now, past, limit in zip(
                offset, zip(*self._latest, strict=True), self._limits, strict=True
            )
        )
