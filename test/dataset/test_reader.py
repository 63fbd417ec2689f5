"""Reading a dataset gives what was written, in batches and by object."""

import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from dexgrasp_ros import evaluate, load_hand
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.schema import CONTACTS, FREE, GRASP_COLUMNS


def keys_of(batches):
    return [key for batch in batches for key in batch['key']]


def box_of(dataset):
    return next(key for key in dataset.objects if key.startswith('box'))


def test_batches_have_an_axis_for_joints_and_contacts(small_dataset):
    dataset = open_dataset(small_dataset.root, 'allegro')
    batch = next(dataset.batches(3))
    assert set(batch) == {column.name for column in GRASP_COLUMNS}
    assert batch['grasp'].shape == (3, 16) and batch['grasp'].dtype == np.float32
    assert batch['contact_points'].shape == (3, CONTACTS, 3)
    assert batch['held'].dtype == bool
    # The planned contacts of a grasp lie on the object's surface: the lists are not mixed up.
    low, high = (f(dataset.mesh(box_of(dataset))[0], axis=0) for f in (np.min, np.max))
    points = batch['contact_points'][np.isfinite(batch['contact_points']).all(axis=2)]
    assert len(points) and (points > low - 0.01).all() and (points < high + 0.01).all()


def test_every_row_comes_once_whatever_the_order_and_the_shares(small_dataset):
    dataset = open_dataset(small_dataset.root, 'barrett')
    written = [
        key
        for file in small_dataset.root.glob('grasps/hand=barrett/*/*.parquet')
        for key in pq.ParquetFile(file).read(['key'])['key'].to_pylist()
    ]
    ordered = keys_of(dataset.batches(5))
    assert len(dataset) == len(ordered) == len(written) and sorted(ordered) == sorted(written)
    sizes = [len(batch['key']) for batch in dataset.batches(5)]
    assert set(sizes[:-1]) <= {5} and 0 < sizes[-1] <= 5
    shuffled = keys_of(dataset.batches(5, shuffle_seed=1))
    assert shuffled != ordered and sorted(shuffled) == sorted(ordered)
    assert shuffled == keys_of(dataset.batches(5, shuffle_seed=1))
    assert shuffled != keys_of(dataset.batches(5, shuffle_seed=2))
    shares = [open_dataset(small_dataset.root, 'barrett', shard=(i, 3)) for i in range(3)]
    shared = [key for share in shares for key in keys_of(share.batches(4, shuffle_seed=0))]
    assert sorted(shared) == sorted(ordered)


def test_a_remainder_of_some_files_is_joined_to_those_that_follow(small_dataset, monkeypatch):
    monkeypatch.setattr('dexgrasp_ros.dataset.reading.row_arrays._MIXED', 2)
    dataset = open_dataset(small_dataset.root, 'barrett')
    assert len(dataset.files) > 2
    batches = list(dataset.batches(5, shuffle_seed=3))
    assert {len(batch['key']) for batch in batches[:-1]} == {5}
    assert sorted(keys_of(batches)) == sorted(keys_of(dataset.batches(100)))


def test_rows_and_columns_are_chosen(small_dataset):
    root = small_dataset.root
    whole = next(open_dataset(root, 'barrett').batches(1000))
    for held in (True, False):
        some = open_dataset(root, 'barrett', held=held, columns=['key', 'score'])
        wanted = whole['key'][whole['held'] == held]
        assert keys_of(some.batches(7)) == list(wanted) and len(some) == len(wanted)
        assert all(set(batch) == {'key', 'score'} for batch in some.batches(7))
    free = open_dataset(root, 'barrett', free=True, held=True)
    wanted = whole['key'][(whole['scene'] == FREE) & whole['held']]
    assert keys_of(free.batches(7)) == list(wanted) and len(free) == len(wanted)
    settled = open_dataset(root, 'barrett', free=False)
    assert keys_of(settled.batches(7)) == list(whole['key'][whole['scene'] != FREE])


