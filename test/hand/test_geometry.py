"""Primitives: distances against meshes of trimesh, surface points against the distances."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.hand import primitive_distance
from dexgrasp_ros.hand.geometry import primitive_area, primitive_mesh, primitive_radius
from dexgrasp_ros.hand.surface import bounding_sphere, compact_clusters, surface_points

PRIMITIVES = [
    (GeometryType.BOX, (0.02, 0.013, 0.03)),
    (GeometryType.BOX, (0.0005, 0.05, 0.05)),
    (GeometryType.SPHERE, (0.012, 0.0, 0.0)),
    (GeometryType.CYLINDER, (0.012, 0.02, 0.0)),
    (GeometryType.CYLINDER, (0.03, 0.002, 0.0)),
    (GeometryType.CAPSULE, (0.01, 0.02, 0.0)),
]
NAMES = [f'{kind.name.lower()}-{size[0]}' for kind, size in PRIMITIVES]
each_primitive = pytest.mark.parametrize(('kind', 'size'), PRIMITIVES, ids=NAMES)


@each_primitive
def test_distance_agrees_with_the_triangles(kind, size):
    mesh = primitive_mesh(kind, size)
    points = np.random.default_rng(0).uniform(-0.06, 0.06, (400, 3))
    distance = -trimesh.proximity.signed_distance(mesh, points)
    # Chords of 32 sections lie 0.5 % of r below the circle, latitude of 16 as much again.
    round_off = 0.0 if kind == GeometryType.BOX else 0.01 * size[0]
    np.testing.assert_allclose(
        primitive_distance(kind, size, points), distance, atol=round_off + 1e-9
    )


def test_distances_worked_out_by_hand():
    box = primitive_distance(GeometryType.BOX, (1, 2, 3), [[4, 6, 3], [0, 0, 0], [0.9, 0, 0]])
    np.testing.assert_allclose(box, [5, -1, -0.1])
    cylinder = primitive_distance(GeometryType.CYLINDER, (1, 2, 0), [[4, 0, 6], [0, 0, 1.5]])
    np.testing.assert_allclose(cylinder, [5, -0.5])
    capsule = primitive_distance(GeometryType.CAPSULE, (1, 2, 0), [[3, 0, 6], [0, 0, 2.5]])
    np.testing.assert_allclose(capsule, [4, -0.5])


@each_primitive
def test_points_lie_on_the_surface_with_outward_normals(kind, size):
    points, normals = surface_points(kind, size, 0.005)
    np.testing.assert_allclose(primitive_distance(kind, size, points), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-12)
    step = 1e-5
    assert (primitive_distance(kind, size, points + step * normals) > 0.5 * step).all()
    assert (primitive_distance(kind, size, points - step * normals) < -0.5 * step).all()


@each_primitive
def test_no_part_of_the_surface_is_far_from_a_point(kind, size):
    spacing = 0.005
    points, _ = surface_points(kind, size, spacing)
    samples, _ = trimesh.sample.sample_surface(primitive_mesh(kind, size), 3000, seed=0)
    distance, _ = cKDTree(points).query(samples)
    # The middle of a square is 0.71 of its side from the corners; lattices on a disk are uneven.
    assert distance.max() < 0.85 * spacing
    assert len(np.unique(points.round(7), axis=0)) == len(points)


@each_primitive
@pytest.mark.parametrize(
    'scale', [(1e3, 1e3, 1e3), (1e6, 1e6, 1e6), (1e3, 1e-3, 1e-3), (1, 1e6, 1)]
)
def test_points_of_a_hand_in_millimetres_take_no_memory(kind, size, scale):
    points, _ = surface_points(kind, np.multiply(size, scale), 0.005)
    assert len(points) < 300_000


@each_primitive
def test_area_and_radius(kind, size):
    mesh = primitive_mesh(kind, size)
    assert primitive_area(kind, size) == pytest.approx(mesh.area, rel=0.01)
    assert primitive_radius(kind, size) == pytest.approx(
        np.linalg.norm(mesh.vertices, axis=1).max(), rel=1e-3
    )


def test_box_has_its_corners_and_edges():
    points, normals = surface_points(GeometryType.BOX, (0.01, 0.01, 0.01), 0.005)
    assert len(points) == 5**3 - 3**3
    corner = np.linalg.norm(points - 0.01, axis=1).argmin()
    np.testing.assert_allclose(points[corner], 0.01)
    np.testing.assert_allclose(normals[corner], 3**-0.5)


def test_clusters_hold_every_point_once_and_are_compact():
    points, _ = surface_points(GeometryType.BOX, (0.02, 0.013, 0.03), 0.0046)
    clusters = compact_clusters(points, 24, 0.025)
    assert sorted(np.concatenate(clusters)) == list(range(len(points)))
    assert max(map(len, clusters)) <= 24
    for index in clusters:
        center, radius = bounding_sphere(points[index])
        assert np.ptp(points[index], axis=0).max() <= 0.025
        assert np.linalg.norm(points[index] - center, axis=1).max() <= radius + 1e-12
    assert compact_clusters(np.empty((0, 3)), 24) == []
    assert sum(map(len, compact_clusters(np.zeros((50, 3)), 24))) == 50
