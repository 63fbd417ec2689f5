"""What each node's process sets up before its node."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip('rclpy')

# A process of its own, since what is set holds for all that follows. Bytes that are mapped.
PROGRAM = """
import ctypes, sys
from dexgrasp_ros.nodes.shared import process
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        'arena', 'ordblks', 'smblks', 'hblks', 'hblkhd',
        'usmblks', 'fsmblks', 'uordblks', 'fordblks', 'keepcost')]
libc = ctypes.CDLL(None)
if not hasattr(libc, 'mallinfo2'):
    sys.exit(77)
libc.mallinfo2.restype, libc.malloc.restype = Info, ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
def make_node():
    for _ in range(3):  # the first to be freed would have the others carved out of a heap
        block = libc.malloc(20 << 20)
        print(libc.mallinfo2().hblkhd)
        libc.free(block)
    print(libc.mallinfo2().hblkhd)
    sys.exit()
process.run(make_node)
"""


def test_large_arrays_go_back_to_the_system(ros_domain):
    program = [sys.executable, '-c', PROGRAM]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode == 77:
        pytest.skip('this malloc is not that of glibc')
    *held, left = map(int, done.stdout.split())
    assert [(n - left) >> 20 for n in held] == [20, 20, 20]
