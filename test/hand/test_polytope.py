"""Simple polytopes, and the points on them."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.hand.polytope import PLANE_LIMIT, cut_box, simple_hull
from dexgrasp_ros.hand.polytope_surface import polytope_points


def test_a_round_piece_has_few_planes_and_hardly_sticks_out():
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.012)
    shape = simple_hull(ball.vertices)
    assert len(shape.planes) == PLANE_LIMIT
    out = np.linalg.norm(shape.vertices, axis=1).max() - 0.012
    inward = 0.012 - shape.planes[:, 3].min()  # the planes touch the ball, then are shrunk
    assert 0 < out < 9e-4 and 0 < inward < 9e-4
    mesh = trimesh.Trimesh(shape.vertices, shape.faces)
    assert mesh.volume == pytest.approx(ball.volume, rel=1e-6)


def assert_covered(shape, spacing=0.005):
    """Points lie on a polytope, cover it, and their normals are of the faces that they are on."""
    with np.errstate(all='raise'):
        points, normals = polytope_points(shape.vertices, shape.planes, spacing)
    size = np.ptp(shape.vertices, axis=0).max()
    away = points @ shape.planes[:, :3].T - shape.planes[:, 3]
    np.testing.assert_allclose(away.max(axis=1), 0.0, atol=3e-5 * size)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-9)
    arms = points - shape.vertices.mean(axis=0)
    assert ((normals * arms).sum(axis=1) > 0.0).all()
    mesh = trimesh.Trimesh(shape.vertices, shape.faces)
    assert mesh.is_watertight and mesh.volume > 0
    samples, _ = trimesh.sample.sample_surface(mesh, 2000, seed=0)
    nearest = np.linalg.norm(samples[:, None] - points, axis=2).min(axis=1)
    assert nearest.max() < spacing
    apart = np.linalg.norm(points[:, None] - points, axis=2) + np.eye(len(points))
    assert apart.min() > 0.6 * spacing


def test_polytope_points_lie_on_it_and_cover_it():
    assert_covered(simple_hull(trimesh.creation.icosphere(subdivisions=2, radius=0.02).vertices))


@pytest.mark.parametrize('noise', [1e-9, 1e-8, 1e-7])
@pytest.mark.parametrize('seed', range(3))
def test_corners_that_nearly_coincide_are_one(noise, seed):
    """As files round them: a box whose corners are told four times, off by so many metres."""
    generator = np.random.default_rng(seed)
    box = trimesh.creation.box([0.02, 0.03, 0.04]).vertices
    cloud = np.concatenate([box + generator.normal(scale=noise, size=(8, 3)) for _ in range(4)])
    shape = simple_hull(cloud)
    apart = np.linalg.norm(shape.vertices[:, None] - shape.vertices, axis=2)
    assert (apart + np.eye(len(apart))).min() > 1e-7
    assert_covered(shape)


def test_a_corner_off_all_planes_leaves_no_point_without_a_normal():
    """As qhull leaves them, inside by some percent, where many planes all but meet."""
    cube = simple_hull(np.array(list(np.ndindex(2, 2, 2)), float) * 0.03)
    vertices = np.concatenate([cube.vertices, [[0.015, 0.015, 0.029]]])
    points, normals = polytope_points(vertices, cube.planes, 0.005)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
    np.testing.assert_allclose(
        (points @ cube.planes[:, :3].T - cube.planes[:, 3]).max(axis=1), 0.0, atol=1e-8
    )


def test_what_is_cut_on_its_own_faces_has_them_once():
    cube = simple_hull(np.array(list(np.ndindex(2, 2, 2)), float) * 0.03)
    half = cut_box(cube.planes, np.zeros(3), np.array([0.03, 0.03, 0.015]) + 1e-9)
    assert len(half.planes) == 6 and len(half.vertices) == 8
    assert_covered(half)


def test_a_sheet_has_the_normals_of_its_sides():
    shape = simple_hull(trimesh.creation.box([0.05, 0.03, 2e-6]).vertices)
    _, normals = polytope_points(shape.vertices, shape.planes, 0.005)
    assert np.isfinite(normals).all()
