"""`benchmark/lift.py` at its smallest: one box, one attempt; what is in its file is kept."""

from __future__ import annotations

import json

import pytest
import trimesh

pytest.importorskip('rclpy')

import lift

SETTINGS = {'hands': ('allegro',), 'seed_count': 32, 'max_grasps': 2}


def test_an_attempt_is_one_line_and_is_not_made_again(ros_domain, tmp_path, monkeypatch, capsys):
    trimesh.creation.box([0.05, 0.06, 0.12]).export(tmp_path / 'carton.obj')
    out, pictures = tmp_path / 'out' / 'lift.jsonl', tmp_path / 'pictures'
    lift.main(tmp_path, **SETTINGS, pictures=pictures, out=out)
    (record,) = map(json.loads, out.read_text().splitlines())
    assert (record['hand'], record['object'], record['random_seed']) == ('allegro', 'carton', 0)
    # The result and its cause agree, whatever they are; the object was seen and grasped for.
    assert record['lifted'] == (record['cause'] == 'lifted')
    assert record['found'] >= 1 and set(record['phases']) >= {'pregrasp'}
    if record['lifted']:
        assert record['highest'] > 0.08
    assert [p.name for p in pictures.iterdir()] == ['allegro_carton_0.png']
    capsys.readouterr()

    monkeypatch.setattr(lift, '_run', lambda *_: pytest.fail('it was made again'))
    lift.main(tmp_path, **SETTINGS, out=out)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith('| carton')]
    assert len(rows) == 1
    assert f'{int(record["lifted"])}/1' in rows[0]
    assert (record['cause'] in rows[0]) != record['lifted']


def test_causes_are_counted_by_half(tmp_path, monkeypatch, capsys):
    """Two objects that settings are chosen on, one that is reported on."""
    names = ('005_tomato_soup_can', '025_mug', '013_apple')
    causes = ('lifted', lift.NO_GRASP, 'lost in lift')
    out, records = tmp_path / 'lift.jsonl', []
    for name, cause in zip(names, causes, strict=True):
        (tmp_path / f'{name}.obj').touch()
        key = dict(zip(lift._KEY, ('allegro', name, 0, 32, 0.1, 1.0, 0.0), strict=True))
        records.append(key | {'lifted': cause == 'lifted', 'cause': cause})
    out.write_text('\n'.join(map(json.dumps, records)) + '\n')
    monkeypatch.setattr(lift, '_run', lambda *_: pytest.fail('it was made again'))
    lift.main(tmp_path, **SETTINGS, out=out)
    table = capsys.readouterr().out
    assert '| **tuned half** | 1/2 = 50 % | 9 to 91 % | 1 no grasp |' in table
    assert '| **reporting half** | 0/1 = 0 % | 0 to 79 % | 1 lost in lift |' in table
    assert '| **all** | 1/3 = 33 % |' in table
