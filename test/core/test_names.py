"""Names out of files are names of files, never paths; two names are two files."""

import re

import pytest

from dexgrasp_ros.core.errors import InputError
from dexgrasp_ros.core.names import LONGEST_NAME, path_within, safe_name, safe_names, word_names

NASTY = ('/etc/passwd', '../../up', '..', '.', '', '.hidden', 'a/b', 'a\0b', 'é', 'x' * 5000, ' ')


@pytest.mark.parametrize('name', NASTY)
def test_a_safe_name_is_one_name(tmp_path, name):
    safe = safe_name(name)
    assert (tmp_path / safe).parent == tmp_path and not safe.startswith('.')
    assert 0 < len(safe) <= LONGEST_NAME
    assert safe_name(safe) == safe


def test_a_name_that_is_safe_stays():
    assert safe_name('025_mug-b2.models') == '025_mug-b2.models'


def test_names_that_would_share_a_file_get_files_of_their_own():
    names = ['a b', 'a/b', 'a_b', 'A_B', 'other', 'x' * 400, 'x' * 401]
    safe = safe_names(names)
    assert len({name.casefold() for name in safe.values()}) == len(names)
    assert safe['other'] == 'other'
    assert safe == safe_names(reversed(names))


def test_words_have_letters_and_digits_only():
    names = ['025_mug-b2', 'a-b', 'a.b', 'a_b', 'A b', 'é', '', '_x', 'x-' * 300]
    words = word_names(names)
    assert all(re.fullmatch('[A-Za-z0-9_]+', word) for word in words.values())
    assert all(safe_name(word) == word for word in words.values())
    assert len({word.casefold() for word in words.values()}) == len(names)
    assert words['025_mug-b2'] == '025_mug_b2'


def test_a_path_stays_below_its_root(tmp_path):
    assert path_within(tmp_path, '/etc', '../x', 'y.npy') == tmp_path / 'etc' / 'x' / 'y.npy'
    (tmp_path / 'elsewhere').mkdir()
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out' / 'link').symlink_to(tmp_path / 'elsewhere')
    with pytest.raises(InputError, match=r"out/link' is a link"):
        path_within(tmp_path / 'out', 'link', 'file')
