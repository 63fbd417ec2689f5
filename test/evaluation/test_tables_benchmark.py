"""`benchmark/tables.py`, at a size that fits into a test."""

from __future__ import annotations

import pytest
import tables
import trimesh


def test_parts_stand_in_one_page_and_are_not_made_again(tmp_path, capsys):
    folder, out = tmp_path / 'objects', tmp_path / 'out'
    folder.mkdir()
    trimesh.creation.cylinder(0.03, 0.1).export(folder / 'can.obj')
    options = {'objects': ('can',), 'random_seeds': (0,), 'device': 'cpu', 'out': out}
    options |= {'parts': ('allegro', 'ablation'), 'variants': ('as it is', 'one draw')}
    tables.main(tmp_path, seed_count=16, max_grasps=1, **options)
    assert 'can seed 0' in capsys.readouterr().out
    page = (out / 'tables.md').read_text()
    for row in ('allegro fc perturbed, random seeds 0\n', '| one draw (seed_draws 1) | '):
        assert row in page
    made = {path: path.read_text() for path in out.iterdir()}
    tables.main(tmp_path, seed_count=16, max_grasps=1, **options)
    assert {path: path.read_text() for path in out.iterdir()} == made


def test_unknown_parts_are_named(tmp_path):
    with pytest.raises(SystemExit, match=r"no parts \['shadows'\]; there are \['allegro'"):
        tables.main(tmp_path, parts=('shadows',))
