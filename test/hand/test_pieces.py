"""Convex pieces: what they cover, how few planes they have, and their cache."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.hand.geometry import primitive_distance
from dexgrasp_ros.hand.pieces import convex_pieces
from dexgrasp_ros.hand.polytope import PLANE_LIMIT, simple_hull
from dexgrasp_ros.hand.polytope_surface import polytope_points
from dexgrasp_ros.hand.solid import enclosed_solid


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    return tmp_path / 'dexgrasp_ros' / 'hands'


def bracket() -> trimesh.Trimesh:
    """An L of two boxes that overlap, as two bodies: not convex, not one closed surface."""
    return trimesh.util.concatenate(
        [
            trimesh.creation.box(bounds=[[0, 0, 0], [0.06, 0.02, 0.02]]),
            trimesh.creation.box(bounds=[[0, 0, 0], [0.02, 0.02, 0.05]]),
        ]
    )


def distance(pieces, points) -> np.ndarray:
    """Signed distance to the union, too small outside."""
    return np.min(
        [primitive_distance(4, p.half_extents, points - p.center, p.shape.planes) for p in pieces],
        axis=0,
    )


def test_a_convex_mesh_is_one_piece_with_its_own_planes(cache):
    (piece,) = convex_pieces(trimesh.creation.box([0.02, 0.04, 0.06]))
    assert len(piece.shape.planes) == 6 and piece.shape.excess == 0.0
    np.testing.assert_allclose(piece.half_extents, [0.01, 0.02, 0.03])


def test_a_round_piece_has_few_planes_and_says_how_far_it_sticks_out():
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.012)
    shape = simple_hull(ball.vertices)
    assert len(shape.planes) == PLANE_LIMIT
    out = np.linalg.norm(shape.vertices, axis=1).max() - 0.012
    inward = 0.012 - shape.planes[:, 3].min()  # the planes touch the ball, then are shrunk
    assert 0 < out < 9e-4 and 0 < inward < 9e-4
    assert abs(out - shape.excess) < 2e-4
    mesh = trimesh.Trimesh(shape.vertices, shape.faces)
    assert mesh.volume == pytest.approx(ball.volume, rel=1e-6)


def test_polytope_points_lie_on_it_and_cover_it():
    shape = simple_hull(trimesh.creation.icosphere(subdivisions=2, radius=0.02).vertices)
    points, normals = polytope_points(shape.vertices, shape.planes, 0.005)
    away = points @ shape.planes[:, :3].T - shape.planes[:, 3]
    np.testing.assert_allclose(away.max(axis=1), 0.0, atol=1e-8)
    assert ((normals * points).sum(axis=1) > 0.9 * 0.02).all()
    mesh = trimesh.Trimesh(shape.vertices, shape.faces)
    assert mesh.is_watertight and mesh.volume > 0
    samples, _ = trimesh.sample.sample_surface(mesh, 2000, seed=0)
    nearest = np.linalg.norm(samples[:, None] - points, axis=2).min(axis=1)
    assert nearest.max() < 0.005
    apart = np.linalg.norm(points[:, None] - points, axis=2) + np.eye(len(points))
    assert apart.min() > 0.6 * 0.005


def test_a_corner_off_all_planes_leaves_no_point_without_a_normal():
    """As qhull leaves them, inside by some percent, where many planes all but meet."""
    cube = simple_hull(np.array(list(np.ndindex(2, 2, 2)), float) * 0.03)
    vertices = np.concatenate([cube.vertices, [[0.015, 0.015, 0.029]]])
    points, normals = polytope_points(vertices, cube.planes, 0.005)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
    np.testing.assert_allclose(
        (points @ cube.planes[:, :3].T - cube.planes[:, 3]).max(axis=1), 0.0, atol=1e-8
    )


def test_pieces_cover_a_bracket_and_not_its_corner(cache):
    mesh = bracket()
    pieces = convex_pieces(mesh)
    assert 2 <= len(pieces) <= 4
    generator = np.random.default_rng(0)
    for low, high in (([0, 0, 0], [0.06, 0.02, 0.02]), ([0, 0, 0], [0.02, 0.02, 0.05])):
        inside = generator.uniform(low, high, (500, 3))
        assert distance(pieces, inside).max() < 5e-4
    outside = generator.uniform([0.025, 0, 0.025], [0.06, 0.02, 0.05], (500, 3))
    assert (distance(pieces, outside) > 0.0).mean() > 0.97


@pytest.mark.slow  # the other tests cut solids that are simpler
def test_pieces_follow_a_manufacturers_fingertip(cache, data_dir):
    path = data_dir / 'hands/barrett_robotnik/barrett_hand_description/meshes/finger_tip.dae'
    mesh = trimesh.load(path, force='mesh')
    pieces = convex_pieces(mesh)
    assert 3 <= len(pieces) <= 16
    # Every corner of the drawing lies in a piece, or within what the grid lets through.
    inside = distance(pieces, mesh.vertices)
    assert np.quantile(inside, 0.99) < 5e-4 and inside.max() < 1.5e-3


def test_hollow_and_open_meshes_are_filled():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.02)
    hollow = trimesh.util.concatenate([ball, ball.copy().apply_scale(0.9)])
    solid = enclosed_solid(hollow)
    assert solid.is_watertight
    assert solid.volume == pytest.approx(ball.volume, rel=0.01)
    np.testing.assert_allclose(np.linalg.norm(solid.vertices, axis=1), 0.02, atol=2e-4)
    # A missing triangle narrower than two cells does not let the flood in.
    pierced = trimesh.Trimesh(hollow.vertices, hollow.faces[1:], process=False)
    assert enclosed_solid(pierced).volume == pytest.approx(ball.volume, rel=0.01)


def test_a_shell_without_a_bottom_becomes_its_hull(cache):
    box = trimesh.creation.box([0.04, 0.04, 0.04])
    cup = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 2] > -0.5], process=False)
    (piece,) = convex_pieces(cup)
    np.testing.assert_allclose(piece.half_extents, 0.02)


def test_results_are_the_same_and_come_from_the_cache(cache):
    first = convex_pieces(bracket())
    (file,) = cache.glob('*.npz')
    written = file.stat().st_mtime_ns
    second = convex_pieces(bracket())
    assert file.stat().st_mtime_ns == written
    file.unlink()
    for other in (second, convex_pieces(bracket())):
        for a, b in zip(first, other, strict=True):
            np.testing.assert_array_equal(a.shape.planes, b.shape.planes)
            np.testing.assert_array_equal(a.center, b.center)


@pytest.mark.parametrize('damage', [b'', b'hello', None], ids=['empty', 'text', 'cut off'])
def test_a_damaged_entry_is_made_anew(cache, damage):
    box = trimesh.creation.box([0.02, 0.04, 0.06])
    convex_pieces(box)
    (file,) = cache.glob('*.npz')
    sound = file.read_bytes()
    file.write_bytes(sound[: len(sound) // 2] if damage is None else damage)
    (piece,) = convex_pieces(box)
    assert len(piece.shape.planes) == 6
    assert len(np.load(file)['planes']) == 6


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'file'))
    assert len(convex_pieces(trimesh.creation.box([0.02, 0.04, 0.06]))) == 1
