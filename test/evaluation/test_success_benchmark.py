"""The files of `benchmark/success.py`: what is in them is not made again."""

from __future__ import annotations

import json

import pytest
import success
import trimesh

OLD = {
    'hand': 'allegro',
    'object': 'can',
    'random_seed': 0,
    'protocol': 'fc',
    'kind': 'best',
    'seed_count': 8,
    'asked': 1,
    'held': 1,
    'penetration': [0.0],
    'self_penetration': [0.0],
    'causes': {},
}


def test_results_from_before_the_threshold_are_taken(tmp_path, monkeypatch, capsys):
    trimesh.creation.cylinder(0.03, 0.1).export(tmp_path / 'can.obj')
    out = tmp_path / 'old.jsonl'
    out.write_text(json.dumps(OLD) + '\n')
    monkeypatch.setattr(success, 'search_and_shake', lambda *_: pytest.fail('it was made again'))
    success.main(tmp_path, random_seeds=(0,), seed_count=8, max_grasps=1, out=out)
    assert '1/1 = 100.0 %' in capsys.readouterr().out
    assert out.read_text() == json.dumps(OLD) + '\n'


def test_another_threshold_is_another_result():
    usual, finer = OLD | {'piece_threshold': 0.05}, OLD | {'piece_threshold': 0.02}
    assert success._key(OLD) == success._key(usual) != success._key(finer)


@pytest.mark.slow  # each benchmark searches for seconds; another one runs always
def test_each_kind_has_its_own_search(tmp_path, capsys, quick_shakes):
    trimesh.creation.cylinder(0.03, 0.1).export(tmp_path / 'can.obj')
    out = tmp_path / 'out.jsonl'
    success.main(
        tmp_path,
        random_seeds=(0,),
        seed_count=8,
        max_grasps=1,
        unsimulated=True,
        verify=True,
        perturb=True,
        device='cpu',
        out=out,
    )
    made = {r['kind']: r for r in map(json.loads, out.read_text().splitlines())}
    names = ['best', 'unsimulated', 'verified']
    assert set(made) == {'perturbed', *names, *(f'{n} perturbed' for n in names[1:])}
    assert made['verified']['held'] == made['verified']['returned'] > 0
    assert 'verified' in made['verified']['config']
    simulated = {kind: made[kind]['config']['simulate_closing'] for kind in names}
    assert simulated == {'best': True, 'unsimulated': False, 'verified': True}
    assert 'allegro fc unsimulated perturbed' in capsys.readouterr().out


def test_the_order_of_scores_is_the_area_under_the_curve():
    held = [True, False, True, False]
    areas = {(4, 1, 3, 2): 1.0, (1, 4, 2, 3): 0.0, (4, 3, 2, 1): 0.75, (1, 1, 1, 1): 0.5}
    for score, area in areas.items():
        assert success._order({'held_each': held, 'score': score}) == area
    assert success._order({'held_each': [True], 'score': [1.0]}) is None
    assert success._order(OLD) is None
