"""``dexgrasp dataset generate``: nothing is lost and nothing is there twice, whatever happens."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import trimesh
from generate_runs import (
    GRASPS,
    HAND,
    SHARD,
    content,
    generate,
    running,
    shards,
    wait_for,
    worker_pids,
    working_pids,
    write_meshes,
)

from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.dataset.schema import FREE, GRASP_COLUMNS, SCHEMA_VERSION
from dexgrasp_ros.dataset.shards import read_metadata
from dexgrasp_ros.hand import link_poses, load_hand


@pytest.fixture(scope='module')
def objects(tmp_path_factory):
    return write_meshes(tmp_path_factory.mktemp('dataset') / 'meshes')


@pytest.fixture(scope='module')
def undisturbed(objects, tmp_path_factory):
    """Dataset of a run that nothing happened to, and what it printed."""
    out = tmp_path_factory.mktemp('undisturbed') / 'set'
    code, report, said = generate(objects, out)
    assert code == 0, said
    return out, report


@pytest.fixture(scope='module')
def table(undisturbed):
    return pq.read_table(undisturbed[0] / 'grasps', partitioning='hive')


def test_all_wanted_grasps_are_there_once(undisturbed, table):
    out, report = undisturbed
    assert [report[n] for n in ('units', 'made', 'lost', 'grasps')] == [4, 4, 0, 2 * GRASPS]
    assert table.num_rows == 2 * GRASPS
    assert len(set(table['key'].to_pylist())) == table.num_rows
    assert [pq.read_metadata(s).num_rows for s in shards(out)] == [SHARD, GRASPS - SHARD] * 2
    assert not (out / 'failures').exists()


def test_rows_are_as_the_schema_says(undisturbed, table):
    shard = shards(undisturbed[0])[0]
    assert pq.read_schema(shard).names == [c.name for c in GRASP_COLUMNS]
    joints = len(load_hand(HAND).joint_names)
    assert pq.read_schema(shard).field('squeeze').type.list_size == joints
    pose = np.array(table['base_pose'].to_pylist())
    np.testing.assert_allclose(np.linalg.norm(pose[:, 3:], axis=1), 1.0, atol=1e-5)
    assert set(table['hand'].to_pylist()) == {HAND}
    settled = np.array(table['scene'].to_pylist()) != FREE
    assert settled.sum() == GRASPS, 'half of them'
    protocols = np.array(table['protocol'].to_pylist())
    assert set(protocols[settled]) == {'tabletop'} and set(protocols[~settled]) == {'fc'}
    planes = np.array(table['support_plane'].to_pylist())
    assert np.isnan(planes[~settled]).all() and np.isfinite(planes[settled]).all()


def test_failures_are_kept_and_marked(table):
    held, cause = np.array(table['held'].to_pylist()), np.array(table['cause'].to_pylist())
    assert 0 < held.sum() < len(held)
    np.testing.assert_array_equal(held, cause == 'held')


def test_hands_on_settled_objects_do_not_touch_the_table(table):
    """Points of the hand's surface, and of its visual meshes, are above the plane."""
    hand, count = load_hand(HAND), 0
    group = np.repeat(np.arange(len(hand.group_names)), np.diff(hand.group_clusters))
    link = hand.geometry_links[np.repeat(group, np.diff(hand.cluster_points))]
    for row in table.to_pylist():
        if row['scene'] == FREE:
            continue
        count += 1
        normal, offset = np.array(row['support_plane'][:3]), row['support_plane'][3]
        for q, pose in (('pregrasp', 'pregrasp_base_pose'), ('grasp', 'base_pose')):
            links = pose_to_matrix(link_poses(hand, np.array(row[q]), np.array(row[pose])))
            points = np.einsum('pij,pj->pi', links[link][:, :3, :3], hand.points)
            points = points + links[link][:, :3, 3]
            assert (points @ normal + offset).min() > 0.0
            for mesh in hand.meshes:
                corners = mesh.vertices @ links[mesh.link][:3, :3].T + links[mesh.link][:3, 3]
                assert (corners @ normal + offset).min() > -0.001
    assert count == GRASPS


