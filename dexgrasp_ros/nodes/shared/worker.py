"""Work off the executor's thread, whose outcome comes back on it."""

from __future__ import annotations

import collections
import functools
import threading
import traceback
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.task import Future


class Worker:
    """One thread that does one piece of work after the other for a node.

    Work whose future was set meanwhile, since nobody wants it any more, is not begun, and leaves
    the queue when the next is submitted: whoever ends the work before it submits another piece
    never has more than one waiting.

    With a single-threaded executor, which all nodes of this package use, futures are set and
    coroutines continue on one thread only, so no state of a node needs a lock.

    The thread ends with the process, which does not wait for it.
    """

    def __init__(self, node: Node, name: str = 'worker') -> None:
        self._node = node
        # An executor runs the newest task first; calls must keep their order.
        self._calls: collections.deque[Callable[[], None]] = collections.deque()
        self._waiting: list[tuple[Future, Callable[[], Any]]] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(
            target=self._work, name=f'{node.get_name()}_{name}', daemon=True
        )
        self._thread.start()

    def submit(self, work: Callable[..., Any], *args: Any) -> Future:
        """Queue ``work(*args)``; the future gets its value, or the exception it raised.

        Who sets the future first, by `settle`, decides: what comes later is dropped.
        """
        future = Future(executor=self._node.executor)
        with self._changed:
            self._waiting = [entry for entry in self._waiting if not entry[0].done()]
            self._waiting.append((future, functools.partial(work, *args)))
            self._changed.notify()
        return future

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Have the executor's thread call ``function(*args)`` soon, in order; from any thread."""
        self._calls.append(functools.partial(function, *args))
        executor = self._node.executor
        if executor is not None:
            executor.create_task(self._run_calls)

    def _run_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                future, work = self._waiting.pop(0)
            value = error = None
            if not future.done():
                try:
                    value = work()
                except Exception as raised:
                    # The trace is for the log. What its frames hold, a whole search, would live
                    # as long as the exception, and where that is among it, until a collection.
                    traceback.clear_frames(raised.__traceback__)
                    error = raised
                self.call(settle, future, value, error)
            del future, work, value, error  # and what they hold, while nothing is to be done


def settle(future: Future, value: Any, error: BaseException | None = None) -> None:
    """Set `future` unless it is set; on the executor's thread only."""
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
