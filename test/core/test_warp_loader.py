"""Warp starts without a word on machines that have no GPU, in whatever thread or home."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from dexgrasp_ros.core.errors import DeviceError
from dexgrasp_ros.core.warp_loader import _provide_cache

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


WHERE = """
from dexgrasp_ros.core.warp_loader import start_warp
start_warp()
import warp as wp
print(wp.config.kernel_cache_dir)
"""


@pytest.mark.parametrize('home', ['/proc', None])
def test_without_a_home_it_starts_in_a_temporary_folder(home):
    environment = {
        k: v
        for k, v in os.environ.items()
        if k not in ('HOME', 'XDG_CACHE_HOME', 'WARP_CACHE_PATH')
    }
    if home is None:
        environment['XDG_CACHE_HOME'] = '/proc'
    else:
        environment['HOME'] = home
    run = subprocess.run(
        [sys.executable, '-c', WHERE], capture_output=True, text=True, check=True, env=environment
    )
    folder = Path(run.stdout.strip())
    assert folder.is_relative_to(tempfile.gettempdir())
    assert not folder.parent.exists()  # it was removed at the end
    assert 'WARP_CACHE_PATH' in run.stderr and "'/proc/" in run.stderr


def test_what_was_compiled_before_is_taken_along(tmp_path, monkeypatch):
    """Root may write anywhere, so the system's answer is made up."""
    kept = tmp_path / '1.0' / 'wp_kernels'
    kept.mkdir(parents=True)
    (kept / 'kernels.o').write_text('code')
    monkeypatch.setenv('WARP_CACHE_PATH', str(tmp_path))
    monkeypatch.setattr(os, 'access', lambda *_: False)
    with pytest.warns(UserWarning, match='WARP_CACHE_PATH'):
        _provide_cache('1.0')
    found = Path(os.environ['WARP_CACHE_PATH'])
    assert found != tmp_path
    assert (found / '1.0' / 'wp_kernels' / 'kernels.o').read_text() == 'code'


def test_a_cache_that_can_be_written_is_left_alone(tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv('WARP_CACHE_PATH', str(tmp_path))
    _provide_cache('1.0')
    assert os.environ['WARP_CACHE_PATH'] == str(tmp_path) and not recwarn


def test_no_folder_at_all_is_a_coded_error(monkeypatch):
    monkeypatch.setenv('WARP_CACHE_PATH', '/proc/cache')
    monkeypatch.setattr(tempfile, 'tempdir', '/proc')
    with pytest.raises(DeviceError, match='WARP_CACHE_PATH'):
        _provide_cache('1.0')
