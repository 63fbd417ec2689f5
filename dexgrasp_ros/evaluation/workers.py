"""Processes that run tasks one at a time; one that dies or hangs costs its own task only.

They are started as programs of their own, not by `multiprocessing`, which would run the caller's
script again and so needs a guard in it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

_PROGRAM = 'dexgrasp_ros.evaluation.worker_process'
READY = 'ready'  # what a process says before it begins with its first task
_START_LIMIT = 120.0  # s to start Python and import, on a machine that is busy
_POLL = 0.1  # s between two looks at the caller's wish to stop


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What came back instead of a result."""

    timed_out: bool
    message: str


@dataclass(kw_only=True)
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    ready: bool = False
    task: int | None = None
    deadline: float = field(default=float('inf'))  # time.monotonic


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def run_tasks(
    function: str,
    shared: tuple[Any, ...],
    tasks: Sequence[Any],
    *,
    processes: int,
    time_limit: float,
) -> Iterator[tuple[int, Any] | None]:
    """Call a function for every task in other processes.

    Parameters
    ----------
    function
        Where it is: ``'package.module:name'``; called as ``name(*shared, task)``.
    shared
        Arguments that are the same for all tasks; sent once to each process.
    tasks
        What differs; shared and tasks must pickle.
    processes
        How many at most.
    time_limit
        For one task [s], without the start; a process that takes longer is killed and replaced.

    Yields
    ------
    tuple or None
        Index of a task with its result or a `Failure`, as they come; None when nothing came for
        a moment. Closing the generator ends the processes.
    """
    workers: list[_Worker] = []
    waiting = list(range(len(tasks)))[::-1]
    try:
        while waiting or any(w.task is not None for w in workers):
            workers = [w for w in workers if w.process.poll() is None or w.task is not None]
            while waiting and len(workers) < processes:
                workers.append(_start(function, shared))
            for worker in workers:
                if worker.task is None and waiting:
                    worker.task = waiting.pop()
                    limit = time_limit if worker.ready else _START_LIMIT
                    worker.deadline = time.monotonic() + limit
                    _send(worker, tasks[worker.task])
            ready = wait([w.connection for w in workers if w.task is not None], _POLL)
            answers = [_answer(w, w.connection in ready, time_limit) for w in workers]
            yield from (a for a in answers if a is not None)
            if not any(answers):
                yield None
    finally:
        for worker in workers:
            _end(worker)


def _start(function: str, shared: tuple[Any, ...]) -> _Worker:
    ours, theirs = Pipe()
    environment = os.environ | {
        'PYTHONPATH': os.pathsep.join(p or os.getcwd() for p in sys.path),
        'OMP_NUM_THREADS': '1',
    }
    command = [sys.executable, '-m', _PROGRAM, str(theirs.fileno())]
    process = subprocess.Popen(
        command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=environment
    )
    theirs.close()
    worker = _Worker(process=process, connection=ours)
    _send(worker, (function, shared))
    return worker


def _send(worker: _Worker, value: Any) -> None:
    try:
        worker.connection.send(value)
    except OSError:
        return  # It has died; whoever waits for its answer learns that.


def _answer(worker: _Worker, ready: bool, time_limit: float) -> tuple[int, Any] | None:
    """Take what a worker has to say, or what is to be said of it."""
    task = worker.task
    if task is None:
        return None
    if ready:
        try:
            value = worker.connection.recv()
            if value == READY:
                worker.ready, worker.deadline = True, time.monotonic() + time_limit
                return None
        except (EOFError, OSError):
            worker.process.wait()
            code = worker.process.returncode
            value = Failure(timed_out=False, message=f'the process ended with {code}')
            _end(worker)
    elif time.monotonic() > worker.deadline:
        _end(worker)
        limit = time_limit if worker.ready else _START_LIMIT
        value = Failure(timed_out=True, message=f'no result within {limit:g} s')
    else:
        return None
    worker.task, worker.deadline = None, float('inf')
    return task, value


def _end(worker: _Worker) -> None:
    worker.connection.close()
    if worker.process.poll() is None:
        worker.process.kill()
    worker.process.wait()
