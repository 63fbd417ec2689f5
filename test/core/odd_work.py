"""What other processes do for `test_workers.py`; it imports nothing that takes time."""

from __future__ import annotations

import os
import signal
import time


def work(base: int, task: str | int) -> int | str:
    """Misbehave on request."""
    match task:
        case 'raise':
            raise ValueError('so be it')
        case 'die':
            os.kill(os.getpid(), signal.SIGKILL)
        case 'hang':
            time.sleep(600)
        case 'exit':
            raise SystemExit(3)
        case 'pid':
            return os.getpid()
        case 'variable':
            return os.environ['OF_THE_POOL']
    return base + task
