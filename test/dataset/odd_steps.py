"""What other processes do for `test_steps.py`; it imports little, since each of them does."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.files import write_bytes


def add(a: int, b: int) -> int:
    return a + b


def fail(folder: Path, times: int, how: str) -> str:
    """Fail in some way the first `times` times."""
    tries = len(list(folder.iterdir()))
    (folder / str(tries)).touch()
    if tries < times:
        if how == 'die':
            os.kill(os.getpid(), signal.SIGKILL)
        if how == 'raise':
            raise ValueError('so be it')
        raise InputError('no such thing', ErrorCode.OUT_OF_RANGE)
    return 'done'


def where() -> tuple[int, str]:
    """Tell the process, and the GPUs that it sees."""
    time.sleep(0.2)  # so long that others are free
    return os.getpid(), os.environ.get('CUDA_VISIBLE_DEVICES', '')


def note(folder: Path, name: str, seconds: float) -> None:
    write_bytes(folder / f'{name}-begin', str(os.getpid()).encode())
    time.sleep(seconds)
    (folder / f'{name}-end').touch()
