"""The cache on disk: the same key gives the same arrays, and nothing breaks it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dexgrasp_ros.core.disk_cache import cache_folder, code_digest, load_arrays, store_arrays


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'dexgrasp_ros'


def test_arrays_come_back_by_key_alone(cache, tmp_path):
    store_arrays('things', ('a', 1, np.zeros(3)), {'x': np.arange(4.0)})
    np.testing.assert_array_equal(load_arrays('things', ('a', 1, np.zeros(3)))['x'], np.arange(4))
    assert cache_folder() == cache
    assert len(list((cache / 'things').iterdir())) == 1
    for other in (('a', 2, np.zeros(3)), ('a', 1, np.zeros((3, 1))), ('a', 1, np.zeros(3, int))):
        assert load_arrays('things', other) is None
    assert load_arrays('others', ('a', 1, np.zeros(3))) is None
    store_arrays(tmp_path / 'elsewhere', ('b',), {'x': np.ones(2)})
    assert load_arrays(tmp_path / 'elsewhere', ('b',))['x'].tolist() == [1, 1]


@pytest.mark.parametrize('damage', [b'', b'hello', None], ids=['empty', 'text', 'cut off'])
def test_a_damaged_entry_counts_as_none(cache, damage):
    store_arrays('things', ('key',), {'x': np.arange(1000)})
    (file,) = (cache / 'things').iterdir()
    sound = file.read_bytes()
    file.write_bytes(sound[: len(sound) // 2] if damage is None else damage)
    assert load_arrays('things', ('key',)) is None


def test_many_writers_leave_one_whole_file(cache):
    arrays = {'x': np.arange(20_000)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store_arrays('things', ('key',), arrays), range(32)))
    assert [p.suffix for p in (cache / 'things').iterdir()] == ['.npz']
    np.testing.assert_array_equal(load_arrays('things', ('key',))['x'], arrays['x'])


def test_without_a_home_nothing_is_kept_and_nothing_breaks(monkeypatch):
    monkeypatch.delenv('XDG_CACHE_HOME')

    def homeless():
        raise RuntimeError('Could not determine home directory.')

    monkeypatch.setattr('pathlib.Path.home', homeless)
    store_arrays('things', ('key',), {'x': np.ones(1)})
    assert load_arrays('things', ('key',)) is None


def test_other_code_has_another_digest(tmp_path):
    (tmp_path / 'one.py').write_text('a = 1')
    (tmp_path / 'two.py').write_text('b = 2')
    both, one = code_digest(tmp_path), code_digest(tmp_path, 'one')
    assert both != one == code_digest(tmp_path, 'one')


def test_an_entry_that_holds_something_else_is_removed(cache):
    store_arrays('things', ('key',), {'x': np.arange(1000.0), 'name': np.array('a')})
    (file,) = (cache / 'things').iterdir()
    with np.load(file) as stored:
        arrays = dict(stored)
    np.savez(file, **{**arrays, 'x': arrays['x'] * np.nan})
    assert load_arrays('things', ('key',)) is None
    assert not file.exists()
