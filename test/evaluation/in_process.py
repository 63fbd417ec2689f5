"""Shake tests without processes of their own, each of which takes seconds to start."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from unittest import mock

from dexgrasp_ros.core.workers import Failure

SHAKING = 'dexgrasp_ros.evaluation.shaking'


def run_here(function, shared, tasks, *, processes, time_limit):
    """Do what `run_tasks` does, one task after the other, in this process and to its end."""
    assert processes >= 1 and time_limit > 0
    module, _, name = function.partition(':')
    work = getattr(importlib.import_module(module), name)
    for index, task in enumerate(tasks):
        yield None  # as where nothing came for a moment
        try:
            yield index, work(*shared, task)
        except Exception as error:
            yield index, Failure(timed_out=False, message=f'{type(error).__name__}: {error}')


@contextlib.contextmanager
def shaken_here() -> Iterator[None]:
    """Let `evaluate` shake in this process for as long as the context lasts."""
    with mock.patch.object(importlib.import_module(SHAKING), 'run_tasks', run_here):
        yield


@contextlib.contextmanager
def shaken_elsewhere() -> Iterator[None]:
    """Let it shake in processes of its own, within `shaken_here`."""
    from dexgrasp_ros.core.workers import run_tasks

    with mock.patch.object(importlib.import_module(SHAKING), 'run_tasks', run_tasks):
        yield
