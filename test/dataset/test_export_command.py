"""`dexgrasp dataset export` writes files that read back as what the dataset holds."""

import dataclasses
import json

import numpy as np
import pytest
import trimesh

from dexgrasp_ros import load_hand
from dexgrasp_ros.cli import main
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.dataset import import_isaac_grasp, open_dataset


def export(dataset, out, *more):
    return main(['dataset', 'export', str(dataset.root), '--out', str(out), *more])


def test_isaac_grasp_files_come_back(small_dataset, tmp_path, capsys):
    assert export(small_dataset, tmp_path, '--to', 'isaac_grasp', '--grasps', 'all', '--json') == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    for name in ('barrett', 'allegro'):
        dataset = open_dataset(small_dataset.root, name)
        assert sum(told['grasps'][name].values()) == len(dataset)
        for key in dataset.objects:
            ours = dataset.grasp_set(key)
            back = import_isaac_grasp(tmp_path / name / f'{key}.yaml', load_hand(name))
            assert len(back) == len(ours) == told['grasps'][name][key]
            np.testing.assert_allclose(back.base_pose, ours.base_pose, atol=1e-9)
            np.testing.assert_allclose(back.grasp, ours.grasp, atol=1e-9)
            np.testing.assert_allclose(back.pregrasp, ours.pregrasp, atol=1e-9)


def test_held_grasps_of_some_objects_only(small_dataset, tmp_path):
    words = ('--to', 'dexgraspbench', '--hands', 'barrett', '--objects', 'can')
    assert export(small_dataset, tmp_path, *words) == 0
    held = open_dataset(small_dataset.root, 'barrett', objects=['can'], held=True)
    assert len(list(tmp_path.glob('output/*_barrett/graspdata/can_*/*/*.npy'))) == len(held) > 0
    assert len(list(tmp_path.glob('output/*/graspdata/*'))) == len(
        list(tmp_path.glob('output/*/graspdata/can_*'))
    )


def test_nothing_of_an_earlier_export_stays(copied_dataset, tmp_path):
    """Fewer grasps of an object, and none of another."""
    for kind in ('isaac_grasp', 'dexgraspbench'):
        assert export(copied_dataset, tmp_path / kind, '--to', kind, '--grasps', 'all') == 0
    files = sorted(copied_dataset.root.glob('grasps/hand=barrett/object=box*/*.parquet'))
    for file in [*files[1:], *copied_dataset.root.glob('grasps/hand=barrett/object=can*/*')]:
        file.unlink()
    for kind in ('isaac_grasp', 'dexgraspbench'):
        words = ('--to', kind, '--grasps', 'all', '--hands', 'barrett')
        assert export(copied_dataset, tmp_path / kind, *words) == 0
    left = len(open_dataset(copied_dataset.root, 'barrett', objects=['box']))
    bench = tmp_path / 'dexgraspbench' / 'output'
    assert len(list(bench.glob('*_barrett/graspdata/box_*/*/*.npy'))) == left > 0
    assert not list(bench.glob('*_barrett/graspdata/can_*/*/*.npy'))
    assert not list((tmp_path / 'isaac_grasp' / 'barrett').glob('can-*'))
    assert list((tmp_path / 'isaac_grasp' / 'allegro').glob('can-*'))


def test_what_is_stale_is_told(small_dataset, tmp_path, capsys):
    words = ('--to', 'dexgraspbench', '--hands', 'barrett', '--json')
    assert export(small_dataset, tmp_path, *words) == 0
    first = capsys.readouterr()
    assert json.loads(first.out)['remove'] == {'barrett': []}
    assert 'no success rate' in first.err
    results = tmp_path / 'output' / 'dexgrasp_fc_barrett' / 'evaluation'
    results.mkdir()
    assert export(small_dataset, tmp_path, *words, '--grasps', 'all') == 0
    again = capsys.readouterr()
    removed = json.loads(again.out)['remove']['barrett']
    assert str(results) in removed and 'output/dexgrasp_fc_barrett' in removed
    assert str(results) in again.err and 'skips what it has evaluated' in again.err
    assert 'no success rate' not in again.err


