"""How many cores there are to work on."""

from __future__ import annotations

import os


def available_cores() -> int:
    """Cores that this process may use: as many processes may work at once."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count() -> int:
    """Threads that one process should work with: a core each, at most ``OMP_NUM_THREADS``.

    So who starts several processes on one machine gives each its share of the cores.
    """
    cores, wanted = available_cores(), os.environ.get('OMP_NUM_THREADS', '')
    return min(cores, int(wanted)) if wanted.isdecimal() and int(wanted) else cores
