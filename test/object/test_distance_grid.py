"""The grid against distances worked out on paper and against independent oracles."""

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.object import ObjectConfig, build_distance_grid, read_mesh, sample_distance
from dexgrasp_ros.object.distance import grid_distance

COARSE = ObjectConfig(max_nodes=400_000)


def box_distance(points, half):
    """Signed distance of a centred box (Quilez)."""
    q = np.abs(points) - half
    return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)


def cup_distance(points, outer, inner, floor, height):
    """Signed distance of a cup of revolution: outer and inner radius, floor thickness, height."""
    r, z = np.hypot(points[:, 0], points[:, 1]), points[:, 2]

    def rectangle(r0, r1, z0, z1):
        q = np.abs(np.column_stack([r - (r0 + r1) / 2, z - (z0 + z1) / 2]))
        q -= [(r1 - r0) / 2, (z1 - z0) / 2]
        return np.linalg.norm(np.maximum(q, 0), axis=1) + np.minimum(q.max(axis=1), 0)

    # Where wall and floor meet, depths are bounds only: unused below.
    return np.minimum(rectangle(inner, outer, 0, height), rectangle(-outer, outer, 0, floor))


def cup(outer=0.04, inner=0.037, floor=0.003, height=0.09):
    profile = [[0, 0], [outer, 0], [outer, height], [inner, height], [inner, floor], [0, floor]]
    return trimesh.creation.revolve(np.array(profile), sections=256)


def test_box_distance_and_gradient_match_the_formula():
    half = np.array([0.03, 0.045, 0.08])
    grid = build_distance_grid(trimesh.creation.box(extents=2 * half), COARSE)
    points = np.random.default_rng(0).uniform(-half - 0.025, half + 0.025, (20_000, 3))
    phi, gradient = sample_distance(grid, points)
    np.testing.assert_allclose(grid_distance(grid, points), phi, atol=1e-12)
    exact = box_distance(points, half)
    near = np.abs(exact) < 3 * grid.spacing
    assert np.abs(phi - exact)[near].max() < 0.5 * grid.spacing
    assert np.percentile(np.abs(phi - exact), 99) < 0.4 * grid.spacing
    # Over the middle of a face the distance is linear, so look-ups are exact there.
    over = np.column_stack([np.linspace(-0.02, 0.02, 50), np.zeros(50), np.full(50, 0.0873)])
    phi, gradient = sample_distance(grid, over)
    np.testing.assert_allclose(phi, 0.0073, atol=2e-6)
    np.testing.assert_allclose(gradient, np.tile([0, 0, 1], (50, 1)), atol=1e-3)


def test_nodes_near_the_surface_are_exact_and_the_gradient_is_the_direction():
    radius = 0.04
    grid = build_distance_grid(trimesh.creation.icosphere(subdivisions=6, radius=radius), COARSE)
    nodes = grid.origin + grid.spacing * np.stack(np.indices(grid.values.shape[:3]), axis=-1)
    distance = np.linalg.norm(nodes, axis=-1)
    near = np.abs(distance - radius) < 3 * grid.spacing
    # The icosphere's facets lie up to 6e-6 m inside the sphere.
    np.testing.assert_allclose(grid.values[near][:, 3], distance[near] - radius, atol=1e-5)
    unit = nodes[near] / distance[near][:, None]
    cosine = (grid.values[near][:, :3] * unit).sum(axis=1)
    assert cosine.min() > np.cos(np.radians(2))
    np.testing.assert_allclose(np.linalg.norm(grid.values[near][:, :3], axis=1), 1, atol=1e-4)


def test_gradient_is_the_slope_of_the_looked_up_distance():
    grid = build_distance_grid(trimesh.creation.icosphere(5, radius=0.03), COARSE)
    rng = np.random.default_rng(1)
    points = rng.uniform(-0.9, 0.9, (2000, 3)) * -grid.origin
    phi, gradient = sample_distance(grid, points)
    away = phi > -0.015  # the middle is a kink
    step = grid.spacing
    slope = np.stack(
        [
            sample_distance(grid, points + e)[0] - sample_distance(grid, points - e)[0]
            for e in step * np.eye(3)
        ],
        axis=1,
    ) / (2 * step)
    assert np.linalg.norm(slope - gradient, axis=1)[away].max() < 0.05


def test_thin_walls_have_the_right_sign_and_distance():
    mesh = cup()
    grid = build_distance_grid(mesh)
    assert grid.spacing <= 0.0015  # two intervals through the wall of 3 mm
    rng = np.random.default_rng(2)
    angle, z = rng.uniform(0, 2 * np.pi, 3000), rng.uniform(0.01, 0.085, 3000)
    for radius, inside in ((0.0385, True), (0.0355, False), (0.0415, False)):
        points = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), z])
        phi, gradient = sample_distance(grid, points)
        assert ((phi < 0) == inside).all()
        if not inside:
            np.testing.assert_allclose(
                phi, cup_distance(points, 0.04, 0.037, 0.003, 0.09), atol=0.25 * grid.spacing
            )
    # The gradient on both sides of the wall leaves the wall.
    outward = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(3000)])
    for radius, sign in ((0.0405, 1), (0.0365, -1)):
        points = radius * outward + [0, 0, 1] * z[:, None]
        _, gradient = sample_distance(grid, points)
        assert (sign * (gradient * outward).sum(axis=1)).min() > 0.95


