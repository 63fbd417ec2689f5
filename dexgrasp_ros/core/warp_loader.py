"""Starting Warp quietly, whether or not the machine has a GPU."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
from collections.abc import Iterator
from threading import Lock

_STARTING = Lock()


def start_warp() -> None:
    """Start Warp, if it is not running, without its greeting.

    Where there is no CUDA driver, its native part says so on the standard error of each process
    and knows no setting against that. Nothing here needs a GPU, so this is no news; where there is
    a driver, whatever Warp has to say about it is shown.
    """
    with _STARTING:
        _start()


@functools.cache
def _start() -> None:
    import warp as wp

    wp.config.log_level = max(wp.config.log_level, wp.LOG_WARNING)
    with contextlib.nullcontext() if _has_cuda_driver() else _silent_stderr():
        wp.init()


def _has_cuda_driver() -> bool:
    for name in ('libcuda.so', 'libcuda.so.1'):  # as Warp looks for it
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


@contextlib.contextmanager
def _silent_stderr() -> Iterator[None]:
    """Send what native code writes to standard error nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, 'wb') as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
