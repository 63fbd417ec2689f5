"""Messages of several topics, matched by stamp."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any


class StampSynchronizer:
    """Match one message of each topic whose stamps lie within `slop` of each other.

    A message waits in its topic's queue until it is part of a match, or until `queue_size` newer
    ones have come. After a match everything older is dropped, so matches never go back in time.

    Parameters
    ----------
    topics
        Names of the topics; a match has its messages in this order.
    slop
        Largest distance between the stamps of one match [ns]; 0 asks for equal stamps.
    queue_size
        Messages kept of each topic.
    """

    def __init__(self, topics: Sequence[str], *, slop: int, queue_size: int) -> None:
        self._queues: dict[str, deque[tuple[int, Any]]] = {
            topic: deque(maxlen=queue_size) for topic in topics
        }
        self._slop = slop

    def add(self, topic: str, stamp: int, message: Any) -> tuple[Any, ...] | None:
        """Take a message of `topic` with `stamp` [ns]; return a match if it completes one."""
        queue = self._queues[topic]
        if queue and stamp < queue[-1][0] - self._slop:
            # Time went back (a bag or a simulation started anew): what waits will never match.
            self.clear()
        queue.append((stamp, message))
        match = {
            name: min(queue, key=lambda entry: abs(entry[0] - stamp), default=None)
            for name, queue in self._queues.items()
        }
        match[topic] = (stamp, message)
        if None in match.values():
            return None
        stamps = [entry[0] for entry in match.values()]
        if max(stamps) - min(stamps) > self._slop:
            return None
        for name, queue in self._queues.items():
            while queue and queue[0][0] <= match[name][0]:
                queue.popleft()
        return tuple(entry[1] for entry in match.values())

    def clear(self) -> None:
        """Forget every message that waits."""
        for queue in self._queues.values():
            queue.clear()

    def waiting(self) -> dict[str, int]:
        """How many messages wait, by topic."""
        return {name: len(queue) for name, queue in self._queues.items()}