def test_objects_are_chosen_by_key_name_or_split(small_dataset):
    root = small_dataset.root
    every = open_dataset(root, 'barrett').objects
    assert len(every) == 2
    assert open_dataset(root, 'barrett', objects=['can']).objects == (every[1],)
    assert open_dataset(root, 'barrett', objects=[every[0]]).objects == (every[0],)
    splits = [
        open_dataset(root, 'barrett', split=s).objects for s in ('train', 'validation', 'test')
    ]
    assert sorted(sum(splits, ())) == sorted(every)
    # 5ba8265a and 49f78d95 are 0.36 and 0.29 of the way through all digests.
    assert splits[0] == every
    with pytest.raises(InputError, match=r"no object 'mug'; there are 'box-"):
        open_dataset(root, 'barrett', objects=['mug'])
    with pytest.raises(InputError, match="no split 'dev'; expected one of 'test', 'train'"):
        open_dataset(root, 'barrett', split='dev')


def test_a_grasp_set_is_what_was_synthesised(inline, small_dataset):
    dataset = open_dataset(small_dataset.root, 'barrett')
    box = box_of(dataset)
    grasps = dataset.grasp_set(box, scene=FREE)
    assert 1 < len(grasps) <= 4
    assert (np.diff(grasps.score) <= 0).all()
    assert grasps.joint_names == load_hand('barrett').joint_names
    assert np.isnan(grasps.support_plane).all()
    plane = dataset.scenes(box)[0]['support_plane']
    np.testing.assert_allclose(dataset.grasp_set(box, scene=0).support_plane, plane, atol=1e-6)
    assert np.isnan(dataset.grasp_set(box).support_plane).all()
    assert (grasps.contact_count == np.isfinite(grasps.contact_points[..., 0]).sum(axis=1)).all()
    # What was stored in single precision is measured as it was before.
    stored = next(
        open_dataset(small_dataset.root, 'barrett', objects=[box], free=True).batches(99)
    )
    found = evaluate(grasps, processes=1)
    order = np.argsort(-stored['score'], kind='stable')
    np.testing.assert_allclose(found.epsilon, stored['epsilon'][order], atol=2e-3)
    np.testing.assert_allclose(found.penetration, stored['penetration'][order], atol=1e-5)


def test_what_is_not_there_yet_does_not_stop_the_rest(copied_dataset):
    root = copied_dataset.root
    for folder in root.glob('grasps/hand=allegro/object=can-*'):
        shutil.rmtree(folder)
    assert open_dataset(root, 'allegro', objects=['can']).frames() == {}
    assert list(open_dataset(root, 'allegro', objects=['can']).batches(4)) == []
    assert len(open_dataset(root, 'allegro', objects=['can'])) == 0
    dataset = open_dataset(root, 'allegro')
    with pytest.raises(InputError, match=r"no such grasps of 'can-.*' with 'allegro'"):
        dataset.grasp_set(next(k for k in dataset.objects if k.startswith('can')))
    key = dataset.frames()['key'][0]
    next(root.glob('images/*.tar')).unlink()
    with pytest.raises(InputError, match='dexgrasp dataset render') as caught:
        dataset.images(key)
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND
    # A shard that is being written has another name, and is no shard yet.
    part = next(root.glob('grasps/hand=allegro/*/part-00000.parquet'))
    whole = len(dataset)
    part.rename(part.with_name('.part-00000.parquet.tmp'))
    assert 0 < len(open_dataset(root, 'allegro')) < whole
    part.write_bytes(b'PAR1')
    with pytest.raises(InputError, match=r'cannot be read.*once it is removed'):
        list(open_dataset(root, 'allegro').batches(4))


