"""Eight at a time must be the same, bit for bit, as one by one."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
import warp as wp

from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.kernels.distance import signed_distance, xyz
from dexgrasp_ros.kernels.lanes import (
    LANES,
    ball_distance,
    ball_distances,
    ball_gap,
    ball_gaps,
    point_distance,
    point_distances,
    point_gap,
    point_gaps,
    renew_bounds,
)
from dexgrasp_ros.kernels.primitives import geometry_distance
from dexgrasp_ros.kernels.types import Grid, Hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.upload import upload_grid, upload_hand

COUNT = 61  # no multiple of eight


@wp.kernel
def look_up(
    grid: Grid,
    pose: wp.transform,
    balls: wp.array(dtype=wp.vec4),
    points: wp.array(dtype=wp.vec3),
    together: wp.array2d(dtype=float),
    alone: wp.array2d(dtype=float),
):
    first = LANES * wp.tid()
    turn = wp.quat_to_matrix(wp.transform_get_rotation(pose))
    shift = wp.transform_get_translation(pose)
    count = wp.min(balls.shape[0] - first, LANES)
    near = ball_distances(grid, turn, shift, balls, first)
    phi = point_distances(grid, turn, shift, points, first)
    for i in range(count):
        k = first + i
        together[0, k] = ball_distance(near, grid, turn, shift, balls, first, i)
        together[1, k] = point_distance(phi, grid, turn, shift, points, first, i)
        alone[0, k] = signed_distance(grid, turn * xyz(balls[k]) + shift) - balls[k][3]
        alone[1, k] = signed_distance(grid, turn * points[k] + shift)


@wp.kernel
def measure(
    hand: Hand,
    g: int,
    pose: wp.transform,
    balls: wp.array(dtype=wp.vec4),
    points: wp.array(dtype=wp.vec3),
    together: wp.array2d(dtype=float),
    alone: wp.array2d(dtype=float),
):
    first = LANES * wp.tid()
    count = wp.min(balls.shape[0] - first, LANES)
    near = ball_gaps(hand, g, pose, balls, first)
    d = point_gaps(hand, g, pose, points, first)
    for i in range(count):
        k = first + i
        together[0, k] = ball_gap(near, hand, g, pose, balls, first, i)
        together[1, k] = point_gap(d, hand, g, pose, points, first, i)
        one, _slope = geometry_distance(hand, g, wp.transform_point(pose, xyz(balls[k])))
        alone[0, k] = one - balls[k][3]
        other, _slope = geometry_distance(hand, g, wp.transform_point(pose, points[k]))
        alone[1, k] = other


@wp.kernel
def renew(
    grid: Grid,
    pose: wp.transform,
    balls: wp.array(dtype=wp.vec4),
    drift: float,
    limit: float,
    together: wp.array2d(dtype=float),
    alone: wp.array2d(dtype=float),
):
    n = wp.tid()
    turn = wp.quat_to_matrix(wp.transform_get_rotation(pose))
    shift = wp.transform_get_translation(pose)
    end = balls.shape[0] - n  # other lengths of the last eight
    renew_bounds(grid, turn, shift, balls, together, n, 1, end, drift, limit)
    for k in range(1, end):
        bound = alone[n, k] - drift
        if bound < limit:
            bound = signed_distance(grid, turn * xyz(balls[k]) + shift) - balls[k][3]
        alone[n, k] = bound


@pytest.fixture(scope='module')
def grid():
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.04)
    return upload_grid(load_object((ball.vertices, ball.faces)).distance, resolve_device('cpu'))


def rows(seed: int, *, size: float, lost: bool = False) -> tuple[wp.array, wp.array]:
    """Balls and points, with rows to spare; `lost`: one is not finite."""
    rng = np.random.default_rng(seed)
    balls = rng.uniform(-size, size, (COUNT + int(LANES), 4)).astype(np.float32)
    balls[:, 3] = 0.1 * np.abs(balls[:, 3])
    if lost:
        balls[17, 1] = np.nan
    points = np.ascontiguousarray(balls[:, :3])
    return (
        wp.array(balls, dtype=wp.vec4, device='cpu')[:COUNT],
        wp.array(points, dtype=wp.vec3, device='cpu')[:COUNT],
    )


def both(shape: tuple[int, int]) -> tuple[wp.array, wp.array]:
    return tuple(wp.zeros(shape, dtype=float, device='cpu') for _ in range(2))


def pose(seed: int) -> wp.transform:
    rng = np.random.default_rng(seed)
    q = rng.normal(size=4)
    return wp.transform(*rng.normal(0.0, 0.02, 3), *(q / np.linalg.norm(q)))


def same(together: wp.array, alone: wp.array) -> None:
    # As integers: -0.0 is not 0.0, and what is not a number is the same where it is the same.
    one, other = together.numpy(), alone.numpy()
    finite = np.isfinite(other)
    np.testing.assert_array_equal(np.isfinite(one), finite)
    np.testing.assert_array_equal(one[finite].view(np.int32), other[finite].view(np.int32))
    assert len(np.unique(other[finite])) > COUNT / 2


@pytest.mark.parametrize('lost', [False, True])
@pytest.mark.parametrize('size', [0.03, 0.08, 0.3])  # in the grid, about its border, far away
def test_looking_up_in_lanes(grid, size, lost):
    together, alone = both((2, COUNT))
    launches = -(-COUNT // int(LANES))
    inputs = [grid, pose(1), *rows(0, size=size, lost=lost), together, alone]
    wp.launch(look_up, dim=launches, inputs=inputs, device='cpu')
    same(together, alone)


@pytest.mark.parametrize('name', ['allegro', 'barrett'])  # boxes and what is round; convex pieces
def test_measuring_in_lanes(name):
    model = load_hand(name)
    hand = upload_hand(model, resolve_device('cpu'))
    groups = [int(np.flatnonzero(model.geometry_types == k)[0]) for k in set(model.geometry_types)]
    for g in groups:
        together, alone = both((2, COUNT))
        inputs = [hand, g, pose(g), *rows(g, size=0.06), together, alone]
        wp.launch(measure, dim=-(-COUNT // int(LANES)), inputs=inputs, device='cpu')
        same(together, alone)


@pytest.mark.parametrize('limit', [-1.0, 0.01, 1.0])  # none, some and all are looked up
def test_renewing_bounds(grid, limit):
    balls, _points = rows(3, size=0.08)
    shape = (9, COUNT)
    bounds = np.random.default_rng(5).uniform(0.0, 0.03, shape).astype(np.float32)
    together, alone = (wp.array(bounds, dtype=float, device='cpu') for _ in range(2))
    inputs = [grid, pose(2), balls, 0.004, limit, together, alone]
    wp.launch(renew, dim=shape[0], inputs=inputs, device='cpu')
    same(together, alone)
    assert (together.numpy()[:, 0] == bounds[:, 0]).all()
