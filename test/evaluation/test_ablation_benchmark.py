"""`benchmark/ablation.py`, at a size that fits into a test."""

from __future__ import annotations

import json

import ablation
import pytest
import trimesh


@pytest.mark.slow  # each benchmark searches for seconds; another one runs always
def test_variants_are_made_once_and_compared(tmp_path, monkeypatch, capsys, quick_shakes):
    trimesh.creation.cylinder(0.03, 0.1).export(tmp_path / 'can.obj')
    out = tmp_path / 'out.jsonl'
    options = {'objects': ('can',), 'random_seeds': (0,), 'device': 'cpu', 'out': out}
    options |= {'seed_count': 8, 'max_grasps': 1, 'variants': ('as it is', 'one draw')}
    made = ablation.main(tmp_path, **options)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r['variant'] for r in records] == ['as it is', 'one draw']
    assert [r['config']['seed_draws'] for r in records] == [8, 1]
    assert 'one draw' in capsys.readouterr().out
    monkeypatch.setattr(ablation, 'search_and_shake', lambda *_: pytest.fail('it was made again'))
    assert ablation.main(tmp_path, **options) == made


def test_unknown_variants_are_named(tmp_path):
    with pytest.raises(SystemExit, match=r"no variants \['none'\]; there are \['as it is'"):
        ablation.main(tmp_path, variants=('none',))
