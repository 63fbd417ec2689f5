"""Steps through real processes, and through Ray: results, failures, deaths, and what follows."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from inline_work import InlineExecutor

from dexgrasp_ros.cli.dataset_run import open_executor
from dexgrasp_ros.core.errors import DeviceError, ErrorCode, InputError
from dexgrasp_ros.dataset.work import ray_executor
from dexgrasp_ros.dataset.work.executors import LocalExecutor, device_environments
from dexgrasp_ros.dataset.work.ray_executor import RayExecutor
from dexgrasp_ros.dataset.work.steps import Step, run_steps
from dexgrasp_ros.synthesis import device as device_module


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Let other processes find `odd_steps`."""
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    path = os.pathsep.join(filter(None, [here, os.environ.get('PYTHONPATH')]))
    monkeypatch.setenv('PYTHONPATH', path)


@pytest.fixture(params=['local', 'ray'])
def executor(request, importable):
    if request.param == 'ray':
        pytest.importorskip('ray')
    address = 'local' if request.param == 'ray' else None
    with open_executor(address, 2, 'cpu') as running:
        yield running


class Run:
    """Steps and what became of them."""

    def __init__(self, executor) -> None:
        self.executor, self.results, self.failures = executor, [], {}

    def step(self, unit, function, *arguments, kind='cpu', then=None, time_limit=600.0) -> Step:
        return Step(
            unit=unit,
            function=f'odd_steps:{function}',
            arguments=arguments,
            kind=kind,
            time_limit=time_limit,
            then=then or (lambda result: self.results.append(result) or ()),
        )

    def run(self, *steps, retries=1) -> None:
        def on_failure(step, failed, tries):
            self.failures[step.unit] = failed, tries

        run_steps(self.executor, steps, retries=retries, on_failure=on_failure)


def test_all_that_can_go_wrong_stops_nothing_else(executor, tmp_path):
    """One run for all cases: a cluster takes seconds to start."""
    assert executor.device == 'cpu'
    assert [executor.slots(kind) for kind in ('device', 'cpu')] == [2, 2]
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
        run.step('raise', 'fail', tmp_path / 'raise', 1, 'raise'),
        run.step('coded', 'fail', tmp_path / 'coded', 9, 'coded'),
        run.step('hopeless', 'fail', tmp_path / 'hopeless', 9, 'raise'),
        run.step('dead', 'fail', tmp_path / 'dead', 9, 'die'),
        run.step('full', 'add', 1, 1, then=full),
        run.step('nowhere', 'no_such_function'),
        run.step('last', 'add', 100, 1, kind='device'),
    )
    assert sorted(map(str, run.results)) == ['101', '13', '7', 'done', 'done'], run.failures
    assert set(run.failures) == {'coded', 'hopeless', 'dead', 'full', 'nowhere'}
    coded, tries = run.failures['coded']
    assert (coded.code, coded.message, tries) == (ErrorCode.OUT_OF_RANGE, 'no such thing', 2)
    assert run.failures['hopeless'][0].message == 'ValueError: so be it'
    assert len(list((tmp_path / 'dead').iterdir())) == 2, 'one try and one more'
    assert 'No space left' in run.failures['full'][0].message
    assert run.failures['full'][1] == 2, 'a full disk is tried again at the end'
    assert 'no_such_function' in run.failures['nowhere'][0].message


@pytest.mark.parametrize('retries', [0, 2])
def test_a_step_is_tried_so_often_and_no_more(tmp_path, retries):
    for name in ('often', 'too often'):
        (tmp_path / name).mkdir()
    with InlineExecutor(1) as executor:
        run = Run(executor)
        run.run(
            run.step('often', 'fail', tmp_path / 'often', retries, 'raise'),
            run.step('too often', 'fail', tmp_path / 'too often', retries + 1, 'raise'),
            retries=retries,
        )
    assert run.results == ['done']
    assert {unit: tries for unit, (_, tries) in run.failures.items()} == {'too often': retries + 1}


def test_later_stages_come_before_new_work():
    """Who searches does not run ahead of those who evaluate: results do not pile up."""
    with InlineExecutor(1) as executor:
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
        step = Run(executor).step('a', 'note', tmp_path, 'a', 60.0)
        run_steps(executor, [step], retries=0, on_failure=print, on_wait=interrupt)
    pid = (tmp_path / 'a-begin').read_text()
    assert pid and not Path(f'/proc/{pid}').exists()