def test_the_manifest_tells_what_was_made_from_what(undisturbed):
    out, _ = undisturbed
    manifest = json.loads((out / 'dataset.json').read_text())
    assert manifest['schema_version'] == SCHEMA_VERSION
    assert manifest['grasps_per_object'] == GRASPS
    assert manifest['configuration']['search']['iterations'] == 40
    assert {'friction', 'squeeze_force'} <= set(manifest['configuration']['search'])
    assert {'epsilon', 'volume', 'held'} <= set(manifest['metrics'])
    assert {'dexgrasp_ros', 'warp-lang', 'mujoco', 'pyarrow'} <= set(manifest['versions'])
    (hand,) = manifest['hands']
    assert (out / 'hands' / f'{hand["urdf"]}.urdf').read_text() == load_hand(HAND).urdf
    assert tuple(hand['joint_names']) == load_hand(HAND).joint_names
    licenses = {o['name']: (o['license'], o['source']) for o in manifest['objects']}
    assert licenses == {'ball': ('CC0', 'made up'), 'box': ('unknown', '')}
    for described in manifest['objects']:
        assert (out / 'meshes' / f'{described["mesh"]}.ply').is_file()
        assert json.loads((out / 'scenes' / f'{described["mesh"]}.json').read_text())['scenes']
    assert [c['name'] for c in manifest['columns']['grasps']] == [c.name for c in GRASP_COLUMNS]
    for shard in shards(out):
        assert read_metadata(shard)['hash'] == manifest['hash']


def test_wrong_settings_change_nothing(undisturbed, objects, tmp_path):
    out, _ = undisturbed
    before = content(out)
    code, _, said = generate(objects, out, '--retries', '-1', '--overwrite')
    assert code == 1 and "'retries' is -1" in said
    same = [f'{tmp_path}/{name}.urdf' for name in ('a b', 'a_b')]
    for path in same:
        Path(path).write_text(load_hand(HAND).urdf)
    code, _, said = generate(objects, out, '--hands', *same)
    assert code == 1 and 'names that differ' in said
    assert content(out) == before


def test_a_second_run_makes_nothing(undisturbed, objects):
    out, _ = undisturbed
    before = content(out), [s.stat().st_mtime_ns for s in shards(out)]
    code, report, _ = generate(objects, out)
    assert (code, report['made'], report['skipped']) == (0, 0, 4)
    assert (content(out), [s.stat().st_mtime_ns for s in shards(out)]) == before


def test_killed_at_any_moment_it_ends_with_the_same_bytes(undisturbed, objects, tmp_path):
    """The whole run is killed as soon as it has reached this, then this, …."""
    out = tmp_path / 'set'
    moments = [
        lambda: (out / 'dataset.json').exists(),
        lambda: list(out.glob('meshes/*')),
        lambda: list(out.glob('objects/*.json')),
        lambda: shards(out),
        lambda: list(out.glob('grasps/*/*/.*.tmp')) or len(shards(out)) > 1,
        lambda: len(shards(out)) > 2,
    ]
    for moment in moments:
        with running(objects, out) as process:
            wait_for(moment, process)
            process.send_signal(signal.SIGKILL)
    code, report, said = generate(objects, out)
    assert code == 0, said
    assert report['skipped'] >= 3
    assert content(out) == content(undisturbed[0])


def test_terminated_it_ends_at_once_and_says_so(objects, tmp_path):
    """As at Ctrl-C; so end jobs of a cluster whose time is over."""
    out = tmp_path / 'set'
    with running(objects, out) as process:
        wait_for(lambda: list(out.glob('objects/*.json')), process)
        workers = worker_pids(process)
        process.terminate()
        said = process.communicate()[1]
    assert (process.returncode, said.strip()) == (130, 'dexgrasp: interrupted')
    assert workers and not any(Path(f'/proc/{pid}').exists() for pid in workers)
    assert not list(out.rglob('.*.tmp')) and not list(out.glob('failures/*'))


