"""Procedural objects: closed, of a hand's size, the same for a seed, and made only once."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from dexgrasp_ros.cli import main
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.dataset.generation.objects import find_meshes
from dexgrasp_ros.dataset.procedural.kinds import KINDS
from dexgrasp_ros.dataset.procedural.objects import LARGEST, SMALLEST, draw_object, make_objects
from dexgrasp_ros.object import read_mesh


@pytest.mark.parametrize('kind', KINDS)
def test_objects_are_closed_and_of_a_hands_size(kind):
    for seed in (0, 1, 8):  # joined: 8 draws surfaces that touch in an edge
        mesh = draw_object(kind, np.random.default_rng(seed))
        assert mesh.is_watertight and mesh.is_winding_consistent and mesh.body_count == 1
        assert SMALLEST - 1e-6 <= mesh.extents.max() <= LARGEST + 1e-6
        assert mesh.volume > 1e-6
        np.testing.assert_allclose(mesh.center_mass, 0.0, atol=1e-6)


def test_a_mug_has_a_handle_that_one_can_reach_through():
    genus = [
        1 - draw_object('mug', np.random.default_rng(s)).euler_number // 2 for s in range(6)
    ]  # fmt: skip
    assert 1 in genus


def test_a_folder_grows_and_is_the_same_whoever_made_it(tmp_path):
    once, grown = tmp_path / 'once', tmp_path / 'grown'
    assert make_objects(once, 6, 3)['made'] == 6
    make_objects(grown, 2, 3)
    torn = sorted(grown.glob('*.ply'))[0]
    torn.unlink()  # as where the process had been killed
    assert make_objects(grown, 6, 3)['skipped'] == 1
    files = sorted(path.name for path in once.iterdir())
    assert files == sorted(path.name for path in grown.iterdir())
    assert all((once / name).read_bytes() == (grown / name).read_bytes() for name in files)
    found = find_meshes(once)
    assert len(found) == 6 and {mesh.license for mesh in found} == {'Apache-2.0'}
    assert read_mesh(found[0].path)[1] == []  # nothing to repair
    with (once / 'objects.csv').open() as file:
        assert {row['kind'] for row in csv.DictReader(file)} <= set(KINDS)


def test_what_is_damaged_is_made_anew_and_a_smaller_count_takes_nothing_away(tmp_path):
    make_objects(tmp_path, 3, 3)
    table, victim = (tmp_path / 'objects.csv').read_bytes(), sorted(tmp_path.glob('*.ply'))[1]
    whole = victim.read_bytes()
    for damage in (b'ply\n', whole[: len(whole) // 2]):
        victim.write_bytes(damage)
        assert make_objects(tmp_path, 1, 3)['made'] == 1
        assert victim.read_bytes() == whole
        assert (tmp_path / 'objects.csv').read_bytes() == table


def test_other_seeds_make_other_objects_and_no_folder_has_two(tmp_path):
    make_objects(tmp_path, 1, 0)
    with pytest.raises(InputError, match='random seed 0'):
        make_objects(tmp_path, 1, 1)
    (tmp_path / 'procedural.json').write_text('[]')
    with pytest.raises(InputError, match='damaged'):
        make_objects(tmp_path, 1, 0)


@pytest.mark.parametrize('options', [{'count': 0}, {'count': 1, 'random_seed': -1}])
def test_what_cannot_be_is_refused(tmp_path, options):
    with pytest.raises(InputError) as caught:
        make_objects(tmp_path, **options)
    assert caught.value.code == ErrorCode.OUT_OF_RANGE


def test_the_command_says_what_it_made(tmp_path, capsys):
    folder = str(tmp_path / 'objects')
    assert main(['dataset', 'objects', '--count', '3', '--out', folder, '--json']) == 0
    assert '"made": 3' in capsys.readouterr().out
    assert main(['dataset', 'objects', '--count', '-1', '--out', folder]) == 1
    assert 'OUT_OF_RANGE' in capsys.readouterr().err
