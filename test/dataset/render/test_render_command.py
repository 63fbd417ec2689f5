"""The command: whole runs, killed ones, shares of machines, failures."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from inline_work import run_command

SETTINGS = 'width: 96\nheight: 72\nviews: 3\nrig: stereo\n'


@pytest.fixture
def cameras(tmp_path):
    path = tmp_path / 'cameras.yaml'
    path.write_text(SETTINGS)
    return path


def words(layout, cameras, *more):
    return ['dataset', 'render', '--out', str(layout.root), '--cameras', str(cameras), *more]


def run(layout, cameras, *more):
    """Run here to the end; return the exit code, the report, and what was said."""
    return run_command(*words(layout, cameras, *more))


def content(layout):
    """All files but those that tell of time and failures."""
    skipped = {'timing', 'failures'}
    return {
        str(path.relative_to(layout.root)): path.read_bytes()
        for path in sorted(layout.root.rglob('*'))
        if path.is_file() and path.relative_to(layout.root).parts[0] not in skipped
    }


def test_a_run_makes_all_scenes_and_the_next_one_keeps_them(layout, cameras):
    code, report, _ = run(layout, cameras)
    assert code == 0
    assert (report['units'], report['made'], report['skipped']) == (2, 2, 0)
    assert report['frames'] == report['wanted'] == report['wanted_done'] == 2 * 3 * 2
    whole = content(layout)
    told = json.loads(whole['cameras.json'])
    assert told['cameras']['rig'] == 'stereo' and 'depth.png' in told['channels']
    code, report, _ = run(layout, cameras)
    assert (code, report['made'], report['skipped'], report['frames']) == (0, 0, 2, 0)
    assert content(layout) == whole


def test_a_killed_run_is_finished_by_the_next_one(layout, cameras, tmp_path, new_dataset):
    many = ('--views', '12')  # so that writing the tar takes a while
    reference = new_dataset(tmp_path / 'reference')
    assert run(reference, cameras, *many)[0] == 0
    # Killed while a tar is being written: its temporary file is there.
    program = [sys.executable, '-m', 'dexgrasp_ros.cli']
    process = subprocess.Popen(
        [*program, *words(layout, cameras, *many, '--processes', '1')],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not list(layout.root.glob('images/.*.tmp')):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(list(layout.root.glob('frames/*/*.parquet'))) < 2
    code, report, _ = run(layout, cameras, *many)
    assert code == 0 and report['lost'] == 0
    assert content(layout) == content(reference)


def test_machines_share_the_scenes(layout, cameras, tmp_path, new_dataset):
    reference = new_dataset(tmp_path / 'reference')
    assert run(reference, cameras)[0] == 0
    for index in ('1', '0'):
        code, report, _ = run(layout, cameras, '--shard-index', index, '--shard-count', '2')
        assert code == 0 and report['made'] == 1
    assert content(layout) == content(reference)


def test_a_bad_mesh_is_told_and_costs_its_own_scene_only(layout, cameras, task_of):
    task = task_of(layout, 'ball')
    good = layout.mesh(task.digest).read_bytes()
    layout.mesh(task.digest).write_bytes(b'no mesh')
    code, report, said = run(layout, cameras, '--retries', '0')
    assert code == 1 and (report['made'], report['lost']) == (1, 1)
    assert 'INVALID_MESH' in said and task.digest in said
    assert json.loads(layout.failure(task.name).read_text())['code'] == 'INVALID_MESH'
    layout.mesh(task.digest).write_bytes(good)
    code, report, _ = run(layout, cameras)
    assert code == 0 and (report['made'], report['skipped']) == (1, 1)
    assert not layout.failure(task.name).exists()


def test_other_settings_need_leave(layout, cameras):
    assert run(layout, cameras, '--views', '1')[0] == 0
    code, _, said = run(layout, cameras, '--views', '2')
    assert code == 1
    assert "'views' is 2 and there 1" in said and '--overwrite' in said
    code, report, _ = run(layout, cameras, '--views', '2', '--overwrite')
    assert code == 0 and report['made'] == 2 and report['frames'] == 8
    assert run(layout, cameras, '--views', '2')[1]['skipped'] == 2


def test_overwriting_removes_images_of_scenes_that_are_gone(layout, cameras):
    assert run(layout, cameras, '--views', '1')[0] == 0
    gone = [layout.frames('gone-01234567', 0), layout.images('gone-01234567', 0)]
    for path in gone:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'of an object that was')
    assert run(layout, cameras, '--views', '1')[1]['skipped'] == 2
    assert all(path.exists() for path in gone), 'nothing was said of overwriting'
    assert run(layout, cameras, '--views', '1', '--overwrite')[1]['skipped'] == 2
    assert not any(path.exists() for path in gone)


def test_a_damaged_record_costs_its_own_object_only(layout, cameras):
    assert run(layout, cameras, '--views', '1')[0] == 0
    before = content(layout)
    first, second = sorted((layout.root / 'objects').iterdir())
    good = first.read_text()
    first.write_text(good[:20])
    code, report, said = run(layout, cameras, '--views', '1', '--overwrite')
    assert (code, report['lost'], report['skipped']) == (1, 1, 1) and 'is damaged' in said
    first.write_text(good)
    assert content(layout) == before, 'images of what nobody knows are kept'
    assert run(layout, cameras, '--views', '1')[0] == 0
    assert not list((layout.root / 'failures').iterdir())
    for path in (first, second):
        path.write_text('[]')
    code, _, said = run(layout, cameras, '--views', '1')
    assert code == 1 and 'is damaged' in said


def test_a_folder_without_a_dataset(layout, cameras):
    layout.manifest.unlink()
    code, _, said = run(layout, cameras)
    assert code == 1 and 'FILE_NOT_FOUND' in said and 'dataset generate' in said
