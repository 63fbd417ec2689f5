"""Convex pieces: they cover the mesh, their ratio is known, the cache gives the same again."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.convex_pieces import convex_pieces, hull_volume
from dexgrasp_ros.object import load_object, object_pieces


def corner():
    """Three cubes of 4 cm in an L: volume 192 cm³, convex hull 224 cm³."""
    parts = [
        trimesh.creation.box([0.04] * 3, trimesh.transformations.translation_matrix(p))
        for p in ([0, 0, 0], [0.04, 0, 0], [0, 0.04, 0])
    ]
    return trimesh.boolean.union(parts)


@pytest.fixture(scope='module')
def obj():
    mesh = corner()
    return load_object((mesh.vertices, mesh.faces))


def inside(pieces, points):
    """Whether points lie in any piece, by SciPy's triangulation of its hull."""
    from scipy.spatial import Delaunay

    return np.any([Delaunay(p).find_simplex(points) >= 0 for p in pieces], axis=0)


def test_pieces_cover_the_solid_and_leave_its_notch_free(obj, tmp_path):
    result = object_pieces(obj, cache=tmp_path)
    rng = np.random.default_rng(0)
    arm = rng.uniform(-0.019, 0.019, (200, 3))
    for shift in ([0, 0, 0], [0.04, 0, 0], [0, 0.04, 0]):
        assert inside(result.pieces, arm + shift).mean() > 0.99
    assert not inside(result.pieces, arm + np.array([0.045, 0.045, 0])).any()
    assert result.volume_ratio == pytest.approx(1.0, abs=0.02)


def test_one_hull_of_a_hollow_thing_is_told_by_the_ratio(obj, tmp_path):
    result = object_pieces(obj, threshold=1.0, cache=tmp_path)
    assert len(result.pieces) == 1
    assert result.volume_ratio == pytest.approx(224 / 192, abs=0.01)


def test_cache_repeats_the_result_and_survives_damage(obj, tmp_path, monkeypatch):
    first = convex_pieces(obj.vertices, obj.faces, cache=tmp_path)
    (file,) = tmp_path.iterdir()

    def fail(*_, **__):
        raise AssertionError('the mesh was cut again')

    with monkeypatch.context() as patch:
        patch.setattr('dexgrasp_ros.core.convex_pieces._decompose', fail)
        again = convex_pieces(obj.vertices, obj.faces, cache=tmp_path)
    file.write_bytes(b'half a file')
    third = convex_pieces(obj.vertices, obj.faces, cache=tmp_path)
    for other in (again, third):
        assert len(other) == len(first)
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a, b)
    convex_pieces(obj.vertices + 1e-9, obj.faces, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_is_no_error(obj, tmp_path):
    (tmp_path / 'file').write_text('')
    assert convex_pieces(obj.vertices, obj.faces, cache=tmp_path / 'file' / 'below')


def test_a_sheet_becomes_thin_pieces(tmp_path):
    flat = np.array([[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [0.1, 0.1, 0]])
    pieces = convex_pieces(flat, np.array([[0, 1, 2], [1, 3, 2]]), cache=tmp_path)
    assert all(0 < hull_volume(p) < 0.1 * 0.1 * 0.01 for p in pieces)
