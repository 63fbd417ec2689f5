"""`benchmark/gallery.py`, at a size that fits into a test."""

from __future__ import annotations

import json

import gallery
import numpy as np
import pytest
from grippers import parallel_gripper


def test_rows_are_made_once_and_fill_a_page(tmp_path, monkeypatch, capsys, quick_shakes):
    path, page = tmp_path / 'jaws.urdf', tmp_path / 'page.md'
    path.write_text(parallel_gripper())
    path.with_suffix('.yaml').write_text('closing: {a_slide: -1}')
    page.write_text('before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n')
    records, out = tmp_path / 'deep' / 'gallery.jsonl', tmp_path / 'gallery.md'
    options = {'objects': ('box',), 'max_grasps': 1, 'seed_count': 16, 'iterations': 60}
    options |= {'device': 'cpu', 'records': records, 'out': out, 'page': page}
    gallery.main((f'two jaws={path}:base',), **options)
    (record,) = map(json.loads, records.read_text().splitlines())
    returned, held = record['returned'], record['held']
    assert 0 <= held <= returned == 1
    (row,) = [line for line in out.read_text().splitlines() if 'two jaws' in line]
    first, again = record['load_seconds']
    facts = f'| two jaws | gripper | 1 | {record["groups"]} | {first:.1f} / {again:.1f}'
    assert row == f'{facts} | {returned} / {held} |'
    begin, filled, end = page.read_text().partition(row)
    assert filled and begin.startswith('before\n<!-- figures -->\n1 grasps') and 'old' not in begin
    assert end == '\n<!-- end of figures -->\nafter\n'
    monkeypatch.setattr(gallery, '_run', lambda *_: pytest.fail('it was made again'))
    before = page.read_text()
    gallery.main((f'two jaws={path}:base',), **options)
    assert page.read_text() == before
    page.write_text('no place')
    with pytest.raises(SystemExit, match='0 places'):
        gallery.main((f'two jaws={path}:base',), **options)


@pytest.mark.parametrize(
    ('word', 'expected'),
    [
        ('allegro', ('allegro', ('allegro', None))),
        ('hands/my.urdf', ('my', ('hands/my.urdf', None))),
        ('hands/my.urdf:palm', ('my', ('hands/my.urdf', 'palm'))),
        ('Mine=hands/my.urdf', ('Mine', ('hands/my.urdf', None))),
        ('Mine=hands/my.urdf:palm', ('Mine', ('hands/my.urdf', 'palm'))),
    ],
)
def test_hands_have_names_and_roots(word, expected):
    assert gallery.parse_hand(word) == expected


def test_objects_have_the_sizes_that_are_told():
    def width(mesh, height: float) -> float:
        section = mesh.section(plane_normal=[0, 0, 1], plane_origin=[0, 0, height])
        return float(np.ptp(section.vertices[:, 0]))

    box, bottle, screwdriver = (make() for make in gallery.OBJECTS.values())
    np.testing.assert_allclose(box.extents, (0.04, 0.06, 0.12))
    assert width(bottle, 0.05) == pytest.approx(0.060, abs=1e-4)
    assert width(bottle, 0.165) == pytest.approx(0.028, abs=1e-4)
    assert width(screwdriver, 0.05) == pytest.approx(0.028, abs=1e-4)
    assert width(screwdriver, 0.15) == pytest.approx(0.008, abs=1e-4)
    assert all(mesh.is_watertight and mesh.volume > 0 for mesh in (box, bottle, screwdriver))