def test_wrong_names_are_told(small_dataset, copied_dataset, tmp_path):
    root = small_dataset.root
    with pytest.raises(
        InputError, match="grasps of 'allegro', 'barrett'; expected the name of one"
    ):
        open_dataset(root)
    with pytest.raises(InputError, match="no hand 'leap'; it has 'allegro', 'barrett'") as caught:
        open_dataset(root, 'leap')
    assert caught.value.code == ErrorCode.UNKNOWN_HAND
    with pytest.raises(InputError, match=r'no dataset\.json') as caught:
        open_dataset(tmp_path, 'allegro')
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND
    with pytest.raises(InputError, match="no column 'moon'") as caught:
        next(open_dataset(root, 'allegro', columns=['moon']).batches(1))
    assert caught.value.code == ErrorCode.MISSING_KEY
    for share in ((2, 2), (-1, 2), (0, 0)):
        with pytest.raises(InputError) as caught:
            open_dataset(root, 'allegro', shard=share)
        assert caught.value.code == ErrorCode.OUT_OF_RANGE
    with pytest.raises(InputError, match='batch of 0 rows'):
        next(open_dataset(root, 'allegro').batches(0))
    with pytest.raises(InputError, match="no frame 'moon'"):
        open_dataset(root, 'allegro').images('moon')
    with pytest.raises(InputError, match="no channel 'smell'"):
        dataset = open_dataset(root, 'allegro')
        dataset.images(dataset.frames()['key'][0], channels=['smell'])


@pytest.mark.parametrize('version', ['2.0', '0.9'])
def test_another_schema_is_refused_by_both_numbers(copied_dataset, version):
    manifest = json.loads(copied_dataset.manifest.read_text())
    copied_dataset.manifest.write_text(json.dumps(manifest | {'schema_version': version}))
    with pytest.raises(InputError, match=rf'schema version {version}; this package reads 1\.'):
        open_dataset(copied_dataset.root, 'allegro')


def test_a_schema_with_more_columns_is_read(copied_dataset):
    manifest = json.loads(copied_dataset.manifest.read_text())
    copied_dataset.manifest.write_text(json.dumps(manifest | {'schema_version': '1.99'}))
    assert len(open_dataset(copied_dataset.root, 'allegro'))


def test_a_dataset_goes_to_another_process(small_dataset):
    dataset = open_dataset(small_dataset.root, 'barrett', free=True)
    copy = pickle.loads(pickle.dumps(dataset))
    assert keys_of(copy.batches(5)) == keys_of(dataset.batches(5))


def test_torch_is_imported_only_when_asked_for(small_dataset):
    script = (
        'import sys\n'
        "sys.modules['torch'] = None\n"  # as if it was not installed
        'from dexgrasp_ros.dataset import open_dataset\n'
        'from dexgrasp_ros.core.errors import InputError\n'
        "assert not {'pyarrow', 'warp', 'open3d'} & set(sys.modules)\n"
        f"next(open_dataset({str(small_dataset.root)!r}, 'allegro').batches(2))\n"
        'try:\n'
        f"    open_dataset({str(small_dataset.root)!r}, 'allegro', framework='torch')\n"
        'except InputError as error:\n'
        "    assert 'pip install torch' in str(error)\n"
        'else:\n'
        '    raise AssertionError\n'
    )
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_torch_batches(small_dataset):
    torch = pytest.importorskip('torch')
    root = small_dataset.root
    arrays = next(open_dataset(root, 'barrett').batches(5))
    tensors = next(open_dataset(root, 'barrett', framework='torch').batches(5))
    assert tensors['key'] == list(arrays['key'])
    np.testing.assert_array_equal(tensors['grasp'].numpy(), arrays['grasp'])
    dataset = open_dataset(root, 'barrett', framework='torch')
    loader = torch.utils.data.DataLoader(
        dataset.loadable(4, shuffle=True),
        batch_size=None,
        num_workers=2,
        multiprocessing_context='spawn',
    )
    torch.manual_seed(0)
    epochs = [keys_of(loader), keys_of(loader)]
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(keys_of(dataset.batches(4)))
