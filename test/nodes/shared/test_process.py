"""What each node's process sets up before its node, and how it ends while that is made."""

from __future__ import annotations

import signal
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


# As in native code, the main thread does not hear of signals.
BUSY = """
import ctypes, signal, sys
from dexgrasp_ros.nodes.shared import process
def make_node():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    print('begun', flush=True)
    ctypes.CDLL(None).sleep(60)
process.run(make_node)
"""


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_node_whose_main_thread_is_in_native_code(ros_domain, number):
    with subprocess.Popen([sys.executable, '-c', BUSY], stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout.readline() == 'begun\n'
        node.send_signal(number)
        assert node.wait(20) == 1
