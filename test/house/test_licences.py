"""The page of licences has what is locked, as what is installed says; all of it is accepted."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from locks import PYTHONS, pins

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def licences():
    spec = importlib.util.spec_from_file_location('licences', ROOT / 'scripts' / 'licences.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def rows(licences) -> dict[str, tuple[str, str]]:
    page = licences.PAGE.read_text(encoding='utf-8')
    found = re.findall(r'^\| `([^`]+)` \| (.*) \| (.*) \|$', page, re.MULTILINE)
    assert licences.page({name: row for name, *row in found}) == page
    return {name: tuple(row) for name, *row in found}


def test_the_page_has_what_is_locked(rows):
    locked = {n for lock in ('docs', 'colcon') for p in PYTHONS for n in pins(lock, p, 'x86_64')}
    assert rows.keys() == locked


def test_all_on_the_page_is_accepted(licences, rows):
    assert licences.complaints(rows) == []


def test_the_page_says_what_the_installed_packages_say(licences, rows):
    installed = licences.installed(sys.path)
    found = {name: licences.licence(name, what) for name, what in installed.items()}
    assert licences.complaints(found) == []
    assert len(found) > 100
    assert {name: rows.get(name, row) for name, row in found.items()} == found


@pytest.mark.parametrize(
    ('expression', 'accepted'),
    [
        ('MIT', True),
        ('MIT AND Zlib', True),
        ('GPL-3.0-only OR MIT', True),
        ('GPL-3.0-only', False),
        ('MIT AND GPL-3.0-only', False),
        ('Proprietary', False),
        ('', False),
    ],
)
def test_what_is_not_in_the_list_is_refused(licences, expression, accepted):
    told = licences.complaints({'thing': (expression, 'metadata')})
    assert told == [] if accepted else 'thing: ' in told[0]


def test_a_package_that_says_nothing_is_refused(licences, tmp_path):
    folder = tmp_path / 'mute-1.0.dist-info'
    folder.mkdir()
    (folder / 'METADATA').write_text('Metadata-Version: 2.1\nName: Mute_Thing\nVersion: 1.0\n')
    (folder / 'INSTALLER').write_text('pip')
    ((name, what),) = licences.installed([str(tmp_path)]).items()
    assert name == 'mute-thing'
    (told,) = licences.complaints({name: licences.licence(name, what)})
    assert 'no licence is told' in told
