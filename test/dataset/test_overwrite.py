"""What overwriting removes and what it leaves, and how a run ends that was overwritten."""

from __future__ import annotations

import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_dataset import SETTINGS

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.json_files import read_json, write_json
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.generation.overwrite import remove_outdated
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.manifest import SettingsGuard, open_manifest
from dexgrasp_ros.dataset.statistics.summary import dataset_statistics

SAME, OTHER = DatasetConfig(**SETTINGS), DatasetConfig(random_seed=1, **SETTINGS)


def files(layout):
    return {p.relative_to(layout.root).as_posix() for p in layout.root.rglob('*') if p.is_file()}


def urdfs(layout):
    return {hand['name']: hand['urdf'] for hand in read_json(layout.manifest)['hands']}


def write_others(root):
    """Files that are not of any dataset, in places where those of one would be."""
    for name in ('objects/mug.json', 'scenes/kitchen.json', 'timing/x.json', 'failures/y.json'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text('{"mine": 1}')
    for name in ('grasps/a/b/mine.parquet', 'grasps/hand=a/object=b/part-00000.parquet'):
        (root / name).parent.mkdir(parents=True)
        pq.write_table(pa.table({'a': [1]}), root / name)


def test_the_same_settings_remove_nothing(copied_dataset):
    before = files(copied_dataset)
    remove_outdated(copied_dataset, SAME, 8, urdfs(copied_dataset))
    assert files(copied_dataset) == before


def test_other_settings_leave_meshes_and_what_is_not_of_a_dataset(copied_dataset):
    write_others(copied_dataset.root)
    meshes = {f for f in files(copied_dataset) if f.startswith('meshes/')}
    hands = urdfs(copied_dataset)
    remove_outdated(copied_dataset, OTHER, 8, {'barrett': hands['barrett']})
    left = files(copied_dataset)
    kept = {f'hands/{digest}.urdf' for digest in hands.values()} | {'hands/barrett.json'}
    others = {
        *('objects/mug.json', 'scenes/kitchen.json', 'timing/x.json', 'failures/y.json'),
        *('grasps/a/b/mine.parquet', 'grasps/hand=a/object=b/part-00000.parquet'),
    }
    assert left == meshes | kept | others | {'dataset.json'}
    assert not (copied_dataset.root / 'grasps/hand=allegro').exists()


def test_nothing_is_removed_where_there_is_no_dataset(tmp_path):
    layout = DatasetLayout(tmp_path)
    write_others(tmp_path)
    before = files(layout)
    remove_outdated(layout, SAME, 8, {})
    assert files(layout) == before


def test_a_hand_that_a_run_of_the_same_settings_has_registered_stays(copied_dataset):
    shutil.rmtree(copied_dataset.root / 'grasps/hand=barrett')
    hands = urdfs(copied_dataset)
    remove_outdated(copied_dataset, SAME, 8, {'allegro': hands['allegro']})
    assert copied_dataset.hand_record('barrett').exists()


def test_another_hand_of_a_name_takes_its_grasps_along(copied_dataset):
    remove_outdated(copied_dataset, SAME, 8, urdfs(copied_dataset) | {'barrett': 'another'})
    assert not list(copied_dataset.root.glob('grasps/hand=barrett/*/*'))
    assert list(copied_dataset.root.glob('grasps/hand=allegro/*/*'))


@pytest.mark.parametrize('text', ['{"hash": "cut of', '[]', '{}'])
def test_a_damaged_manifest_is_told_and_written_anew(copied_dataset, text):
    before = files(copied_dataset)
    copied_dataset.manifest.write_text(text)
    with pytest.raises(InputError, match=r'is damaged.*--overwrite'):
        open_manifest(copied_dataset, SAME, 8, overwrite=False)
    remove_outdated(copied_dataset, SAME, 8, {})
    open_manifest(copied_dataset, SAME, 8, overwrite=True)
    assert files(copied_dataset) == before
    assert read_json(copied_dataset.manifest)['hash'] == SAME.digest
    assert {'barrett', 'allegro'} == set(urdfs(copied_dataset))


def test_a_run_ends_when_another_one_has_other_settings(copied_dataset):
    guard = SettingsGuard(copied_dataset.manifest, SAME.digest)
    guard.check()
    write_json(copied_dataset.manifest, read_json(copied_dataset.manifest) | {'more': 1})
    guard.check()
    open_manifest(copied_dataset, OTHER, 8, overwrite=True)
    with pytest.raises(InputError, match='Another run has begun'):
        guard.check()
    os.unlink(copied_dataset.manifest)
    with pytest.raises(InputError, match='has gone'):
        guard.check()


def test_grasps_of_other_settings_are_not_read(copied_dataset, tmp_path):
    """As two runs would leave them that knew nothing of each other."""
    write_json(
        copied_dataset.manifest, read_json(copied_dataset.manifest) | {'hash': OTHER.digest}
    )
    dataset = open_dataset(copied_dataset.root, 'barrett')
    with pytest.raises(InputError, match=r'settings of the hash.*--overwrite'):
        list(dataset.batches(4))
    told = {f['unit'] for f in dataset_statistics(copied_dataset.root)['failures']}
    shards = copied_dataset.root.glob('grasps/*/*/*.parquet')
    assert {s.relative_to(copied_dataset.root).as_posix() for s in shards} <= told


def test_meshes_are_told_by_records_not_by_what_their_names_begin_with(copied_dataset):
    dataset = open_dataset(copied_dataset.root, 'barrett')
    key = dataset.objects[0]
    mesh = dataset.mesh_path(key)
    shutil.copy(mesh, mesh.with_name(f'{mesh.stem[:8]}{"0" * 56}.ply'))
    again = open_dataset(copied_dataset.root, 'barrett')
    assert again.mesh_path(key) == mesh and again.scenes(key) == dataset.scenes(key)
