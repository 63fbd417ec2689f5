"""Worker processes: every task is answered, whatever the others do."""

from __future__ import annotations

import os
import signal
import time

import pytest

from dexgrasp_ros.evaluation.workers import Failure, run_tasks

WORK = f'{__name__}:work'


def work(base: int, task: str | int) -> int:
    """Misbehave on request."""
    match task:
        case 'raise':
            raise ValueError('so be it')
        case 'die':
            os.kill(os.getpid(), signal.SIGKILL)
        case 'hang':
            time.sleep(600)
        case 'exit':
            raise SystemExit(3)
        case 'pid':
            return os.getpid()
    return base + task


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let the other process find this file, under the name that it has here."""
    monkeypatch.syspath_prepend(os.path.dirname(__file__))
    monkeypatch.setattr(f'{__name__}.WORK', 'test_workers:work')


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


def test_a_task_that_hangs_is_ended():
    found = results([0, 'hang', 1], processes=1, time_limit=3.0)
    assert [found[0], found[2]] == [10, 11]
    assert found[1].timed_out


def test_one_process_does_all_tasks_when_there_is_one():
    assert len(set(results(['pid'] * 4, processes=1))) == 1


def test_a_function_that_is_not_there_is_a_failure_of_each_task():
    found = dict(filter(None, run_tasks('test_workers:nothing', (), [1, 2], processes=1,
                                        time_limit=20.0)))  # fmt: skip
    assert [type(found[k]) for k in (0, 1)] == [Failure, Failure]


def test_no_process_survives_a_stop():
    running = run_tasks(WORK, (0,), ['pid', 'hang', 'hang'], processes=1, time_limit=600.0)
    pid = next(answer[1] for answer in running if answer)
    running.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_nothing_to_do():
    assert list(run_tasks(WORK, (0,), [], processes=2, time_limit=1.0)) == []
