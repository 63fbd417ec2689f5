"""Kernels are loaded by one thread, whoever launches them."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import concurrent.futures, warp as wp
import dexgrasp_ros.kernels.kinematics, dexgrasp_ros.kernels.contact_points
from dexgrasp_ros.core.kernel_loader import load_kernels
from warp._src import context

loads = []
load = context.Module.load
def noted(module, device, *args, **kwargs):
    known = len(module.execs)
    result = load(module, device, *args, **kwargs)
    if len(module.execs) > known:
        loads.append(module.name)
    return result
context.Module.load = noted
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(load_kernels, ['cpu'] * 8))
assert 'dexgrasp_ros.kernels.kinematics' in loads, loads
print(len(loads), len(set(loads)))
"""


def test_threads_that_start_together_load_each_module_once():
    """In a process of its own, in which nothing is loaded yet."""
    result = subprocess.run([sys.executable, '-c', PROGRAM], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    total, different = map(int, result.stdout.split()[-2:])
    assert total == different