@pytest.mark.parametrize('name', ['013_apple', '024_bowl', '025_mug', '035_power_drill'])
def test_scanned_objects_agree_with_open3d(data_dir, name):
    mesh, _ = read_mesh(data_dir / 'objects' / f'{name}.obj')
    grid = build_distance_grid(mesh)
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(mesh.vertices.astype(np.float32)),
        o3d.core.Tensor(mesh.faces.astype(np.uint32)),
    )
    rng = np.random.default_rng(3)
    points = mesh.sample(4000, seed=3) + rng.normal(0, 0.004, (4000, 3))
    exact = scene.compute_signed_distance(
        o3d.core.Tensor(points.astype(np.float32)), nsamples=5
    ).numpy()
    phi, _ = sample_distance(grid, points)
    error = np.abs(phi - exact)
    assert np.percentile(error, 99) < 0.5 * grid.spacing
    assert error.max() < grid.spacing
    wrong = np.sign(phi) != np.sign(exact)
    assert np.abs(exact[wrong]).max(initial=0) < 0.5 * grid.spacing


def test_outside_the_grid_the_distance_goes_on():
    grid = build_distance_grid(trimesh.creation.icosphere(radius=0.03), COARSE)
    edge = grid.origin[0] + grid.spacing * (grid.values.shape[0] - 1)
    at, _ = sample_distance(grid, [[edge, 0, 0]])
    out, gradient = sample_distance(grid, [[edge + 0.2, 0, 0]])
    np.testing.assert_allclose(out, at + 0.2, rtol=1e-12)
    np.testing.assert_allclose(gradient, [[1, 0, 0]])


def test_nodes_stay_within_the_bound_and_margin_is_kept():
    for extents in ([0.01, 0.01, 0.01], [0.5, 0.02, 0.02], [0.6, 0.5, 0.4]):
        mesh = trimesh.creation.box(extents=extents)
        config = ObjectConfig(max_nodes=150_000)
        grid = build_distance_grid(mesh, config)
        shape = np.array(grid.values.shape[:3])
        assert shape.prod() <= config.max_nodes
        corner = grid.origin + grid.spacing * (shape - 1)
        assert (grid.origin <= mesh.bounds[0] - 0.0099).all()
        assert (corner >= mesh.bounds[1] + 0.0099).all()
        assert grid.values.flags.c_contiguous and grid.values.dtype == np.float32


def test_the_grid_is_as_fine_as_walls_need():
    config = ObjectConfig(usual_nodes=20_000, max_nodes=400_000, margin_of_walls=0.005)
    outer, inner, floor, height = 0.02, 0.0188, 0.0012, 0.03
    grid = build_distance_grid(cup(outer, inner, floor, height), config)
    assert grid.values[..., 3].size <= config.max_nodes
    angle = np.linspace(0.0, 2 * np.pi, 60, endpoint=False)
    outward = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(60)])
    at = np.array([0.0, 0.0, 0.6 * height])
    phi, _ = sample_distance(grid, at + (outer + inner) / 2 * outward)
    assert phi.max() < -0.0001  # there is a wall all around …
    for radius, sign in ((outer, 1.0), (inner, -1.0)):
        phi, normal = sample_distance(grid, at + radius * outward)
        assert np.abs(phi).max() < 0.0003
        assert (sign * (normal * outward).sum(axis=1)).min() > 0.0  # … with two sides


def test_what_has_no_thin_walls_keeps_the_usual_grid():
    config = ObjectConfig(usual_nodes=20_000)
    thick = cup(outer=0.04, inner=0.030, floor=0.010)
    for mesh in (trimesh.creation.box([0.03, 0.05, 0.08]), thick):
        assert build_distance_grid(mesh, config).values[..., 3].size <= config.usual_nodes


def test_open_mesh_gets_the_sign_of_its_closed_shape():
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=0.04)
    torn = trimesh.Trimesh(mesh.vertices, mesh.faces[np.arange(len(mesh.faces)) % 41 != 0])
    grid = build_distance_grid(torn, COARSE)
    points = np.random.default_rng(4).uniform(-0.05, 0.05, (5000, 3))
    exact = np.linalg.norm(points, axis=1) - 0.04
    phi, _ = sample_distance(grid, points)
    clear = np.abs(exact) > 0.004
    assert ((phi < 0) == (exact < 0))[clear].mean() > 0.999
