"""Nothing is lost and nothing is there twice, whatever happens to a run that makes a dataset."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
from pathlib import Path

import pytest
import trimesh
from generate_runs import (
    content,
    generate,
    running,
    shards,
    wait_for,
    worker_pids,
    working_pids,
)
from inline_work import InlineExecutor

from dexgrasp_ros.cli.dataset_generate import Generate
from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.generation.generate import generate as make
from dexgrasp_ros.dataset.shards import read_metadata
from dexgrasp_ros.dataset.work.executors import LocalExecutor

MOMENTS = {
    'begun': lambda out: (out / 'dataset.json').exists(),
    'mesh': lambda out: list(out.glob('meshes/*')),
    'object': lambda out: list(out.glob('objects/*.json')),
    'shard': shards,
    'writing': lambda out: list(out.glob('grasps/*/*/.*.tmp')) or len(shards(out)) > 1,
    'most': lambda out: len(shards(out)) > 2,
}


@pytest.mark.parametrize(
    ('moments', 'processes'),
    [
        pytest.param(('shard',), '1', marks=pytest.mark.short),
        pytest.param(tuple(MOMENTS), '2', marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_moment_it_ends_with_the_same_bytes(
    undisturbed, objects, tmp_path, moments, processes
):
    """The whole run is killed as soon as it has reached this, then this, …."""
    out = tmp_path / 'set'
    for moment in moments:
        with running(objects, out, '--processes', processes) as process:
            wait_for(lambda moment=moment: MOMENTS[moment](out), process)
            process.send_signal(signal.SIGKILL)
    code, report, said = generate(objects, out)
    assert code == 0, said
    assert report['skipped'] >= (3 if 'most' in moments else 1)
    assert content(out) == content(undisturbed[0])


def test_terminated_it_ends_at_once_and_says_so(objects, tmp_path):
    """As at Ctrl-C; so end jobs of a cluster whose time is over."""
    out = tmp_path / 'set'
    with running(objects, out, '--processes', '1') as process:
        wait_for(lambda: list(out.glob('objects/*.json')), process)
        workers = worker_pids(process.pid)
        process.terminate()
        said = process.communicate()[1]
    assert (process.returncode, said.strip()) == (130, 'dexgrasp: interrupted')
    assert workers and not any(Path(f'/proc/{pid}').exists() for pid in workers)
    assert not list(out.rglob('.*.tmp')) and not list(out.glob('failures/*'))


@pytest.mark.slow  # `test_steps.py` has devices at less dear work
def test_two_devices_make_the_same_bytes(undisturbed, copied, objects):
    """Each searches in a process of its own, while a third one evaluates."""
    for path in sorted(copied.glob('grasps/*/*/*'))[1::2]:
        path.unlink()
    most = [0]

    def count(_report):
        most.append(len(worker_pids(os.getpid())))

    with LocalExecutor(1, device='cpu,cpu') as executor:
        report = remade(copied, objects, executor, count)
    assert max(most) == 3 and (report.made, report.skipped, report.lost) == (2, 2, 0)
    assert content(copied) == content(undisturbed[0])


def remade(copied, objects, executor, progress):
    """Make what is missing of a dataset, with the settings that it has."""
    told = json.loads((copied / 'dataset.json').read_text())
    settings = told['configuration']
    return make(
        copied,
        hands=['barrett'],
        objects=objects,
        grasps_per_object=told['grasps_per_object'],
        executor=executor,
        config=DatasetConfig(**settings | {'search': SynthesisConfig(**settings['search'])}),
        progress=progress,
    )


@pytest.mark.slow  # `test_steps.py` has workers that die at less dear work
def test_a_worker_that_is_killed_costs_nothing(undisturbed, copied, objects):
    """It is killed before it has begun, and in the midst of a search."""
    (record,) = copied.glob('objects/box-*.json')
    for path in (record, min(copied.glob('grasps/*/object=box-*/*'))):
        path.unlink()
    moments = [lambda: True, record.exists]

    def kill(_report):
        pids = worker_pids(os.getpid())
        if moments and pids and moments[0]():
            del moments[0]
            for pid in pids:
                os.kill(pid, signal.SIGKILL)

    with LocalExecutor(1, device='cpu') as executor:
        report = remade(copied, objects, executor, kill)
    assert not moments and (report.made, report.skipped, report.lost) == (1, 3, 0)
    assert content(copied) == content(undisturbed[0])


@contextlib.contextmanager
def no_larger_files(size):
    """Let this process write files of so many bytes [B] at most."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow  # of single files: core/test_files.py; missing shards: test_generate.py
