"""A node as a process: start, spin, stop in order, and begin anew where nothing can reach it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Protocol

import rclpy
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from dexgrasp_ros.bridge.executor import SteadyExecutor
from dexgrasp_ros.bridge.port_watch import PortWatch, begin_anew
from dexgrasp_ros.core.errors import DexGraspError, choices
from dexgrasp_ros.core.resources import find_resource

_SPIN = 0.1  # s; how often the loop looks whether a signal came
# s; how long a worker may hold the interpreter while the executor's thread wants it, which has to
# get it several times for each message. Python's own 5 ms would add up.
_SWITCH_INTERVAL = 0.001
# Of glibc's malloc.h. Left to itself malloc stops to map an array of its own accord once one as
# large was freed (32 MB at most), and carves the next ones out of heaps, where a small block above
# them keeps all that was freed from the system: a node then holds 100 to 200 MB of nothing.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# New pages cost a goal 0.05 s.
_MAPPED = 4 << 20  # bytes from which on an array is mapped, and goes back when it is freed
_KEPT = 16 << 20  # bytes that may lie free at the end of a heap
_FAREWELL = 0.5  # s in which results of goals that `close` ended go out
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_END = 1.8  # s from a signal to the end of the process, whatever it does; it is killed soon after


class Closable(Protocol):
    """What a node of this package has beyond rclpy's."""

    def close(self) -> None:
        """End the work that is under way, without waiting; called on the thread that spins."""


def run(make_node: Callable[[], Node], args: list[str] | None = None) -> int:
    """Spin a node until SIGINT, SIGTERM or a shutdown of its context; return the exit code.

    An exception in a callback is logged with its trace and the node lives on. The first signal
    ends it in order, so that each goal still gets its result, and within two seconds; a second
    one at once.

    A node that no message reaches any more, see `PortWatch`, is ended in order as well. Then the
    process runs its command line anew, which makes another port.
    """
    _use_large_image_transport()
    _give_memory_back()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    stop, is_closed = threading.Event(), threading.Event()
    _end_on_signals(stop, is_closed)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make_node()
    except (DexGraspError, ParameterException) as error:
        get_logger('dexgrasp_ros').fatal(f'The node cannot start: {error}')
        rclpy.try_shutdown()
        return 1
    executor = SteadyExecutor()
    executor.add_node(node)
    watch, is_deaf = PortWatch(), False
    try:
        _spin(executor, node, lambda: stop.is_set() or watch.is_deaf())
        if is_deaf := watch.is_deaf():
            node.get_logger().error(
                'Messages do not reach this node any more, since its place in /dev/shm is gone:'
                f' {choices(watch.lost)}. It begins anew.'
            )
        node.close()
        until = time.monotonic() + _FAREWELL
        _spin(executor, node, lambda: time.monotonic() > until)
        is_closed.set()
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
    if is_deaf:
        del executor, node
        gc.collect()  # DDS ends with them, and gives back its locks and its shared memory
    if is_deaf and not stop.is_set():  # looked at last: a signal may come meanwhile
        begin_anew()
    return 0


def main_of(make_node: Callable[[], Node]) -> Callable[[], None]:
    """Return the entry point of a node's executable."""

    def main() -> None:
        code = run(make_node)
        # Work that nobody waits for any more may still run in native code, which the end of the
        # interpreter would tear down under it.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)

    return main


@contextlib.contextmanager
def command_node(name: str, namespace: str = '') -> Iterator[Node]:
    """Give a command a node of its own, which leaves signals alone and takes large images."""
    _use_large_image_transport()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node(name, namespace=namespace or None)
    try:
        yield node
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


def _end_on_signals(stop: threading.Event, is_closed: threading.Event) -> None:
    """Set `stop` at the first signal; end the process `_END` seconds after it.

    Python calls handlers between two steps of the main thread, which may be compiling kernels
    just then, for a minute: only a thread of its own knows of the signal in time.
    """

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(1)
        stop.set()

    for number in _SIGNALS:
        signal.signal(number, on_signal)
    came, tells = os.pipe()
    os.set_blocking(tells, False)
    signal.set_wakeup_fd(tells)

    def end() -> None:
        while os.read(came, 1)[0] not in _SIGNALS:
            pass
        time.sleep(_END)
        os._exit(0 if is_closed.is_set() else 1)

    threading.Thread(target=end, name='end', daemon=True).start()


def _spin(executor: SteadyExecutor, node: Node, done: Callable[[], bool]) -> None:
    while not done() and node.context.ok():
        try:
            executor.spin_once(timeout_sec=_SPIN)
        except ExternalShutdownException:
            return
        except Exception:
            node.get_logger().error(
                f'A callback failed:\n{traceback.format_exc()}', throttle_duration_sec=1.0
            )


def _give_memory_back() -> None:
    """Let large arrays return to the system when they are freed, where malloc is glibc's."""
    tune = getattr(ctypes.CDLL(None), 'mallopt', None)
    if tune is not None:
        tune(_M_MMAP_THRESHOLD, _MAPPED)
        tune(_M_TRIM_THRESHOLD, _KEPT)


def _use_large_image_transport() -> None:
    """Give Fast DDS shared memory that holds depth images, unless the user has a profile.

    With its default segment most best-effort images are lost.
    """
    names = ('FASTRTPS_DEFAULT_PROFILES_FILE', 'FASTDDS_DEFAULT_PROFILES_FILE')
    if not any(name in os.environ for name in names):
        os.environ[names[0]] = str(find_resource('config/fastdds_shm.xml'))
