"""Open3D is found without libusb, and its absence is a coded error that says what to do."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from dexgrasp_ros.core.open3d_loader import import_open3d

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
print(len(loaded))
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
    assert run.stdout.strip() == '4', run.stderr
