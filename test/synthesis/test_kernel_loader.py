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


def test_a_search_leaves_no_loading_to_its_threads():
    """Two threads that loaded the same module took each other's code away while it ran."""
    program = """
import threading, trimesh
from warp._src import context

threads = set()
load = context.Module.load
def noted(module, *args, **kwargs):
    known = dict(module.execs)
    result = load(module, *args, **kwargs)
    if module.execs != known:
        threads.add(threading.current_thread())
    return result
context.Module.load = noted

from dexgrasp_ros import load_object
mesh = trimesh.creation.box((0.05, 0.05, 0.1))
obj = load_object((mesh.vertices, mesh.faces))  # loads what there is by now
from dexgrasp_ros import SynthesisConfig, load_hand, synthesize
from dexgrasp_ros.synthesis import search
search.core_count = lambda: 2
synthesize(load_hand('allegro'), obj, SynthesisConfig(seed_count=32, max_grasps=1, device='cpu'))
assert threads == {threading.main_thread()}, threads
"""
    result = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
