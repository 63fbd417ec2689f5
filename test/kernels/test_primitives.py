"""Kernels' distances against NumPy's and Open3D's; their gradients against differences."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
import warp as wp

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.hand import primitive_distance as expected_distance
from dexgrasp_ros.kernels.distance import distance_field, signed_distance
from dexgrasp_ros.kernels.primitives import primitive_distance
from dexgrasp_ros.kernels.types import Grid
from dexgrasp_ros.object import load_object, sample_distance
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.upload import upload_grid


@wp.kernel
def measure_primitive(
    kind: int,
    size: wp.vec3,
    points: wp.array(dtype=wp.vec3),
    distance: wp.array(dtype=float),
    gradient: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    d, g = primitive_distance(kind, size, points[i])
    distance[i] = d
    gradient[i] = g


@wp.kernel
def measure_grid(
    grid: Grid,
    points: wp.array(dtype=wp.vec3),
    distance: wp.array(dtype=float),
    gradient: wp.array(dtype=wp.vec3),
    plain: wp.array(dtype=float),
):
    i = wp.tid()
    phi, slope, _direction, _curvature = distance_field(grid, points[i])
    distance[i] = phi
    gradient[i] = slope
    plain[i] = signed_distance(grid, points[i])


def run(kernel, *inputs, points, outputs: int):
    """Launch over points [M, 3]; returns distance, gradient and perhaps a second distance."""
    device = resolve_device('cpu')
    x = wp.array(points.astype(np.float32), dtype=wp.vec3, device=device)
    out = [
        wp.zeros(len(points), dtype=t, device=device) for t in (float, wp.vec3, float)[:outputs]
    ]
    wp.launch(kernel, dim=len(points), inputs=[*inputs, x, *out], device=device)
    return [o.numpy().astype(np.float64) for o in out]


@pytest.mark.parametrize(
    ('kind', 'size'),
    [
        (GeometryType.BOX, (0.02, 0.01, 0.03)),
        (GeometryType.SPHERE, (0.012, 0.0, 0.0)),
        (GeometryType.CYLINDER, (0.01, 0.03, 0.0)),
        (GeometryType.CAPSULE, (0.01, 0.02, 0.0)),
    ],
)
def test_primitive_distance_and_gradient(kind, size):
    points = np.random.default_rng(0).uniform(-0.06, 0.06, (4000, 3))
    points = points.astype(np.float32).astype(np.float64)
    d, gradient = run(measure_primitive, int(kind), wp.vec3(*size), points=points, outputs=2)
    np.testing.assert_allclose(d, expected_distance(kind, size, points), atol=1e-7)
    step = 1e-7
    for axis in range(3):
        shift = np.eye(3)[axis] * step
        difference = (
            expected_distance(kind, size, points + shift)
            - expected_distance(kind, size, points - shift)
        ) / (2 * step)
        error = np.abs(difference - gradient[:, axis])
        # Away from edges of the box's inside and the ends of a cylinder, where there is a kink.
        assert np.mean(error < 1e-3) > 0.999


def test_grid_distance_inside_and_outside_of_the_grid():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.04)
    obj = load_object((ball.vertices, ball.faces))
    grid = obj.distance
    lower = grid.origin
    upper = lower + grid.spacing * (np.array(grid.values.shape[:3]) - 1)
    points = np.random.default_rng(1).uniform(lower - 0.05, upper + 0.05, (5000, 3))
    device = resolve_device('cpu')
    d, gradient, plain = run(measure_grid, upload_grid(grid, device), points=points, outputs=3)
    expected, _ = sample_distance(grid, points)
    np.testing.assert_allclose(d, expected, atol=2e-7)
    np.testing.assert_allclose(plain, d, atol=2e-7)
    inside = ((points > lower) & (points < upper)).all(axis=1)
    assert inside.sum() > 500 and (~inside).sum() > 500
    np.testing.assert_allclose(d[inside], np.linalg.norm(points[inside], axis=1) - 0.04, atol=3e-4)
    step = 1e-6
    for axis in range(3):
        shift = np.eye(3)[axis] * step
        ahead, _ = sample_distance(grid, points + shift)
        behind, _ = sample_distance(grid, points - shift)
        error = np.abs((ahead - behind) / (2 * step) - gradient[:, axis])
        assert np.mean(error < 2e-3) > 0.99  # the rest stands on a border of cells
