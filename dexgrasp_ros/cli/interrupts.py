"""Ctrl-C while a library computes: Python's own handler waits until the library returns."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

INTERRUPTED = 130  # exit code, as shells have it: 128 + SIGINT
_GRACE = 1.2  # s for an orderly end, which closes files and ends processes
_SHOW_CURSOR = '\x1b[?25h'  # progress bars hide it


def end_soon_when_interrupted() -> None:
    """From now on, end this process and those it started within two seconds of Ctrl-C.

    Most often `KeyboardInterrupt` has ended it by then. Where a command has a handler of its own,
    Ctrl-C is how its work ends in order, and it gets the time it takes.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # The C part of Python's handler writes the number here at once, whatever the program does.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), name='interrupts', daemon=True).start()


def interrupt_event() -> threading.Event:
    """From now on Ctrl-C is the way to end, in whatever time that takes: it sets this event."""
    interrupted = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: interrupted.set())
    return interrupted


def _watch(reader: int) -> None:
    while True:
        is_interrupt = os.read(reader, 1)[0] == signal.SIGINT
        if is_interrupt and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            time.sleep(_GRACE)
            _end()


def _end() -> None:
    """End the processes that this one started, and then this one."""
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
