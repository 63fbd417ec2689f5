"""``short_of_memory.py FILE NODE …``: a node whose device has no memory while FILE is there.

Allocations fail as Warp's do; see `CpuDefaultAllocator` and its siblings there.
"""

import sys
from pathlib import Path

import warp as wp

from dexgrasp_ros.nodes import child

SIGN = Path(sys.argv.pop(1))
ZEROS = wp.zeros


def zeros(*args, **options):
    if SIGN.exists():
        raise RuntimeError("Failed to allocate 1073741824 bytes on device 'cuda:0'")
    return ZEROS(*args, **options)


wp.zeros = zeros
child.main()
