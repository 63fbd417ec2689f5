"""`benchmark/speed.py`, at a size that fits into a test."""

from __future__ import annotations

import pytest
import speed
import trimesh


@pytest.mark.slow  # each benchmark searches for seconds; another one runs always
def test_every_table_has_its_rows(tmp_path, capsys):
    mesh, out = tmp_path / 'can.obj', tmp_path / 'deep' / 'speed.md'
    trimesh.creation.cylinder(0.03, 0.1).export(mesh)
    speed.main(
        device='cpu',
        objects=(mesh,),
        batches=(4, 8),
        hands=('allegro',),
        intervals=(16, 24),
        seed_count=4,
        iterations=4,
        random_seeds=(0,),
        out=out,
    )
    tables = out.read_text().strip().split('\n\n')[1:]
    rows = [[line.split(' | ') for line in t.splitlines()] for t in tables]
    kernels = {row[0]: float(row[1].split()[0]) for row in rows[0][2:]}
    assert [len(r) - 2 for r in rows[1:]] == [2, 1, 2]
    # What is booked for each kernel adds up to the whole.
    whole = kernels.pop('| `all`')
    assert '| `find_contacts`' in kernels
    assert 0.5 * whole < sum(kernels.values()) < 1.5 * whole
    # The two grids differ in their nodes.
    assert rows[3][2][1] != rows[3][3][1]
    assert 'candidates a second' in capsys.readouterr().out