def test_a_full_disk_is_told_and_the_next_run_completes(undisturbed, copied, objects):
    """A limit of file sizes stands for it: some shards fit below it, others do not."""
    removed = sorted(copied.glob('grasps/*/object=ball-*/*'))
    sizes = sorted(shard.stat().st_size for shard in removed)
    limit = (sizes[0] + sizes[-1]) // 2
    assert sizes[0] < limit < sizes[-1]
    for shard in removed:
        shard.unlink()
    with no_larger_files(limit):
        code, report, said = generate(objects, copied)
    assert code == 1
    assert report['made'] > 0 and report['lost'] == sum(size > limit for size in sizes)
    assert 'File too large' in said and 'units were not made' in said
    failures = [json.loads(p.read_text()) for p in copied.glob('failures/*')]
    assert len(failures) == report['lost'] and 'File too large' in failures[0]['message']
    code, report, said = generate(objects, copied)
    assert code == 0, said
    assert not list(copied.glob('failures/*'))
    assert list(content(copied)) == list(content(undisturbed[0]))
    assert content(copied) == content(undisturbed[0])


def test_two_machines_make_the_same_dataset(undisturbed, objects, tmp_path, monkeypatch):
    """The other one makes its share while this one has a task under way."""
    out, reports = tmp_path / 'set', []
    share = ('--shard-count', '2', '--shard-index')
    answers = InlineExecutor.answers

    def interrupted(executor, timeout):
        if not reports and list(out.glob('meshes/*')):
            reports.append({})
            reports[0] = generate(objects, out, *share, '1')[1]
        return answers(executor, timeout)

    monkeypatch.setattr(InlineExecutor, 'answers', interrupted)
    reports.append(generate(objects, out, *share, '0')[1])
    assert [r['made'] for r in reports] == [2, 2]
    assert content(out) == content(undisturbed[0])


@pytest.mark.slow
def test_two_processes_make_the_same_dataset(undisturbed, objects, tmp_path):
    out = tmp_path / 'set'
    share = ('--shard-count', '2', '--shard-index')
    with running(objects, out, *share, '0') as first, running(objects, out, *share, '1') as second:
        reports = [
            json.loads(p.communicate()[0].strip().splitlines()[-1]) for p in (first, second)
        ]
    assert [r['made'] for r in reports] == [2, 2]
    assert content(out) == content(undisturbed[0])


@pytest.mark.slow  # test_overwrite asks the step that notices it
def test_a_run_that_is_overwritten_ends_and_says_so(inline, tmp_path):
    meshes, out, begun = tmp_path / 'meshes', tmp_path / 'set', []
    meshes.mkdir()
    trimesh.creation.box((0.05, 0.06, 0.09)).export(meshes / 'box.stl')

    def run(seed, **more):
        config = DatasetConfig(
            random_seed=seed,
            **{'shard_size': 2, 'directions': 2, 'settled_share': 0.0, 'max_rounds': 1},
            search=SynthesisConfig(iterations=20),
        )
        with InlineExecutor(1) as executor:
            make(
                out,
                hands=['barrett'],
                objects=meshes,
                grasps_per_object=4,
                executor=executor,
                config=config,
                **more,
            )

    def overtake(_report):
        if shards(out) and not begun:
            begun.append(1)
            run(1, overwrite=True)

    with pytest.raises(InputError, match='Another run has begun'):
        run(0, progress=overtake)
    manifest = json.loads((out / 'dataset.json').read_text())
    assert manifest['configuration']['random_seed'] == 1 and len(shards(out)) == 2
    assert {read_metadata(s)['hash'] for s in shards(out)} == {manifest['hash']}


def test_the_command_runs_on_ray_where_it_is_asked_to(objects, tmp_path, monkeypatch):
    """What an executor of Ray does, `test_steps.py` tests."""
    opened = []

    def open_executor(*where):
        opened.append(where)
        raise InputError('no further')

    monkeypatch.setattr('dexgrasp_ros.cli.dataset_generate.open_executor', open_executor)
    options = {'objects': objects, 'out': tmp_path / 'set', 'processes': 2, 'device': 'cpu'}
    for ray in ('local', None):
        with pytest.raises(InputError, match='no further'):
            Generate(ray=ray, **options).run()
    assert opened == [('local', 2, 'cpu'), (None, 2, 'cpu')]


@pytest.mark.slow
def test_a_ray_cluster_makes_the_same_dataset(undisturbed, objects, tmp_path):
    pytest.importorskip('ray')
    out = tmp_path / 'set'
    with running(objects, out, '--ray', 'local', '--processes', '2') as process:
        printed, said = process.communicate()
    assert process.returncode == 0, said
    assert json.loads(printed.strip().splitlines()[-1])['made'] == 4
    assert content(out) == content(undisturbed[0])


@pytest.mark.slow
def test_a_ray_cluster_survives_its_driver_and_its_workers(undisturbed, objects, tmp_path):
    """The run is killed, then begun again, and a process of the cluster that works is killed."""
    pytest.importorskip('ray')
    out, cluster = tmp_path / 'set', ('--ray', 'local', '--processes', '2')
    with running(objects, out, *cluster) as process:
        wait_for(lambda: shards(out), process)
        process.send_signal(signal.SIGKILL)
    with running(objects, out, *cluster) as process:
        wait_for(lambda: working_pids(process), process)
        os.kill(working_pids(process)[0], signal.SIGKILL)
        printed, said = process.communicate()
    report = json.loads(printed.strip().splitlines()[-1])
    assert process.returncode == 0, said
    assert report['skipped'] >= 1 and report['lost'] == 0
    assert content(out) == content(undisturbed[0])
