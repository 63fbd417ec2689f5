"""Ctrl-C while a library computes: Python's own handler waits until the library returns."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

INTERRUPTED = 130  # exit code, as shells have it: 128 + SIGINT
_GRACE = 1.2  # s for an orderly end, which closes files and ends processes
_SHOW_CURSOR = '\x1b[?25h'  # progress bars hide it


def end_soon_when_interrupted() -> None:
    """From now on, end this process and those it started within two seconds of Ctrl-C.

    Most often `KeyboardInterrupt` has ended it by then. Within `stop_flag` Ctrl-C is how work ends
    in order, and does not count.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # The C part of Python's handler writes the number here at once, whatever the program does.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), name='interrupts', daemon=True).start()


@contextlib.contextmanager
def stop_flag() -> Iterator[Callable[[], bool]]:
    """Whether somebody wants the work to end, by Ctrl-C or by terminating the process.

    For work whose end that is: what comes after it gets the time that it takes.
    """
    stop = threading.Event()
    # The watching thread may wake after this block has ended: it is not woken for what comes here.
    woken = signal.set_wakeup_fd(-1)
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)


def _watch(reader: int) -> None:
    while True:
        is_interrupt = os.read(reader, 1)[0] == signal.SIGINT
        if is_interrupt and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            time.sleep(_GRACE)
            end_interrupted()


def end_interrupted() -> None:
    """End the processes that this one started, and then this one, with a line about why.

    Nothing is taken down in order: Open3D, interrupted, would list what it has not given back, and
    change the exit code.
    """
    for process in _descendants(os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    cursor = _SHOW_CURSOR if sys.stderr.isatty() else ''
    os.write(2, f'{cursor}dexgrasp: interrupted\n'.encode())
    os._exit(INTERRUPTED)


def _descendants(process: int) -> list[int]:
    """Return processes that it has started, and those that they have (Linux)."""
    children: dict[int, list[int]] = defaultdict(list)
    for status in Path('/proc').glob('[0-9]*/stat'):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # After the name, which may hold anything, come the state and the parent.
            parent = int(status.read_text().rpartition(')')[2].split()[1])
            children[parent].append(int(status.parent.name))
    found = list(children[process])
    for child in found:
        found += children[child]
    return found
