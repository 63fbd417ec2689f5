import struct
import zipfile

import numpy as np
import pytest

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.depth_frame import load_scene
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.grasp_set import GraspSet

READERS = [load_scene, GraspSet.load]


def write(path, kind):
    """Write a file that came to harm in some way."""
    if kind == 'text':
        path.write_text('nothing of use here')
    elif kind == 'empty':
        path.write_bytes(b'')
    elif kind == 'bare array':
        with path.open('wb') as file:
            np.save(file, np.zeros(3))
    elif kind == 'pickle':
        with path.open('wb') as file:
            np.savez(file, depth=np.array([{}], dtype=object))
    else:
        with path.open('wb') as file:
            np.savez_compressed(file, depth=np.random.default_rng(0).random((99, 99)))
        content = bytearray(path.read_bytes())
        if kind == 'truncated':
            content = content[:-200]
        else:
            content[200:9000:7] = bytes(255 - b for b in content[200:9000:7])
        path.write_bytes(content)


@pytest.mark.parametrize('reader', READERS)
@pytest.mark.parametrize('kind', ['text', 'empty', 'truncated', 'damaged', 'bare array', 'pickle'])
def test_a_broken_file_is_refused_by_name(tmp_path, reader, kind):
    write(tmp_path / 'broken.npz', kind)
    with pytest.raises(InputError, match=r'broken\.npz.* is not a') as caught:
        reader(tmp_path / 'broken.npz')
    assert caught.value.code == ErrorCode.INVALID_INPUT
    assert 'unsafe' not in str(caught.value)


@pytest.mark.parametrize('reader', READERS)
def test_a_missing_file_and_a_missing_key_have_codes_of_their_own(tmp_path, reader):
    with pytest.raises(InputError, match=r'absent\.npz') as caught:
        reader(tmp_path / 'absent.npz')
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND
    np.savez(tmp_path / 'other.npz', other=1)
    with pytest.raises(InputError, match=r"lacks '.*it has 'other'") as caught:
        reader(tmp_path / 'other.npz')
    assert caught.value.code == ErrorCode.MISSING_KEY


def test_the_arrays_come_back(tmp_path):
    np.savez(tmp_path / 'good.npz', a=[1, 2], b='text')
    data = read_archive(tmp_path / 'good.npz', 'test', ['a'])
    assert data['a'].tolist() == [1, 2] and str(data['b']) == 'text'


def header(shape: str) -> bytes:
    """Beginning of an array of floats in a file."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + '\n'
    return b'\x93NUMPY\1\0' + struct.pack('<H', len(text)) + text.encode()


HOSTILE = {
    'more than there is': header('(1000000, 1000000)'),
    'less than nothing': header('(-1, 5)'),
    'beyond integers': header('(4611686018427387904, 4)'),
    'a cut header': header('(4, 4)').replace(b'}', b'(') + bytes(64),
    'no array': b'hello',
    'nothing': b'',
}


@pytest.mark.parametrize('content', HOSTILE.values(), ids=HOSTILE)
def test_an_array_is_as_large_as_its_bytes(tmp_path, content):
    with zipfile.ZipFile(tmp_path / 'x.npz', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('a.npy', content)
    with pytest.raises(InputError, match=r"x\.npz' is not a test file.*'a\.npy'") as caught:
        read_archive(tmp_path / 'x.npz', 'test', ['a'])
    assert caught.value.code == ErrorCode.INVALID_INPUT


@pytest.mark.parametrize(('place', 'value'), [(8, 1), (10, 99)], ids=['encrypted', 'method'])
def test_an_archive_of_another_kind_is_refused(tmp_path, place, value):
    np.savez(tmp_path / 'x.npz', a=np.zeros(3))
    content = bytearray((tmp_path / 'x.npz').read_bytes())
    for mark, offset in ((b'PK\1\2', place), (b'PK\3\4', place - 2)):
        content[content.find(mark) + offset] = value
    (tmp_path / 'x.npz').write_bytes(content)
    with pytest.raises(InputError, match=r'x\.npz.* is not a test file'):
        read_archive(tmp_path / 'x.npz', 'test', ['a'])


def test_what_would_fill_the_memory_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr('dexgrasp_ros.core.archive._UNPACKED_LIMIT', 2**20)
    np.savez_compressed(tmp_path / 'x.npz', a=np.zeros(2**18))
    monkeypatch.setattr('numpy.lib.format.read_array', None)
    with pytest.raises(InputError, match='2 MiB unpacked; expected') as caught:
        read_archive(tmp_path / 'x.npz', 'test', ['a'])
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
