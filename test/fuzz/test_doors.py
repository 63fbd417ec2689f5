"""A few spoilt files for every door; `make fuzz` tries ten thousand for each."""

from __future__ import annotations

import pytest
from attempts import attempts
from doors import DOORS, place
from hypothesis import Phase

doors = pytest.mark.parametrize('door', DOORS, ids=lambda door: door.name)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Hands that nobody has are not kept for the next time."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@doors
def test_sound_files_are_read(door, tmp_path):
    place(door.sound, tmp_path / 'sound-files')
    door.read(tmp_path / 'sound-files')


@doors
def test_spoilt_files_give_a_result_or_a_coded_error(door, tmp_path):
    attempts(
        door,
        tmp_path / 'spoilt-files',
        max_examples=door.examples,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
    )()
