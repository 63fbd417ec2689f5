"""Work for a thread of its own, and what of it nobody wants any more."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.nodes.shared.worker import Worker, settle


@pytest.fixture
def worker():
    """A worker of a node that no executor spins."""
    worker = Worker(SimpleNamespace(executor=None, get_name=lambda: 'node'))
    yield worker
    assert worker.close(10)


def test_what_nobody_wants_any_more_is_not_begun_and_leaves_the_queue(worker):
    begun, go_on, done = threading.Event(), threading.Event(), []
    worker.submit(lambda: (begun.set(), go_on.wait(20)))
    assert begun.wait(20)
    for i in range(300):
        future = worker.submit(done.append, i)
        assert len(worker._waiting) == 1
        if i < 299:
            settle(future, None)  # a newer goal takes its place
    go_on.set()
    until = time.monotonic() + 20
    while not done and time.monotonic() < until:
        time.sleep(0.005)
    assert done == [299]


def test_all_that_is_wanted_is_done_in_order(worker):
    done, last = [], threading.Event()
    for i in range(20):
        worker.submit(done.append, i)
    worker.submit(last.set)
    assert last.wait(20)
    assert done == list(range(20))
