"""Parquet shards: columns as documented, the same bytes for the same rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.dataset.generation.rows import no_rows
from dexgrasp_ros.dataset.reading.row_arrays import read_arrays
from dexgrasp_ros.dataset.schema import GRASP_COLUMNS, Column
from dexgrasp_ros.dataset.shards import BrokenShardError, is_made, read_metadata, write_shard

COLUMNS = (
    Column('key', 'string', 0, 'name'),
    Column('pose', 'float32', 7, 'pose [m]'),
    Column('q', 'float32', 'J', 'joints [rad]'),
    Column('held', 'bool', 0, 'whether it held'),
)
ROWS = {
    'key': ['a', 'b'],
    'pose': np.arange(14.0).reshape(2, 7),
    'q': np.array([[0.5, np.nan], [1.0, 2.0]]),
    'held': np.array([True, False]),
}


def test_rows_come_back_and_metadata_too(tmp_path):
    path = tmp_path / 'deep' / 'part.parquet'
    write_shard(path, COLUMNS, ROWS, {'hash': 'x', 'wanted': 2}, joints=2)
    table = pq.read_table(path)
    assert read_metadata(path) == {'hash': 'x', 'wanted': 2}
    assert table['key'].to_pylist() == ['a', 'b']
    assert table['held'].to_pylist() == [True, False]
    np.testing.assert_array_equal(np.array(table['q'].to_pylist()), ROWS['q'])
    assert table.schema.field('pose').type.list_size == 7
    assert table.schema.field('q').metadata == {b'description': b'joints [rad]'}


def test_the_same_rows_are_the_same_bytes(tmp_path):
    for name in 'ab':
        write_shard(tmp_path / name, COLUMNS, ROWS, {'wanted': 2, 'hash': 'x'}, joints=2)
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()


def test_a_shard_of_no_grasps_has_all_columns(tmp_path):
    rows = no_rows(joints=4) | {'key': []}
    write_shard(tmp_path / 'none', GRASP_COLUMNS, rows, {}, joints=4)
    table = pq.read_table(tmp_path / 'none')
    assert table.num_rows == 0
    assert table.schema.names == [c.name for c in GRASP_COLUMNS]
    assert table.schema.field('squeeze').type.list_size == 4


def test_rows_of_another_width_are_refused(tmp_path):
    with pytest.raises(InputError, match=r'\[2, 7\].*\[N, 5\]'):
        columns = (Column('pose', 'float32', 5, ''),)
        write_shard(tmp_path / 'wide', columns, ROWS, {})
    assert list(tmp_path.iterdir()) == []


def test_what_was_made_from_something_else_is_not_taken(tmp_path):
    path = tmp_path / 'part.parquet'
    assert not is_made(path, {'hash': 'x'}, overwrite=False)
    write_shard(path, COLUMNS, ROWS, {'hash': 'x', 'wanted': 2}, joints=2)
    assert is_made(path, {'hash': 'x', 'wanted': 2}, overwrite=False)
    with pytest.raises(InputError, match=r"'wanted' 2, expected 3.*--overwrite"):
        is_made(path, {'hash': 'x', 'wanted': 3}, overwrite=False)
    assert not is_made(path, {'hash': 'x', 'wanted': 3}, overwrite=True)


def broken_json(folder):
    schema = pa.schema([('a', pa.int8())], metadata={'dexgrasp_ros': '{"hash": '})
    pq.write_table(pa.table({'a': [1]}, schema=schema), folder / 'json')
    yield (folder / 'json').read_bytes()


def test_a_broken_shard_is_made_again(tmp_path):
    path = tmp_path / 'part.parquet'
    write_shard(path, COLUMNS, ROWS, {'hash': 'x'}, joints=2)
    whole = path.read_bytes()
    for broken in (
        b'',
        b'PAR1 and nothing else',
        whole[:-20],
        whole[:-208] + bytes(200) + whole[-8:],
        whole[:-8] + b'\xff\xff\xff\x7fPAR1',
        *broken_json(tmp_path),
    ):
        path.write_bytes(broken)
        with pytest.raises(BrokenShardError, match=r'no Parquet file|broken metadata'):
            read_metadata(path)
        assert not is_made(path, {'hash': 'x'}, overwrite=False)


def test_no_damage_goes_unnoticed(tmp_path):
    """Any byte of the rows may be another one; readers find out by the checksums of pages."""
    path = tmp_path / 'part.parquet'
    rows = ROWS | {'pose': np.random.default_rng(0).normal(size=(2, 7))}
    write_shard(path, COLUMNS, rows, {'hash': 'x'}, joints=2)
    whole, right = path.read_bytes(), read_arrays(path)
    end = len(whole) - 8 - int.from_bytes(whole[-8:-4], 'little')  # where the footer begins
    for at in range(4, end, 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            read = read_arrays(path)
        except InputError:
            continue
        for name, values in right.items():  # what nobody reads may be anything
            np.testing.assert_array_equal(read[name], values, err_msg=f'{name}, byte {at}')


def test_somebody_elses_table_is_left_alone(tmp_path):
    path = tmp_path / 'part.parquet'
    pq.write_table(pa.table({'a': [1]}), path)
    with pytest.raises(InputError, match='no shard of a dataset'):
        is_made(path, {}, overwrite=False)
    assert not is_made(path, {}, overwrite=True)


def test_a_file_that_cannot_be_read_is_not_taken_for_broken(tmp_path):
    path = tmp_path / 'part.parquet'
    path.symlink_to(path)
    with pytest.raises(OSError, match='symbolic links'):
        is_made(path, {}, overwrite=False)
