"""`benchmark/variety.py`, at a size that fits into a test."""

from __future__ import annotations

import json

import pytest
import trimesh
import variety


@pytest.mark.slow  # each benchmark searches for seconds; another one runs always
def test_every_kind_has_its_row_and_is_not_made_again(tmp_path, monkeypatch, capsys, quick_shakes):
    trimesh.creation.cylinder(0.03, 0.1).export(tmp_path / 'can.obj')
    out = tmp_path / 'deep' / 'variety.jsonl'
    options = {
        'hands': ('barrett',),
        'objects': ('can',),
        'kinds': ('any', 'precision', 'cone', 'hold', 'avoid'),
        'seed_count': 8,
        'max_grasps': 1,
        'iterations': 60,
        'device': 'cpu',
        'out': out,
    }
    variety.main(tmp_path, **options)
    first = capsys.readouterr().out
    rows = {line.split(' | ')[0].strip('| '): line for line in first.splitlines() if '%' in line}
    assert {'any', 'precision', 'cone', 'hold', 'avoid'} <= set(rows)
    records = {r['kind']: r for r in map(json.loads, out.read_text().splitlines())}
    assert sum(r['returned'] for r in records.values()) >= 5
    for kind, record in records.items():
        assert record['of_kind'][kind] == record['returned']
        assert 0.0 < record['touched_share'] < 1.0 or not record['returned']
    monkeypatch.setattr(variety, '_run', lambda *_: pytest.fail('it was made again'))
    variety.main(tmp_path, **options)
    again = capsys.readouterr().out
    assert again.splitlines()[-7:] == first.splitlines()[-7:]
