"""A cache of kernels that was damaged is made anew."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip('warp')

# Copies kernels from the cache, or compiles them, damages those of one module, and loads them.
PROGRAM = """
import shutil, sys
from pathlib import Path
import warp as wp
from dexgrasp_ros.core.warp_loader import start_warp
start_warp()
usual, own = Path(wp.config.kernel_cache_dir), Path(sys.argv[1])
module, ending = sys.argv[2:]
wp.config.kernel_cache_dir = str(own)
for folder in usual.glob(f'wp_{module.rpartition(".")[0]}.*'):
    shutil.copytree(folder, own / folder.name)
damaged = [f for f in own.rglob('*' + ending) if module in str(f)]
for file in damaged:
    file.write_bytes(file.read_bytes()[:100])
if module.startswith('warp'):
    import numpy as np
    from dexgrasp_ros.core.marching_cubes import marching_cubes
    vertices, faces = marching_cubes(np.abs(np.mgrid[:5, :5, :5] - 2).max(axis=0) - 1.5)
    assert len(faces) > 0
else:
    import dexgrasp_ros.kernels.spreading
    from dexgrasp_ros.core.kernel_loader import load_kernels
    load_kernels('cpu')
sound = [f for f in own.rglob('*' + ending) if module in str(f)]
assert all(f.stat().st_size > 100 for f in sound), sound
print(len(damaged), len(sound))
"""


@pytest.mark.parametrize(
    'module',
    [
        'dexgrasp_ros.kernels.spreading',
        pytest.param('warp.geometry.marching_cubes', marks=pytest.mark.slow),
    ],
)
def test_half_an_entry_is_compiled_anew(module, tmp_path):
    command = [sys.executable, '-c', PROGRAM, str(tmp_path), module, '.o']
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout.split()[-1]) > 0
