"""How many cores a search takes, and what is said of a GPU that cannot be had."""

from __future__ import annotations

import os

import pytest
import warp as wp

from dexgrasp_ros.core.cores import thread_count
from dexgrasp_ros.core.errors import DeviceError, ErrorCode
from dexgrasp_ros.core.warp_loader import start_warp
from dexgrasp_ros.synthesis.device import resolve_device

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ('wanted', 'cores'),
    [(None, CORES), ('1', 1), ('100000', CORES), ('0', CORES), ('many', CORES), ('', CORES)],
)
def test_no_more_threads_than_wanted(wanted, cores, monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    if wanted is not None:
        monkeypatch.setenv('OMP_NUM_THREADS', wanted)
    assert thread_count() == cores


def told(driver, monkeypatch) -> str:
    start_warp()
    monkeypatch.setattr(wp, 'get_cuda_driver_version', lambda: driver)
    monkeypatch.setattr(wp, 'get_cuda_toolkit_version', lambda: (13, 4))
    with pytest.raises(DeviceError) as caught:
        resolve_device('cuda:99')
    assert caught.value.code == ErrorCode.DEVICE_UNAVAILABLE
    return str(caught.value)


def test_a_driver_that_is_too_old_is_named_with_what_to_install(monkeypatch):
    text = told((12, 8), monkeypatch)
    assert 'CUDA 12.8' in text and 'CUDA 13.0 (R580) or newer' in text and '+cu12' in text


@pytest.mark.parametrize('driver', [None, (13, 0), (14, 1)])  # none at all; those that will do
def test_of_other_drivers_nothing_is_said(driver, monkeypatch):
    text = told(driver, monkeypatch)
    assert "'cuda:99'" in text and 'driver' not in text
