"""`benchmark/others_shapes.py`: hands with other shapes, and a run at a size that fits a test."""

from __future__ import annotations

import json

import numpy as np
import others_shapes
import pytest
import trimesh
from hand_shapes import boxes, capsules, grow

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.core.poses import invert, transform_points
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.hand.geometry import primitive_mesh
from dexgrasp_ros.hand.groups import group_distance, half_extents


@pytest.fixture(scope='module')
def allegro():
    return load_hand('allegro')


def corners(hand, group):
    """Of a geometry, in the frame of its link."""
    mesh = primitive_mesh(hand.geometry_types[group], hand.geometry_sizes[group])
    return transform_points(hand.geometry_poses[group], mesh.vertices)


def test_a_grown_hand_is_farther_out_everywhere(allegro):
    grown = grow(allegro, 0.002)
    for g in range(len(allegro.group_names)):
        inside = group_distance(grown, g, transform_points(
            invert(grown.geometry_poses[g]), corners(allegro, g)))  # fmt: skip
        np.testing.assert_allclose(inside, -0.002, atol=2e-4)  # round ones are polygons here


def test_one_box_or_capsule_stands_for_a_link_and_a_palm_stays_in_parts(allegro):
    boxed, round_ = boxes(allegro), capsules(allegro)
    for link in np.unique(allegro.geometry_links):
        own = np.flatnonzero(allegro.geometry_links == link)
        palm = allegro.group_fingers[own[0]] < 0
        for part in [[g] for g in own] if palm else [own]:
            g = part[0]
            all_corners = np.concatenate([corners(allegro, k) for k in part])
            assert boxed.geometry_types[g] == GeometryType.BOX
            local = transform_points(invert(boxed.geometry_poses[g]), all_corners)
            np.testing.assert_allclose(np.abs(local).max(axis=0), boxed.geometry_sizes[g])
            kind = GeometryType.BOX if palm else GeometryType.CAPSULE
            assert round_.geometry_types[g] == kind
            # From end to end of the box, along its longest side.
            longest = boxed.geometry_sizes[g].max()
            assert half_extents(round_, g).max() == pytest.approx(longest, abs=2e-4)
            assert all(half_extents(boxed, k).max() < 2e-4 for k in part[1:])


@pytest.mark.slow
def test_each_shape_has_its_column_and_is_not_made_again(tmp_path, monkeypatch, capsys):
    trimesh.creation.cylinder(0.03, 0.1).export(tmp_path / 'can.obj')
    options = {
        'hands': ('barrett',),
        'objects': ('can',),
        'shapes': ('unmoved', '+1 mm', 'capsules', 'tendons'),
        'max_grasps': 2,
        'seed_count': 16,
        'out': tmp_path / 'shapes.jsonl',
    }
    others_shapes.main(tmp_path, **options)
    first = capsys.readouterr().out
    records = [json.loads(line) for line in options['out'].read_text().splitlines()]
    assert [r['shape'] for r in records] == list(options['shapes'])
    assert all(r['returned'] == 2 for r in records)
    assert records[0]['held'] == 2
    monkeypatch.setattr(others_shapes, '_search_and_shake', lambda *_: pytest.fail('made again'))
    others_shapes.main(tmp_path, **options)
    assert capsys.readouterr().out.splitlines()[-5:] == first.splitlines()[-5:]
