"""How many cores a search takes."""

from __future__ import annotations

import os

import pytest

from dexgrasp_ros.core.cores import thread_count

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
