"""Requests of `reconstruct_objects` that wait for the same labels, and a worker that is quick."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from types import SimpleNamespace

import pytest

pytest.importorskip('rclpy')

from rclpy.task import Future

from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.nodes.reconstruction.reconstruction_node import ReconstructionNode


class Lock:
    """A lock that says when another thread than the test's wants it."""

    def __init__(self, wanted: threading.Event) -> None:
        self._lock, self._wanted = threading.Lock(), wanted

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            self._wanted.set()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Asked(dict):
    """What waits; it says when something was looked for."""

    def __init__(self, looked: threading.Event) -> None:
        super().__init__()
        self._looked = looked

    def pop(self, *args: object) -> object:
        try:
            return super().pop(*args)
        finally:
            self._looked.set()


def test_a_worker_that_begins_at_once_leaves_no_answer_behind_for_later_requests():
    begun, workers = threading.Event(), []

    def submit(work, *args):
        """Return when the worker has forgotten the request, or waits for leave to do so."""
        future = Future()

        def run():
            try:
                work(*args)
            except PerceptionError as error:
                future.set_exception(error)

        workers.append(threading.Thread(target=run))
        workers[-1].start()
        assert begun.wait(60)
        return future

    def answer(_labels, _max_age):
        raise PerceptionError('There is no image.', ErrorCode.NO_IMAGES)

    node = SimpleNamespace(
        _asked=Asked(begun),
        _asking=Lock(begun),
        _worker=SimpleNamespace(submit=submit),
        _task=SimpleNamespace(answer=answer),
        _note_failure=lambda _error: None,
        get_logger=logging.getLogger,
    )
    node._answer = functools.partial(ReconstructionNode._answer, node)
    response = ReconstructObjects.Response()
    request = ReconstructObjects.Request(labels=[3])
    asking = ReconstructionNode._on_reconstruct(node, request, response)
    with contextlib.suppress(StopIteration):
        asking.send(None)
        workers[0].join(60)
        asking.send(None)
    assert response.error_code == ErrorCode.NO_IMAGES
    assert not node._asked
