"""Worker processes: every task is answered, whatever the others do."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from dexgrasp_ros.core.workers import Failure, WorkerPool, run_tasks

WORK = 'odd_work:work'


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let the other process find `odd_work`."""
    monkeypatch.syspath_prepend(os.path.dirname(__file__))


def results(tasks, *, processes=2, time_limit=20.0):
    running = run_tasks(WORK, (10,), tasks, processes=processes, time_limit=time_limit)
    found = dict(filter(None, running))
    assert sorted(found) == list(range(len(tasks)))
    return [found[k] for k in range(len(tasks))]


def test_bad_tasks_cost_only_themselves():
    found = results([0, 'raise', 1, 'die', 2, 'exit', 3])
    assert [found[k] for k in (0, 2, 4, 6)] == [10, 11, 12, 13]
    assert found[1] == Failure(timed_out=False, message='ValueError: so be it')
    assert isinstance(found[3], Failure) and '-9' in found[3].message
    assert isinstance(found[5], Failure)


def test_a_task_that_hangs_is_ended_and_one_process_does_the_others():
    found = results(['pid', 0, 'hang', 'pid', 1, 'pid'], processes=1, time_limit=3.0)
    assert [found[1], found[4]] == [10, 11]
    assert found[2].timed_out
    assert found[0] != found[3] == found[5]


def test_a_function_that_is_not_there_is_a_failure_of_each_task():
    found = dict(filter(None, run_tasks('odd_work:nothing', (), [1, 2], processes=1,
                                        time_limit=20.0)))  # fmt: skip
    assert [type(found[k]) for k in (0, 1)] == [Failure, Failure]


def test_no_process_survives_a_stop():
    running = run_tasks(WORK, (0,), ['pid', 'hang', 'hang'], processes=1, time_limit=600.0)
    pid = next(answer[1] for answer in running if answer)
    running.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_interrupt_is_for_whoever_started_them():
    """Ctrl-C reaches all processes of a terminal, also those that still import."""
    with WorkerPool(WORK, (10,), processes=1) as pool:
        pool.submit(1, 60.0)
        (pid,) = children()
        while not pool.answers(0.0):
            os.kill(pid, signal.SIGINT)
            time.sleep(0.02)
        pool.submit('pid', 60.0)
        assert collect(pool) == {1: pid}


def children():
    """Processes that this one has started and that interrupts do not end."""
    path = f'/proc/self/task/{os.getpid()}/children'
    deadline = time.monotonic() + 30.0
    while True:
        found = [int(pid) for pid in Path(path).read_text().split()]
        ignoring = [pid for pid in found if ignores_interrupts(pid)]
        if ignoring:
            return ignoring
        assert time.monotonic() < deadline
        time.sleep(0.001)


def ignores_interrupts(pid):
    status = Path(f'/proc/{pid}/status').read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith('SigIgn'))
    return bool(int(mask, 16) & 1 << (signal.SIGINT - 1))


def test_nothing_to_do():
    assert list(run_tasks(WORK, (0,), [], processes=2, time_limit=1.0)) == []


def collect(pool):
    """Wait for all answers."""
    found = {}
    while pool.pending:
        found |= dict(pool.answers())
    return found


def test_a_queue_may_grow_while_it_is_worked_on():
    """And its processes have the variables of the pool."""
    variables = {'OF_THE_POOL': 'seen'}
    with WorkerPool(WORK, (10,), processes=1, environment=variables) as pool:
        assert [pool.submit(task, 20.0) for task in (0, 'pid')] == [0, 1]
        first = collect(pool)
        assert first[0] == 10
        assert [pool.submit(task, 20.0) for task in ('pid', 'die', 5)] == [2, 3, 4]
        second = collect(pool)
        pool.submit('variable', 20.0)
        assert collect(pool) == {5: 'seen'} and 'OF_THE_POOL' not in os.environ
    assert second[2] == first[1], 'the same process goes on'
    assert isinstance(second[3], Failure) and second[4] == 15
    assert not os.path.exists(f'/proc/{first[1]}')
