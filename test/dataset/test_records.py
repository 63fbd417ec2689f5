"""What a dataset's JSON and Parquet must be, wherever they came from."""

import json

import numpy as np
import pytest

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.json_files import read_json
from dexgrasp_ros.dataset.reading.row_arrays import read_arrays
from dexgrasp_ros.dataset.records import Manifest, Scenes
from dexgrasp_ros.dataset.schema import Column
from dexgrasp_ros.dataset.shards import write_shard

SOUND = {
    'schema_version': '1.0',
    'hands': [{'name': 'my hand', 'urdf': 'a' * 64}],
    'objects': [{'key': 'can-0123abcd', 'mesh': 'b' * 64, 'anything': 'else'}],
}
BROKEN = {
    'no version': ({'hands': []}, 'schema_version', ErrorCode.MISSING_KEY),
    'no digest': ({**SOUND, 'hands': [{'name': 'a'}]}, r'hands\[0\]', ErrorCode.MISSING_KEY),
    'a path for a digest': (
        {**SOUND, 'objects': [{'key': 'can-0123abcd', 'mesh': '../../x'}]},
        r"'objects\[0\]\.mesh' is '\.\./\.\./x'",
        ErrorCode.WRONG_TYPE,
    ),
    'a path for a key': (
        {**SOUND, 'objects': [{'key': '/etc/can-0123abcd', 'mesh': 'b' * 64}]},
        r"'objects\[0\]\.key' is '/etc",
        ErrorCode.WRONG_TYPE,
    ),
    'a number for a list': ({**SOUND, 'objects': 3}, "'objects' is 3", ErrorCode.WRONG_TYPE),
}


@pytest.mark.parametrize(('content', 'words', 'code'), BROKEN.values(), ids=BROKEN)
def test_what_a_manifest_must_be_is_said(tmp_path, content, words, code):
    (tmp_path / 'x.json').write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf'x\.json.*{words}') as caught:
        read_json(tmp_path / 'x.json', schema=Manifest)
    assert caught.value.code == code and len(str(caught.value)) < 500


def test_a_sound_manifest_comes_back_whole(tmp_path):
    (tmp_path / 'x.json').write_text(json.dumps(SOUND))
    assert read_json(tmp_path / 'x.json', schema=Manifest) == SOUND


@pytest.mark.parametrize('number', ['NaN', '1e999', '1e9', '"0"'])
def test_a_pose_is_of_finite_numbers(tmp_path, number):
    pose = f'[0, 0, {number}, 0, 0, 0, 1]'
    (tmp_path / 'x.json').write_text(
        f'{{"scenes": [{{"pose": {pose}, "support_plane": [0, 0, 1, 0]}}]}}'
    )
    with pytest.raises(InputError, match=r"'scenes\[0\]\.pose\[2\]' is"):
        read_json(tmp_path / 'x.json', schema=Scenes)


@pytest.mark.parametrize(
    'content', ['[' * 200_000, '{"a":' * 100_000, '9' * 10_000, '{"a": "\udcff"}', '', 'null']
)
def test_json_that_is_none_is_damaged(tmp_path, content):
    (tmp_path / 'x.json').write_bytes(content.encode('utf-8', 'surrogateescape'))
    with pytest.raises(InputError, match=r"x\.json' is damaged"):
        read_json(tmp_path / 'x.json')


def test_columns_are_of_the_types_of_the_schema(tmp_path):
    other = (Column('base_pose', 'float32', 3, ''), Column('mine', 'int16', 0, ''))
    write_shard(tmp_path / 'x.parquet', other, {'base_pose': np.zeros((2, 3)), 'mine': [1, 2]}, {})
    with pytest.raises(InputError, match=r"x\.parquet.*'base_pose'.*expected float32 \[7\]") as e:
        read_arrays(tmp_path / 'x.parquet')
    assert e.value.code == ErrorCode.WRONG_TYPE


def test_a_table_beyond_the_bound_is_not_read(tmp_path, monkeypatch):
    write_shard(tmp_path / 'x.parquet', (Column('mine', 'int16', 0, ''),), {'mine': [1, 2]}, {})
    assert read_arrays(tmp_path / 'x.parquet')['mine'].tolist() == [1, 2]
    monkeypatch.setattr('dexgrasp_ros.dataset.shards._MOST_ROWS', 1)
    with pytest.raises(InputError, match='has 2 rows') as caught:
        read_arrays(tmp_path / 'x.parquet')
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
