"""Processes that run tasks one at a time; one that dies or hangs costs its own task only.

They are started as programs of their own, not by `multiprocessing`, which would run the caller's
script again and so needs a guard in it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any

# Ctrl-C is for whoever started the processes, also in the seconds that their imports take.
_PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from dexgrasp_ros.core.worker_process import main
main()
"""
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
    time_limit: float = float('inf')  # s, of that task
    deadline: float = field(default=float('inf'))  # time.monotonic


class WorkerPool(contextlib.AbstractContextManager):
    """Processes that answer a queue of tasks which may grow; leaving the context ends them.

    Parameters
    ----------
    function
        Where it is: ``'package.module:name'``; called as ``name(*shared, task)``.
    shared
        Arguments that are the same for all tasks; sent once to each process.
    processes
        How many at most; they are started when there is work.
    environment
        Variables that the processes have beside those of this one.
    """

    def __init__(
        self,
        function: str,
        shared: tuple[Any, ...] = (),
        *,
        processes: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._program = function, shared, dict(environment or {})
        self.processes = processes
        self._workers: list[_Worker] = []
        self._waiting: deque[int] = deque()
        self._tasks: dict[int, tuple[Any, float]] = {}  # without an answer; time limits
        self._count = 0

    @property
    def pending(self) -> int:
        """Count of tasks without an answer."""
        return len(self._tasks)

    @property
    def connections(self) -> list[Connection]:
        """On which answers come; `multiprocessing.connection.wait` waits for any of them."""
        return [w.connection for w in self._workers if w.task is not None]

    def submit(self, task: Any, time_limit: float) -> int:
        """Add a task, which must pickle; return its number, 0 for the first.

        A process that takes longer than `time_limit` [s], without its start, is replaced.
        """
        number, self._count = self._count, self._count + 1
        self._tasks[number] = task, time_limit
        self._waiting.append(number)
        self._hand_out()
        return number

    def answers(self, timeout: float = _POLL) -> list[tuple[int, Any]]:
        """Wait for a moment; return numbers of tasks with their results or `Failure`."""
        self._hand_out()
        ready = wait(self.connections, timeout)
        told = [_answer(w, w.connection in ready) for w in self._workers]
        found = [answer for answer in told if answer is not None]
        for number, _ in found:
            del self._tasks[number]
        self._hand_out()
        return found

    def close(self) -> None:
        """End all processes, whatever they do."""
        for worker in self._workers:
            _end(worker)
        self._workers.clear()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hand_out(self) -> None:
        self._workers = [
            w for w in self._workers if w.task is not None or w.process.poll() is None
        ]
        idle = [w for w in self._workers if w.task is None]
        while self._waiting and (idle or len(self._workers) < self.processes):
            if idle:
                worker = idle.pop()
            else:
                worker = _start(*self._program)
                self._workers.append(worker)
            worker.task = self._waiting.popleft()
            task, worker.time_limit = self._tasks[worker.task]
            worker.deadline = time.monotonic() + _limit(worker)
            _send(worker, task)


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
    function, shared, processes
        As for `WorkerPool`.
    tasks
        What differs; shared and tasks must pickle.
    time_limit
        For one task [s], as for `WorkerPool.submit`.

    Yields
    ------
    tuple or None
        Index of a task with its result or a `Failure`, as they come; None when nothing came for
        a moment. Closing the generator ends the processes.
    """
    with WorkerPool(function, shared, processes=processes) as pool:
        for task in tasks:
            pool.submit(task, time_limit)
        while pool.pending:
            found = pool.answers()
            yield from found
            if not found:
                yield None


def _start(function: str, shared: tuple[Any, ...], extra: Mapping[str, str]) -> _Worker:
    ours, theirs = Pipe()
    environment = os.environ | {
        'PYTHONPATH': os.pathsep.join(p or os.getcwd() for p in sys.path),
        'OMP_NUM_THREADS': '1',
        **extra,
    }
    command = [sys.executable, '-c', _PROGRAM, str(theirs.fileno())]
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


def _limit(worker: _Worker) -> float:
    return worker.time_limit if worker.ready else _START_LIMIT


def _answer(worker: _Worker, ready: bool) -> tuple[int, Any] | None:
    """Take what a worker has to say, or what is to be said of it."""
    task = worker.task
    if task is None:
        return None
    if ready:
        try:
            value = worker.connection.recv()
            if value == READY:
                worker.ready, worker.deadline = True, time.monotonic() + worker.time_limit
                return None
        except (EOFError, OSError):
            worker.process.wait()
            code = worker.process.returncode
            value = Failure(timed_out=False, message=f'the process ended with {code}')
            _end(worker)
    elif time.monotonic() > worker.deadline:
        _end(worker)
        value = Failure(timed_out=True, message=f'no result within {_limit(worker):g} s')
    else:
        return None
    worker.task, worker.deadline = None, float('inf')
    return task, value


def _end(worker: _Worker) -> None:
    worker.connection.close()
    if worker.process.poll() is None:
        worker.process.kill()
    worker.process.wait()
