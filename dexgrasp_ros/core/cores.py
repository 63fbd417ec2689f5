"""How many cores there are to work on."""

from __future__ import annotations

import os


def core_count() -> int:
    """Cores this process may use; no more than ``OMP_NUM_THREADS`` where that is set.

    So who starts several processes on one machine gives each its share of the cores.
    """
    if hasattr(os, 'sched_getaffinity'):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    wanted = os.environ.get('OMP_NUM_THREADS', '')
    return min(cores, int(wanted)) if wanted.isdecimal() and int(wanted) else cores
