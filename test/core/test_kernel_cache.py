"""A cache of kernels that was damaged is made anew."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip('warp')

# Copies the smallest module from the cache, or compiles it, damages it, and loads it.
PROGRAM = """
import shutil, sys
from pathlib import Path
import warp as wp
from dexgrasp_ros.core.warp_loader import start_warp
start_warp()
usual, own = Path(wp.config.kernel_cache_dir), Path(sys.argv[1])
import dexgrasp_ros.kernels.spreading
from dexgrasp_ros.core.kernel_loader import load_kernels
wp.config.kernel_cache_dir = str(own)
for folder in usual.glob('wp_dexgrasp_ros.kernels.*'):
    shutil.copytree(folder, own / folder.name)
damaged = [f for f in own.rglob('*' + sys.argv[2]) if '.spreading' in str(f)]
for file in damaged:
    file.write_bytes(file.read_bytes()[:100])
load_kernels('cpu')
sound = [f for f in own.rglob('*' + sys.argv[2]) if '.spreading' in str(f)]
assert all(f.stat().st_size > 100 for f in sound), sound
print(len(damaged), len(sound))
"""


def test_half_an_entry_is_compiled_anew(tmp_path):
    result = subprocess.run(
        [sys.executable, '-c', PROGRAM, str(tmp_path), '.o'], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert int(result.stdout.split()[-1]) > 0
