"""`benchmark/ablation.py`, at a size that fits into a test."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import trimesh

FOLDER = Path(__file__).resolve().parents[2] / 'benchmark'


def test_variants_are_made_once_and_compared(tmp_path, monkeypatch, capsys):
    trimesh.creation.cylinder(0.03, 0.1).export(tmp_path / 'can.obj')
    out = tmp_path / 'out.jsonl'
    options = f'{tmp_path} --objects can --random-seeds 0 --device cpu --out {out}'.split()
    options += ['--seed-count', '16', '--max-grasps', '1', '--variants', 'as it is', 'one draw']
    monkeypatch.setattr(sys, 'argv', ['ablation.py', *options])
    monkeypatch.syspath_prepend(str(FOLDER))
    for _ in range(2):
        runpy.run_path(str(FOLDER / 'ablation.py'), run_name='__main__')
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r['variant'] for r in records] == ['as it is', 'one draw']
    assert [r['config']['seed_draws'] for r in records] == [8, 1]
    assert 'one draw' in capsys.readouterr().out