def test_a_cluster_that_is_not_there_is_an_error():
    pytest.importorskip('ray')
    with pytest.raises(DeviceError, match="no Ray cluster at 'auto'"):
        RayExecutor('auto')


class Cluster:
    """What an executor asks of Ray, with the answers of a cluster that is not there."""

    def __init__(self, **resources: float) -> None:
        self.resources, self.asked, self.is_shut_down = resources, [], False

    def cluster_resources(self) -> dict[str, float]:
        return self.resources

    def shutdown(self) -> None:
        self.is_shut_down = True

    def remote(self, **asked):
        self.asked.append(asked)
        return lambda _function: SimpleNamespace(options=self.remote)


def test_a_cluster_without_a_gpu_is_told_and_left(monkeypatch):
    cluster = Cluster(CPU=2.0)
    monkeypatch.setattr(ray_executor, '_start', lambda *_: cluster)
    with pytest.raises(DeviceError, match='has no GPU'):
        RayExecutor('local', 1, device='cuda')
    assert cluster.is_shut_down


def test_searches_go_to_the_gpus_of_a_cluster(monkeypatch):
    cluster = Cluster(CPU=8.0, GPU=3.0)
    monkeypatch.setattr(ray_executor, '_start', lambda *_: cluster)
    executor = RayExecutor('auto')
    assert executor.device == 'cuda'
    assert [executor.slots(kind) for kind in ('device', 'cpu')] == [3, 8]
    assert cluster.asked == [{'max_retries': 0, 'num_cpus': 1}, {'num_gpus': 1}]
    cluster.asked.clear()
    assert RayExecutor('auto', device='cpu').device == 'cpu'
    assert cluster.asked == [{'max_retries': 0, 'num_cpus': 1}]


def test_each_listed_device_has_a_process_that_searches_while_the_cpu_evaluates(importable):
    with LocalExecutor(1, device='cpu,cpu') as executor:
        assert executor.device == 'cpu'
        assert [executor.slots(kind) for kind in ('device', 'cpu')] == [2, 1]
        searching, evaluating = Run(executor), Run(executor)
        steps = [searching.step(f'search {k}', 'where', kind='device') for k in range(6)]
        steps += [evaluating.step(f'evaluation {k}', 'where') for k in range(2)]
        searching.run(*steps)
    assert len(searching.results) == 6
    devices = {pid for pid, _ in searching.results}
    cpus = {pid for pid, _ in evaluating.results}
    assert len(devices) == 2 and len(cpus) == 1 and not devices & cpus


@pytest.mark.parametrize(
    ('device', 'listed', 'seen'),
    [
        ('cuda:0,cuda:1', '', ['0', '1']),
        ('cuda:1, cuda:0', 'GPU-b,GPU-a', ['GPU-a', 'GPU-b']),
        ('cuda:1', '', ['1']),
        ('auto', '3,5', ['3', '5']),
    ],
)
def test_a_process_sees_its_own_gpu_alone(device, listed, seen, monkeypatch):
    def resolve(name):
        return SimpleNamespace(is_cpu=False, ordinal=0 if name == 'auto' else int(name[-1]))

    monkeypatch.setattr(device_module, 'resolve_device', resolve)
    monkeypatch.setattr('warp.get_cuda_device_count', lambda: 2)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', listed)
    kind, environments = device_environments(device)
    assert kind == 'cuda'
    assert environments == [{'CUDA_VISIBLE_DEVICES': name} for name in seen]


def test_lists_that_make_no_sense_are_refused(monkeypatch):
    assert device_environments('cpu') == ('cpu', [])
    with pytest.raises(DeviceError, match="no device 'gpu'"):
        device_environments('cpu,gpu')
    monkeypatch.setattr(
        device_module, 'resolve_device', lambda name: SimpleNamespace(is_cpu=name == 'cpu')
    )
    with pytest.raises(InputError, match='different grasps'):
        device_environments('cpu,cuda:0')
    with pytest.raises(InputError, match='Ray hands out GPUs itself'):
        RayExecutor('local', 1, device='cuda:0,cuda:1')


def test_no_process_is_refused():
    with pytest.raises(InputError, match="'processes' is 0"):
        LocalExecutor(0)
    pytest.importorskip('ray')
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
