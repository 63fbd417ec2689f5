"""Open3D is found without libusb, and its absence is a coded error that says what to do."""

import importlib
import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from dexgrasp_ros.core.open3d_loader import _LaterModule, import_open3d

HIDE = """
import sys
sys.modules['open3d'] = None
from dexgrasp_ros.core.errors import DeviceError
from dexgrasp_ros.core.open3d_loader import import_open3d
try:
    import_open3d()
except DeviceError as error:
    print(int(error.code), error)
"""


AT_ONCE = """
import sys, threading
from dexgrasp_ros.core.open3d_loader import import_open3d
sys.setswitchinterval(1e-5)
together = threading.Barrier(4)
loaded = []
def load():
    together.wait()
    loaded.append(import_open3d().t.geometry)
threads = [threading.Thread(target=load) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(loaded), 'dash' in sys.modules, 'open3d.visualization.draw_plotly' in sys.modules)
"""
NOT_INSTALLED = pytest.mark.skipif(
    importlib.util.find_spec('open3d') is None, reason='open3d is not installed (colcon test)'
)


@NOT_INSTALLED
def test_open3d_is_imported_and_works():
    o3d = import_open3d()
    tensor = o3d.core.Tensor(np.arange(3, dtype=np.float32))
    np.testing.assert_array_equal(tensor.numpy(), [0, 1, 2])


def test_absence_is_a_coded_error_that_names_the_remedy():
    run = subprocess.run([sys.executable, '-c', HIDE], capture_output=True, text=True, check=True)
    assert run.stdout.startswith('600 ')
    assert 'pip install open3d libusb-package' in run.stdout


@NOT_INSTALLED
def test_threads_that_import_at_once_all_get_the_whole_module():
    run = subprocess.run(
        [sys.executable, '-c', AT_ONCE], capture_output=True, text=True, check=True
    )
    # Nor has what Open3D draws with in web pages been loaded.
    assert run.stdout.split() == ['4', 'False', 'False'], run.stderr


def test_what_stands_in_for_a_module_becomes_it_when_it_is_called(tmp_path, monkeypatch):
    folder = tmp_path / 'drawing'
    folder.mkdir()
    (folder / '__init__.py').write_text('from .draw import draw\n')
    (folder / 'draw.py').write_text('def draw(what, *, how):\n    return what, how\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, 'drawing.draw', _LaterModule('drawing.draw'))
    drawing = importlib.import_module('drawing')
    monkeypatch.delitem(sys.modules, 'drawing.draw')
    for _ in range(2):
        assert drawing.draw(1, how=2) == (1, 2)
    assert drawing.draw.__module__ == 'drawing.draw'
    assert not hasattr(_LaterModule('drawing.draw'), '__path__')
    for name in ('drawing', 'drawing.draw'):
        monkeypatch.delitem(sys.modules, name)