@pytest.mark.parametrize('plane', [None, (0.0, 0.6, 0.8, 0.05)])
def test_grasps_of_one_search(small_dataset, tmp_path, capsys, plane):
    dataset = open_dataset(small_dataset.root, 'allegro', objects=['can'])
    grasps = dataset.grasp_set(dataset.objects[0], scene=-1)
    if plane:
        grasps = dataclasses.replace(grasps, support_plane=np.array(plane))
    vertices, faces = dataset.mesh(dataset.objects[0])
    mesh = tmp_path / 'a can-1.obj'
    trimesh.Trimesh(vertices, faces).export(mesh)
    grasps.save(tmp_path / 'grasps.npz')
    words = ('--dexgraspbench', str(tmp_path / 'bench'), '--object', str(mesh))
    assert main(['export', str(tmp_path / 'grasps.npz'), *words]) == 0
    setting = 'tabletop' if plane else 'fc'
    assert f'task=stat exp_name=dexgrasp_{setting} hand=allegro' in capsys.readouterr().out
    folder = tmp_path / 'bench' / 'output' / f'dexgrasp_{setting}_allegro' / 'graspdata'
    files = list(folder.glob('a_can_1/*/*.npy'))
    assert len(files) == len(grasps) > 0
    record = np.load(files[0], allow_pickle=True).item()
    pose = pose_to_matrix(np.array(record['obj_pose'])[[0, 1, 2, 4, 5, 6, 3]])
    if plane:  # is z = 0, with its free side up
        heights = plane[:3] @ vertices.T + plane[3]
        middle = 0.5 * (vertices.max(axis=0) + vertices.min(axis=0))
        placed = (pose[:3, :3] @ (vertices - middle).T).T + pose[:3, 3]
        np.testing.assert_allclose(placed[:, 2], heights, atol=1e-6)
    assert main(['export', str(tmp_path / 'grasps.npz')]) == 1
    assert 'expected --isaac FILE or --dexgraspbench DIR' in capsys.readouterr().err


def test_nothing_to_write_is_an_error(copied_dataset, tmp_path, capsys):
    for file in copied_dataset.root.glob('grasps/hand=allegro/*/*'):
        file.unlink()
    words = ('--to', 'isaac_grasp', '--hands', 'allegro')
    assert export(copied_dataset, tmp_path / 'out', *words) == 1
    assert 'no such grasps that held' in capsys.readouterr().err
    assert export(copied_dataset, tmp_path / 'out', '--to', 'isaac_grasp', '--hands', 'leap') == 1
    assert 'UNKNOWN_HAND' in capsys.readouterr().err


@pytest.mark.parametrize('kind', ['isaac_grasp', 'dexgraspbench'])
def test_nothing_outside_of_the_folder_is_touched(copied_dataset, tmp_path, capsys, kind):
    """A foreign dataset may name objects by paths, and links may stand where files will be."""
    manifest = copied_dataset.root / 'dataset.json'
    sound = manifest.read_text()
    victim = tmp_path / 'victim'
    for place in (victim / 'scale100' / '0.npy', tmp_path / 'victim.yaml'):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text('kept')
    for name in (str(victim), '../victim', 'a/../../victim'):
        content = json.loads(sound)
        content['objects'][0]['key'] = name
        manifest.write_text(json.dumps(content))
        assert export(copied_dataset, tmp_path / 'out', '--to', kind) == 1
        assert "'objects[0].key' is" in capsys.readouterr().err
    manifest.write_text(sound)
    bench = tmp_path / 'out' / 'output' / 'dexgrasp_fc_barrett' / 'graspdata'
    for folder, link in (
        (tmp_path / 'out', 'barrett'),
        (bench, open_dataset(copied_dataset.root, 'barrett').objects[0]),
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / link).symlink_to(victim)
    assert export(copied_dataset, tmp_path / 'out', '--to', kind, '--grasps', 'all') == 1
    assert 'is a link' in capsys.readouterr().err
    assert (victim / 'scale100' / '0.npy').read_text() == 'kept'
    assert (tmp_path / 'victim.yaml').read_text() == 'kept'
    assert sorted(p.name for p in victim.iterdir()) == ['scale100']