def test_a_worker_that_is_killed_costs_nothing(undisturbed, objects, tmp_path):
    out = tmp_path / 'set'
    with running(objects, out, '--processes', '1') as process:
        for moment in (worker_pids, lambda p: list(out.glob('objects/*.json')) and worker_pids(p)):
            wait_for(lambda moment=moment: moment(process), process)
            for pid in worker_pids(process):
                os.kill(pid, signal.SIGKILL)
        said = process.communicate()[1]
        assert process.returncode == 0, said
    assert content(out) == content(undisturbed[0])


def test_a_full_disk_is_told_and_the_next_run_completes(undisturbed, objects, tmp_path):
    """A limit of file sizes stands for it: some shards fit below it, others do not."""
    out = tmp_path / 'set'
    shutil.copytree(undisturbed[0], out)
    shutil.rmtree(out / 'grasps')
    sizes = sorted(shard.stat().st_size for shard in shards(undisturbed[0]))
    limit = (sizes[0] + sizes[-1]) // 2
    assert sizes[0] < limit < sizes[-1]
    with running(objects, out) as process:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
        printed, said = process.communicate()
    report = json.loads(printed.strip().splitlines()[-1])
    assert process.returncode == 1
    assert report['made'] > 0 and report['lost'] == sum(size > limit for size in sizes)
    assert 'File too large' in said and 'units were not made' in said
    failures = [json.loads(p.read_text()) for p in out.glob('failures/*')]
    assert len(failures) == report['lost'] and 'File too large' in failures[0]['message']
    code, report, said = generate(objects, out)
    assert code == 0, said
    assert not list(out.glob('failures/*'))
    assert list(content(out)) == list(content(undisturbed[0]))
    assert content(out) == content(undisturbed[0])


def test_an_unreadable_mesh_stops_nothing_else(undisturbed, objects, tmp_path):
    meshes, out = write_meshes(tmp_path / 'meshes'), tmp_path / 'set'
    good = (meshes / 'ball.obj').read_bytes()
    (meshes / 'ball.obj').write_text('v 1 2\nf 1 2 3\n')
    code, report, said = generate(meshes, out)
    assert (code, report['made'], report['lost']) == (1, 2, 2)
    assert list(report['failures']) == ['object/ball'] and 'INVALID_MESH' in said
    told = json.loads((out / 'failures' / 'object+ball.json').read_text())
    assert (told['code'], told['tries']) == ('INVALID_MESH', 3)
    (meshes / 'ball.obj').write_bytes(good)
    code, report, said = generate(meshes, out)
    assert (code, report['made'], report['skipped']) == (0, 2, 2), said
    assert not list(out.glob('failures/*'))
    assert content(out) == content(undisturbed[0])


def test_two_machines_make_the_same_dataset(undisturbed, objects, tmp_path):
    out = tmp_path / 'set'
    share = ('--shard-count', '2', '--shard-index')
    with running(objects, out, *share, '0') as first, running(objects, out, *share, '1') as second:
        reports = [
            json.loads(p.communicate()[0].strip().splitlines()[-1]) for p in (first, second)
        ]
    assert [r['made'] for r in reports] == [2, 2]
    assert content(out) == content(undisturbed[0])


def test_a_ray_cluster_makes_the_same_dataset(undisturbed, objects, tmp_path):
    pytest.importorskip('ray')
    out = tmp_path / 'set'
    code, report, said = generate(objects, out, '--ray', 'local', '--processes', '2')
    assert (code, report['made']) == (0, 4), said
    assert content(out) == content(undisturbed[0])


