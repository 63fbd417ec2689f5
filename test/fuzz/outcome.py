"""What must be true of a reader, whatever it reads: a result or a coded error, soon, in bounds."""

from __future__ import annotations

import contextlib
import io
import logging
import resource
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

from doors import Door

from dexgrasp_ros.core.errors import LONGEST_MESSAGE, DexGraspError, ErrorCode

SECONDS = 20  # for one file of a few kB, on a busy machine
MEMORY = 2 * 2**30  # bytes beyond what the process has


class Hang(BaseException):
    """A reader took too long."""


def check(door: Door, folder: Path) -> None:
    """Read a folder and hold what happens against the promise.

    Raises
    ------
    AssertionError
        The promise is broken; any other exception is what the reader let through.
    """
    before = sorted(folder.rglob('*'))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with _limits(), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            door.read(folder)
        except DexGraspError as error:
            told = str(error)
            assert isinstance(error.code, ErrorCode) and error.code != ErrorCode.INTERNAL, told
            assert len(told) <= LONGEST_MESSAGE, told
            # In a message that lost its middle, the name may have gone with it.
            assert folder.name in told or len(told) == LONGEST_MESSAGE, f'names no file: {told}'
    assert sorted(folder.rglob('*')) == before, 'a reader wrote or removed a file'
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
    assert grown < MEMORY, f'{grown >> 20} MiB were taken'


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """Seconds and memory, and no chatter of libraries."""

    def hang(*_: object) -> None:
        raise Hang

    pages = int(Path('/proc/self/statm').read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before = signal.signal(signal.SIGALRM, hang)
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2 * MEMORY, hard))
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        logging.disable(logging.NOTSET)
