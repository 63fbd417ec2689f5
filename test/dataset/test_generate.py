"""``dexgrasp dataset generate``: what a run makes, and what it finds and keeps."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import trimesh
from generate_runs import GRASPS, HAND, SHARD, content, generate, shards, write_meshes
from inline_work import run_command

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.schema import FREE, GRASP_COLUMNS, SCHEMA_VERSION
from dexgrasp_ros.dataset.shards import read_metadata
from dexgrasp_ros.hand import link_poses, load_hand


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


def test_what_is_not_shaken_says_so(objects, tmp_path):
    """By lot, in the rows, to who opens them, and to who exports them."""
    out, ball = tmp_path / 'set', tmp_path / 'ball'
    ball.mkdir()
    shutil.copy(objects / 'ball.obj', ball)
    search = ('--simulate-closing', '--squeeze-force', '20', '--seeds-per-grasp', '4')
    code, report, said = generate(ball, out, '--evaluate', 'share:0.5', *search)
    assert code == 0 and f'{report["shaken"]} of them shaken' in said
    assert 0 < report['shaken'] < report['grasps'] == GRASPS - report['short']
    rows = next(open_dataset(out).batches(100))
    np.testing.assert_array_equal(rows['shaken'], rows['cause'] != 'not shaken')
    assert not rows['held'][~rows['shaken']].any()
    assert np.isnan(rows['displacement'][~rows['shaken']]).all()
    assert np.isfinite(rows['epsilon']).all() and (rows['penetration'] < 0.002).all()
    assert np.isfinite(rows['least_friction']).any() and np.isfinite(rows['largest_pull']).any()
    counts = [len(open_dataset(out, held=h)) for h in (True, False)]
    assert sum(counts) == len(open_dataset(out, shaken=True)) == report['shaken']
    with pytest.raises(InputError, match='nobody knows whether it holds'):
        open_dataset(out, held=False, shaken=False)
    words = (
        'dataset',
        'export',
        str(out),
        '--to',
        'isaac_grasp',
        '--out',
        str(tmp_path / 'isaac'),
    )
    code, told, said = run_command(*words, '--grasps', 'unshaken')
    assert code == 0 and sum(told['grasps'][HAND].values()) == report['grasps'] - report['shaken']


@pytest.mark.parametrize('wish', ['some', 'share', 'share:ten', 'share:1.5', 'share:nan'])
def test_what_is_to_be_shaken_has_to_be_said(objects, tmp_path, wish):
    code, _, said = generate(objects, tmp_path / 'set', '--evaluate', wish)
    assert code and 'expected all, none, or share:' in ' '.join(said.split())


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


def test_wrong_settings_change_nothing(copied, objects, tmp_path):
    before = content(copied)
    code, _, said = generate(objects, copied, '--retries', '-1', '--overwrite')
    assert code == 1 and "'retries' is -1" in said
    same = [f'{tmp_path}/{name}.urdf' for name in ('a b', 'a_b')]
    for path in same:
        Path(path).write_text(load_hand(HAND).urdf)
    code, _, said = generate(objects, copied, '--hands', *same)
    assert code == 1 and 'names that differ' in said
    assert content(copied) == before


def test_a_second_run_makes_nothing(copied, objects):
    before = content(copied), [s.stat().st_mtime_ns for s in shards(copied)]
    code, report, _ = generate(objects, copied)
    assert (code, report['made'], report['skipped']) == (0, 0, 4)
    assert (content(copied), [s.stat().st_mtime_ns for s in shards(copied)]) == before


def test_an_unreadable_mesh_stops_nothing_else(undisturbed, copied, tmp_path):
    """Nothing of the ball is there, and a shard of the box is missing."""
    meshes = write_meshes(tmp_path / 'meshes')
    good = (meshes / 'ball.obj').read_bytes()
    (meshes / 'ball.obj').write_text('v 1 2\nf 1 2 3\n')
    (record,) = copied.glob('objects/ball-*.json')
    digest = json.loads(record.read_text())['mesh']
    for path in (record, copied / f'scenes/{digest}.json', copied / f'meshes/{digest}.ply'):
        path.unlink()
    of_ball, of_box = (sorted(copied.glob(f'grasps/*/object={n}-*/*')) for n in ('ball', 'box'))
    for path in (*of_ball, of_box[0]):
        path.unlink()
    code, report, said = generate(meshes, copied)
    assert (code, report['made'], report['skipped'], report['lost']) == (1, 1, 1, 2)
    assert list(report['failures']) == ['object/ball'] and 'INVALID_MESH' in said
    told = json.loads((copied / 'failures' / 'object+ball.json').read_text())
    assert (told['code'], told['tries']) == ('INVALID_MESH', 3)
    (meshes / 'ball.obj').write_bytes(good)
    code, report, said = generate(meshes, copied)
    assert (code, report['made'], report['skipped']) == (0, 2, 2), said
    assert not list(copied.glob('failures/*'))
    assert content(copied) == content(undisturbed[0])


def test_other_settings_are_refused_unless_they_may_overwrite(tmp_path):
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


@pytest.mark.slow  # test_overwrite has what is removed, without searches
def test_overwriting_leaves_nothing_of_other_settings(copied, objects):
    """Images, failures and times go with the grasps; fewer grasps are fewer from then on."""
    out = copied
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


def test_a_broken_shard_is_made_again(undisturbed, copied, objects):
    broken = shards(copied)[1]
    broken.write_bytes(broken.read_bytes()[:-50])
    code, report, said = generate(objects, copied)
    assert (code, report['made'], report['skipped']) == (0, 1, 3), said
    assert content(copied) == content(undisturbed[0])


@pytest.mark.parametrize('lost', ['objects/b*', 'scenes/*', 'meshes/*', 'hands/*', 'dataset.json'])
def test_what_a_killed_run_had_not_written_yet_is_written(undisturbed, copied, objects, lost):
    """Shards are there, since another machine made them; no grasp is searched for again."""
    for path in copied.glob(lost):
        path.unlink()
    code, report, said = generate(objects, copied)
    assert (code, report['made'], report['skipped']) == (0, 0, 4), said
    assert content(copied) == content(undisturbed[0])


def test_a_failure_is_forgotten_once_its_object_is_there(copied, objects):
    """Another machine may have told of it, and this one prepared the object meanwhile."""
    (copied / 'failures').mkdir()
    (copied / 'failures' / 'object+box.json').write_text('{"unit": "object/box"}')
    assert generate(objects, copied)[0] == 0
    assert not list((copied / 'failures').iterdir())
