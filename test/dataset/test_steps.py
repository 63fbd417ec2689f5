"""Steps through real processes, and through Ray: results, failures, deaths, and what follows."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.dataset.work.executors import LocalExecutor
from dexgrasp_ros.dataset.work.steps import Step, run_steps


def add(a: int, b: int) -> int:
    return a + b


def fail(folder: Path, times: int, how: str) -> str:
    """Fail in some way the first `times` times."""
    tries = len(list(folder.iterdir()))
    (folder / str(tries)).touch()
    if tries < times:
        if how == 'die':
            os.kill(os.getpid(), signal.SIGKILL)
        if how == 'raise':
            raise ValueError('so be it')
        raise InputError('no such thing', ErrorCode.OUT_OF_RANGE)
    return 'done'


def note(folder: Path, name: str, seconds: float) -> None:
    (folder / f'{name}-begin').touch()
    time.sleep(seconds)
    (folder / f'{name}-end').touch()


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let other processes find this file."""
    here = os.path.dirname(__file__)
    monkeypatch.syspath_prepend(here)
    path = os.pathsep.join(filter(None, [here, os.environ.get('PYTHONPATH')]))
    monkeypatch.setenv('PYTHONPATH', path)


@pytest.fixture(params=['local', 'ray'])
def executor(request, importable):
    if request.param == 'local':
        with LocalExecutor(2, device='cpu') as running:
            yield running
    else:
        pytest.importorskip('ray')
        from dexgrasp_ros.dataset.work.ray_executor import RayExecutor

        with RayExecutor('local', 2, device='cpu') as running:
            yield running


class Run:
    """Steps and what became of them."""

    def __init__(self, executor) -> None:
        self.executor, self.results, self.failures = executor, [], {}

    def step(self, unit, function, *arguments, kind='cpu', then=None, time_limit=600.0) -> Step:
        return Step(
            unit=unit,
            function=f'test_steps:{function}',
            arguments=arguments,
            kind=kind,
            time_limit=time_limit,
            then=then or (lambda result: self.results.append(result) or ()),
        )

    def run(self, *steps, retries=2) -> None:
        def on_failure(step, failed, tries):
            self.failures[step.unit] = failed, tries

        run_steps(self.executor, steps, retries=retries, on_failure=on_failure)


def test_all_that_can_go_wrong_stops_nothing_else(executor, tmp_path):
    """One run for all cases: a cluster takes seconds to start."""
    run = Run(executor)
    for name in ('die', 'raise', 'coded', 'hopeless', 'dead'):
        (tmp_path / name).mkdir()

    def onward(result):
        return [run.step('second', 'add', result, 10, kind='device')]

    def full(_result):
        raise OSError(28, 'No space left on device')

    def full_for_a_while(result):
        if len(run.results) < 4:  # the others
            raise OSError(28, 'No space left on device')
        return [run.step('written', 'add', result, 5)]

    run.run(
        run.step('first', 'add', 1, 2, then=onward),
        run.step('room later', 'add', 1, 1, then=full_for_a_while),
        run.step('die', 'fail', tmp_path / 'die', 1, 'die'),
        run.step('raise', 'fail', tmp_path / 'raise', 2, 'raise'),
        run.step('coded', 'fail', tmp_path / 'coded', 9, 'coded'),
        run.step('hopeless', 'fail', tmp_path / 'hopeless', 9, 'raise'),
        run.step('dead', 'fail', tmp_path / 'dead', 9, 'die'),
        run.step('full', 'add', 1, 1, then=full),
        run.step('nowhere', 'no_such_function'),
        run.step('last', 'add', 100, 1, kind='device'),
    )
    assert sorted(map(str, run.results)) == ['101', '13', '7', 'done', 'done']
    assert set(run.failures) == {'coded', 'hopeless', 'dead', 'full', 'nowhere'}
    coded, tries = run.failures['coded']
    assert (coded.code, coded.message, tries) == (ErrorCode.OUT_OF_RANGE, 'no such thing', 3)
    assert run.failures['hopeless'][0].message == 'ValueError: so be it'
    assert len(list((tmp_path / 'dead').iterdir())) == 3, 'one try and two retries'
    assert 'No space left' in run.failures['full'][0].message
    assert run.failures['full'][1] == 2, 'a full disk is tried again at the end'
    assert 'no_such_function' in run.failures['nowhere'][0].message


def test_later_stages_come_before_new_work(tmp_path):
    """Who searches does not run ahead of those who evaluate: results do not pile up."""
    with LocalExecutor(1, device='cpu') as executor:
        run, open_units, most = Run(executor), 0, 0

        def evaluate(_result):
            nonlocal open_units, most
            open_units += 1
            most = max(most, open_units)
            return [run.step('evaluate', 'add', 1, 1, then=finish)]

        def finish(result):
            nonlocal open_units
            open_units -= 1
            run.results.append(result)
            return ()

        steps = [run.step(str(n), 'add', n, 0, kind='device', then=evaluate) for n in range(30)]
        run.run(*steps)
    assert len(run.results) == 30 and most <= 4


def test_nothing_is_left_running_after_an_interrupt(tmp_path):
    def interrupt():
        if (tmp_path / 'a-begin').exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), LocalExecutor(2, device='cpu') as executor:
        step = Run(executor).step('a', 'note', tmp_path, 'a', 3.0)
        run_steps(executor, [step], retries=0, on_failure=print, on_wait=interrupt)
    time.sleep(4.0)
    assert not (tmp_path / 'a-end').exists()


def test_a_cluster_that_is_not_there_is_an_error():
    pytest.importorskip('ray')
    from dexgrasp_ros.core.errors import DeviceError
    from dexgrasp_ros.dataset.work.ray_executor import RayExecutor

    with pytest.raises(DeviceError, match="no Ray cluster at 'auto'"):
        RayExecutor('auto')
    with pytest.raises(DeviceError, match='has no GPU'):
        RayExecutor('local', 1, device='cuda')


def test_no_process_is_refused():
    with pytest.raises(InputError, match="'processes' is 0"):
        LocalExecutor(0)
    pytest.importorskip('ray')
    from dexgrasp_ros.dataset.work.ray_executor import RayExecutor

    with pytest.raises(InputError, match="'processes' is -1"):
        RayExecutor('local', -1)


def test_each_task_has_its_own_time(tmp_path):
    with LocalExecutor(2, device='cpu') as executor:
        run = Run(executor)
        run.run(
            run.step('hung', 'note', tmp_path, 'hung', 60.0, time_limit=1.0),
            run.step('slow', 'note', tmp_path, 'slow', 3.0, time_limit=600.0),
        )
    assert (
        set(run.failures) == {'hung'} and 'no result within 1 s' in run.failures['hung'][0].message
    )
    assert (tmp_path / 'slow-end').exists() and not (tmp_path / 'hung-end').exists()
