"""`benchmark/tables.py`: what it asks of the scripts it runs; tests of their own let them run."""

from __future__ import annotations

import ablation
import pytest
import success
import tables


def made_up(_hand, obj, config, shakes, _threshold):
    """As `success.search_and_shake` answers: all that were asked for held."""
    for protocol, kind in shakes:
        yield {
            'kind': kind,
            'protocol': protocol,
            'held': config.max_grasps,
            'returned': config.max_grasps,
            'penetration': [0.001],
            'self_penetration': [0.0],
            'causes': {},
            'search_seconds': float(config.seed_draws),
        }


def test_parts_stand_in_one_page_and_are_not_made_again(tmp_path, monkeypatch, capsys):
    folder, out = tmp_path / 'objects', tmp_path / 'out'
    folder.mkdir()
    (folder / 'can.obj').touch()
    options = {'objects': ('can',), 'random_seeds': (0, 1), 'device': 'cpu', 'out': out}
    options |= {'parts': ('allegro', 'ranking', 'ablation'), 'seed_count': 16, 'max_grasps': 2}
    options |= {'variants': ('as it is', 'one draw')}
    for script in (success, ablation):
        monkeypatch.setattr(script, 'load_object', lambda path: path)
        monkeypatch.setattr(script, 'search_and_shake', made_up)
    tables.main(tmp_path, **options)
    assert 'can seed 0' in capsys.readouterr().out
    page = (out / 'tables.md').read_text()
    for row in (
        'allegro fc perturbed, random seeds 0, 1\n',
        'allegro hard unsimulated, random seeds 0\n',
        'allegro, hard, 1 objects (can), random seeds [0]\n',
        '| one draw (seed_draws 1) | 2/2 = 100.0 % | 34 to 100 % | +0.0 | 2/2 | 1.00, at most',
    ):
        assert row in page
    made = {path: path.read_text() for path in out.iterdir()}
    tables.main(tmp_path, **options)
    assert {path: path.read_text() for path in out.iterdir()} == made


def test_unknown_parts_are_named(tmp_path):
    with pytest.raises(SystemExit, match=r"no parts \['shadows'\]; there are \['allegro'"):
        tables.main(tmp_path, parts=('shadows',))
