"""Warp starts without a word on machines that have no GPU, in whatever thread."""

import importlib.util
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('warp') is None, reason='warp is not installed (colcon test)'
)

START = """
import sys, threading
from dexgrasp_ros.core.warp_loader import start_warp
threads = [threading.Thread(target=start_warp) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
import warp as wp
print(wp.zeros(3, dtype=float, device='cpu').numpy().sum())
print('told', file=sys.stderr)
"""
RECONSTRUCT = """
import numpy as np
from dexgrasp_ros.perception.mesh import extract_solid
axes = np.meshgrid(*[np.linspace(-1.0, 1.0, 21)] * 3, indexing='ij')
field = np.linalg.norm(axes, axis=0).astype(np.float32) - np.float32(0.6)
extract_solid(field, np.array([[4.0, 10.0, 10.0]]), None, 1000)
"""


def test_it_starts_and_works_and_standard_error_stays_open():
    run = subprocess.run([sys.executable, '-c', START], capture_output=True, text=True, check=True)
    assert run.stdout == '0.0\n'
    assert run.stderr == 'told\n'


def test_a_reconstruction_says_nothing():
    run = subprocess.run(
        [sys.executable, '-c', RECONSTRUCT], capture_output=True, text=True, check=True
    )
    assert run.stdout == run.stderr == ''
