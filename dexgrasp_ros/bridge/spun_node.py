"""A node that a thread of its own spins, for calls that block."""

from __future__ import annotations

import math
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException
from rclpy.task import Future

from dexgrasp_ros.bridge.executor import SteadyExecutor
from dexgrasp_ros.bridge.port_watch import lost_ports, own_ports
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode

_LOOK_PERIOD = 0.5  # s between two looks whether an answer can still come


class SpunNode:
    """See the module.

    Parameters
    ----------
    name, namespace
        Of the node.
    domain_id
        ROS domain; None: that of the environment.

    Attributes
    ----------
    node
        The node, in a context of its own.
    """

    def __init__(self, name: str, *, namespace: str, domain_id: int | None) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain_id)
        self.node = rclpy.create_node(name, namespace=namespace or None, context=self._context)
        self._executor = SteadyExecutor(context=self._context)
        self._executor.add_node(self.node)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)
        self._thread.start()

    def call(
        self,
        name: str,
        timeout: float | None,
        call: Callable[..., Future],
        *args: Any,
        unwanted: Callable[[Future], None] | None = None,
        look: Callable[[], None] | None = None,
    ) -> Any:
        """Wait for the result of ``call(*args)``, which is made on the thread that spins.

        Where nobody waits any more, `unwanted` is given the future that will have it. Meanwhile
        `look` is called now and then; what it raises ends the wait.

        An action client notes whose answer it waits for only after the request is out; from
        another thread the answer may be there before that, and be lost.

        Raises
        ------
        DexGraspError
            TIME_LIMIT, with the `name`, after `timeout` s.
        """
        done, answer = threading.Event(), Future()
        answer.add_done_callback(lambda _: done.set())

        def start() -> None:
            try:
                call(*args).add_done_callback(pass_on)
            except Exception as error:
                answer.set_exception(error)

        def pass_on(future: Future) -> None:
            if future.exception() is None:
                answer.set_result(future.result())
            else:
                answer.set_exception(future.exception())

        self.run_soon(start)
        try:
            until = math.inf if timeout is None else time.monotonic() + timeout
            while not done.wait(min(_LOOK_PERIOD, max(until - time.monotonic(), 0.0))):
                if time.monotonic() >= until:
                    raise DexGraspError(
                        f'{name} did not answer within {timeout:g} s.{_own_fault()}',
                        ErrorCode.TIME_LIMIT,
                    )
                if look is not None:
                    look()
        except BaseException:
            if unwanted is not None:
                unwanted(answer)
            raise
        return answer.result()

    def run_soon(self, call: Callable[..., None], *args: Any) -> None:
        """Call a function on the thread that spins."""
        self._executor.create_task(call, *args)

    def close(self) -> None:
        """Stop spinning and leave the graph."""
        self._closing.set()
        self._executor.wake()
        self._thread.join()
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()

    def _spin(self) -> None:
        while not self._closing.is_set():
            try:
                self._executor.spin_once(timeout_sec=0.1)
            except ExternalShutdownException:
                return
            except Exception:  # of a callback of the user
                self.node.get_logger().error(f'A callback failed:\n{traceback.format_exc()}')


def _own_fault() -> str:
    """Say so where it is this process that answers do not reach."""
    if not lost_ports(own_ports()):
        return ''
    return (
        ' Answers do not reach this process any more, since its place in /dev/shm is gone:'
        ' close the client and make another one.'
    )