def test_other_settings_are_refused_unless_they_may_overwrite(undisturbed, objects, tmp_path):
    meshes, out = tmp_path / 'meshes', tmp_path / 'set'
    meshes.mkdir()
    trimesh.creation.box((0.05, 0.06, 0.09)).export(meshes / 'box.stl')
    few = ('--grasps-per-object', '4', '--settled-share', '0')
    assert generate(meshes, out, *few)[0] == 0
    code, _, said = generate(meshes, out, *few, '--random-seed', '1')
    hashes = [json.loads((out / 'dataset.json').read_text())['hash'][:12]]
    assert code == 1 and "'random_seed' is 1 and there 0" in said and hashes[0] in said
    code, _, said = generate(meshes, out, *few, '--grasps-per-object', '6')
    assert code == 0, f'whole shards may come to it: {said}'
    code, _, said = generate(meshes, out, *few, '--grasps-per-object', '8')
    assert code == 1 and 'multiples of' in said
    before = content(out)
    code, report, _ = generate(meshes, out, *few, '--random-seed', '1', '--overwrite')
    assert (code, report['made']) == (0, 1)
    after = content(out)
    assert set(after) < set(before), 'a shard of the other settings is still there'
    assert after['dataset.json'] != before['dataset.json']


def test_overwriting_leaves_nothing_of_other_settings(undisturbed, objects, tmp_path):
    """Images, failures and times go with the grasps; fewer grasps are fewer from then on."""
    out = tmp_path / 'set'
    shutil.copytree(undisturbed[0], out)
    key = next(iter(sorted((out / 'objects').iterdir()))).stem
    rendered = [out / f'frames/object={key}/scene-00.parquet', out / f'images/{key}-00.tar']
    other = [out / 'failures/object+gone.json', out / 'timing/render+gone+00.json']
    for path in (*rendered, *other, out / 'cameras.json'):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"hash": "of another run"}')
    code, report, said = generate(objects, out, '--grasps-per-object', '4', '--overwrite')
    assert (code, report['made'], report['skipped']) == (0, 0, 2), said
    assert json.loads((out / 'dataset.json').read_text())['grasps_per_object'] == 4
    assert [s.name for s in shards(out)] == ['part-00000.parquet'] * 2
    assert all(path.exists() for path in rendered), 'resting poses are the same'
    code, report, said = generate(
        objects, out, '--grasps-per-object', '4', '--overwrite', '--settled-share', '0'
    )
    assert (code, report['made']) == (0, 2), said
    assert not any(path.exists() for path in (*rendered, *other, out / 'cameras.json'))
    assert not (out / f'frames/object={key}').exists()
    digest = json.loads((out / 'dataset.json').read_text())['hash']
    for folder in ('objects', 'scenes', 'timing'):
        hashes = {json.loads(p.read_text())['hash'] for p in (out / folder).iterdir()}
        assert hashes == {digest}, folder


def test_a_run_that_is_overwritten_ends_and_says_so(objects, tmp_path):
    out = tmp_path / 'set'
    with running(objects, out) as process:
        wait_for(lambda: shards(out), process)
        code, _, said = generate(objects, out, '--random-seed', '1', '--overwrite')
        assert code == 0, said
        said = process.communicate()[1]
    assert process.returncode == 1 and 'Another run has begun' in said
    manifest = json.loads((out / 'dataset.json').read_text())
    assert {read_metadata(s)['hash'] for s in shards(out)} == {manifest['hash']}


def test_a_broken_shard_is_made_again(undisturbed, objects, tmp_path):
    out = tmp_path / 'set'
    shutil.copytree(undisturbed[0], out)
    broken = shards(out)[1]
    broken.write_bytes(broken.read_bytes()[:-50])
    code, report, said = generate(objects, out)
    assert (code, report['made'], report['skipped']) == (0, 1, 3), said
    assert content(out) == content(undisturbed[0])


def test_a_failure_is_forgotten_once_its_object_is_there(undisturbed, objects, tmp_path):
    """Another machine may have told of it, and this one prepared the object meanwhile."""
    out = tmp_path / 'set'
    shutil.copytree(undisturbed[0], out)
    (out / 'failures').mkdir()
    (out / 'failures' / 'object+box.json').write_text('{"unit": "object/box"}')
    assert generate(objects, out)[0] == 0
    assert not list((out / 'failures').iterdir())


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
