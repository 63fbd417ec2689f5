"""Work for a thread of its own, and what of it nobody wants any more."""

from __future__ import annotations

import gc
import threading
import time
import traceback
import weakref
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.nodes.shared.worker import Worker, settle


@pytest.fixture
def worker():
    """A worker of a node that no executor spins."""
    return Worker(SimpleNamespace(executor=None, get_name=lambda: 'node'))


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


def test_work_that_failed_keeps_nothing_alive_but_its_trace(worker):
    class Search:
        pass

    class Cancelled(Exception):
        pass

    held = []

    def work():
        search = Search()
        held.append(weakref.ref(search))
        raise Cancelled

    gc.disable()  # what takes a collection to be freed, stays for hundreds of goals
    try:
        future, done = worker.submit(work), threading.Event()
        worker.submit(done.set)
        assert done.wait(20)
        worker._run_calls()  # in place of an executor
        assert held[0]() is None
        lines = ''.join(traceback.format_exception(future.exception()))
        assert 'in work' in lines
        error = weakref.ref(future.exception())
        del future
        assert error() is None
    finally:
        gc.enable()
