"""The whole object model: mass, characteristic length, surface points, surroundings."""

import gc
import weakref

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError, SynthesisError
from dexgrasp_ros.object import ObjectConfig, load_object, sample_distance
from dexgrasp_ros.object.distance_grid import build_distance_grid
from dexgrasp_ros.object.environment import _merge_balls
from dexgrasp_ros.object.model import _measured, _Shape
from dexgrasp_ros.object.surface import sample_surface

SMALL = ObjectConfig(max_nodes=100_000, surface_point_count=512)


def arrays(mesh):
    return np.array(mesh.vertices), np.array(mesh.faces)


def test_box_has_the_mass_properties_of_a_box():
    a, b, c = 0.04, 0.06, 0.1
    box = trimesh.creation.box(extents=[a, b, c])
    box.apply_translation([0.2, -0.1, 0.3])
    model = load_object(arrays(box), mass=0.3, config=SMALL)
    np.testing.assert_allclose(model.center_of_mass, [0.2, -0.1, 0.3], atol=1e-9)
    expected = 0.3 / 12 * np.diag([b * b + c * c, a * a + c * c, a * a + b * b])
    np.testing.assert_allclose(model.inertia, expected, atol=1e-9)
    heavy = load_object(arrays(box), config=ObjectConfig(max_nodes=100_000, density=2000))
    np.testing.assert_allclose(heavy.mass, 2000 * a * b * c)


def test_characteristic_length_of_sphere_and_cube():
    ball = load_object(arrays(trimesh.creation.icosphere(5, radius=0.04)), config=SMALL)
    np.testing.assert_allclose(ball.characteristic_length, 0.04, rtol=2e-3)
    # On a face at a/2 the mean of |x|^2 is a^2/4 + 2 a^2/12.
    cube = load_object(arrays(trimesh.creation.box(extents=[0.06] * 3)), config=SMALL)
    np.testing.assert_allclose(cube.characteristic_length, 0.06 * np.sqrt(5 / 12), rtol=1e-9)


def test_open_mesh_gets_its_mass_from_the_grid():
    ball = trimesh.creation.icosphere(4, radius=0.04)
    # A fin on a closed ball: one of its edges belongs to three faces.
    vertices = np.vstack([ball.vertices, [0.0, 0.0, 0.045]])
    faces = np.vstack([ball.faces, [*ball.faces[0][:2], len(ball.vertices)]])
    model = load_object((vertices, faces), config=SMALL)
    assert any('could not be repaired' in w for w in model.warnings)
    volume = 4 / 3 * np.pi * 0.04**3
    np.testing.assert_allclose(model.mass, SMALL.density * volume, rtol=0.05)
    np.testing.assert_allclose(model.center_of_mass, 0, atol=1e-3)
    np.testing.assert_allclose(
        model.inertia, 0.4 * model.mass * 0.04**2 * np.eye(3), atol=0.05 * model.mass * 0.04**2
    )


def test_surface_points_lie_on_the_surface_evenly_and_reproducibly():
    mesh = trimesh.creation.capsule(height=0.08, radius=0.02)
    model = load_object(arrays(mesh), config=SMALL)
    assert model.surface_points.shape == (512, 3)
    phi, gradient = sample_distance(model.distance, model.surface_points)
    assert np.abs(phi).max() < 0.3 * model.distance.spacing
    assert (gradient * model.surface_normals).sum(axis=1).min() > 0.8
    gap, _ = cKDTree(model.surface_points).query(model.surface_points, k=2)
    # Even: on the densest packing of n discs each has a neighbour at sqrt(2A / (sqrt(3) n)).
    densest = np.sqrt(2 * mesh.area / (np.sqrt(3) * 512))
    assert gap[:, 1].min() > 0.6 * densest
    # Complete: no place of the surface is farther from a point than that.
    far, _ = cKDTree(model.surface_points).query(mesh.sample(5000, seed=1))
    assert far.max() < densest
    points, _ = sample_surface(mesh, 512, SMALL.random_seed)
    np.testing.assert_array_equal(model.surface_points, points)
    np.testing.assert_array_equal(model.distance.values, build_distance_grid(mesh, SMALL).values)


def test_a_shape_is_measured_once_while_it_is_asked_for_again():
    box = trimesh.creation.box([0.04, 0.06, 0.1])
    first = load_object(arrays(box), config=SMALL)
    again = load_object(arrays(box), mass=1.0, support_plane=[0, 0, 1, 0.05], config=SMALL)
    assert again.distance.values is first.distance.values
    assert (again.mass, again.environment is None) == (1.0, False)
    with pytest.raises(ValueError, match='read-only'):
        first.distance.values[0] = 0.0
    for other in (
        load_object(arrays(box), scale=1.01, config=SMALL),
        load_object(arrays(box), config=ObjectConfig(max_nodes=90_000, surface_point_count=512)),
    ):
        assert other.distance.spacing != first.distance.spacing
    # Only the newest are kept, so that memory has a bound.
    for k in range(_measured.cache_info().maxsize):
        load_object(arrays(box), scale=1.02 + 0.01 * k, config=SMALL)
    assert load_object(arrays(box), config=SMALL).distance.values is not first.distance.values


def test_what_was_measured_of_a_mesh_does_not_keep_the_mesh():
    mesh = trimesh.creation.box((0.03, 0.04, 0.051))
    kept = weakref.ref(mesh)
    _measured(_Shape.of(mesh), ObjectConfig())
    del mesh
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize(('size', 'count'), [(0.02, 1536), (0.06, 2400), (0.3, 8192)])
def test_surface_points_stand_three_millimetres_apart_within_bounds(size, count):
    mesh = trimesh.creation.box([size, size, size])
    model = load_object((mesh.vertices, mesh.faces), config=ObjectConfig(max_nodes=10_000))
    assert len(model.surface_points) == count
    gap, _ = cKDTree(model.surface_points).query(model.surface_points, k=2)
    if count == 2400:
        assert 0.002 < np.median(gap[:, 1]) < 0.004


def test_plane_alone_is_exact_everywhere():
    normal = np.array([0.2, -0.3, 0.9])
    plane = np.append(normal, 0.07) * 2.5  # not of unit length: normalized
    model = load_object(
        arrays(trimesh.creation.box(extents=[0.05] * 3)), support_plane=plane, config=SMALL
    )
    unit = plane / np.linalg.norm(plane[:3])
    np.testing.assert_allclose(model.support_plane, unit)
    points = np.random.default_rng(0).uniform(-0.32, 0.32, (1000, 3))
    phi, gradient = sample_distance(model.environment, points)
    np.testing.assert_allclose(phi, points @ unit[:3] + unit[3], atol=1e-6)
    np.testing.assert_allclose(gradient, np.tile(unit[:3], (1000, 1)), atol=1e-6)
    low = model.environment.origin
    high = low + model.environment.spacing * (np.array(model.environment.values.shape[:3]) - 1)
    assert (low <= -0.325 + 1e-9).all() and (high >= 0.325 - 1e-9).all()


def test_obstacle_balls_and_plane_together():
    wall = np.stack(np.meshgrid([0.1], np.arange(-0.1, 0.1, 0.004), np.arange(0, 0.2, 0.004)))
    wall = wall.reshape(3, -1).T
    box = trimesh.creation.box(extents=[0.05, 0.05, 0.1])
    box.apply_translation([0, 0, 0.05])
    model = load_object(arrays(box), support_plane=[0, 0, 1, 0], obstacles=wall, config=SMALL)
    environment, radius = model.environment, SMALL.obstacle_radius
    toward_wall = np.array([[x, 0, 0.1] for x in (0.03, 0.05, 0.07, 0.09)])
    phi, gradient = sample_distance(environment, toward_wall)
    np.testing.assert_allclose(phi, 0.1 - radius - toward_wall[:, 0], atol=0.002)
    assert (gradient[1:, 0] < -0.9).all()
    phi, _ = sample_distance(environment, [[0, 0, 0.03], [0.1, 0, 0.1]])
    np.testing.assert_allclose(phi[0], 0.03, atol=1e-4)
    assert phi[1] < 0


def test_noise_around_the_object_and_below_the_plane_is_no_obstacle():
    rng = np.random.default_rng(0)
    box = trimesh.creation.box(extents=[0.05, 0.05, 0.1])
    near = box.sample(500, seed=0) * 1.05
    below = rng.uniform([-0.2, -0.2, -0.2], [0.2, 0.2, -0.06], (500, 3))
    nan = np.full((3, 3), np.nan)
    with_noise = load_object(
        arrays(box),
        support_plane=[0, 0, 1, 0.05],
        obstacles=np.vstack([near, below, nan]),
        config=SMALL,
    )
    without = load_object(arrays(box), support_plane=[0, 0, 1, 0.05], config=SMALL)
    np.testing.assert_array_equal(with_noise.environment.values, without.environment.values)
    alone = load_object(arrays(box), obstacles=near, config=SMALL)
    assert alone.environment is None


@pytest.mark.parametrize('normal', [[0.0, 0.0, 1.0], [0.6, 0.0, 0.8]])
def test_plane_and_balls_are_found_as_by_asking_for_all_of_them(normal):
    """Nodes above, in and below a plane, with balls that stick in it and others far above."""
    random = np.random.default_rng(0)
    nodes = random.uniform(-0.3, 0.3, (20_000, 3))
    points = random.uniform(-0.2, 0.2, (300, 3))
    points = points[points @ normal > 0.0]
    values = np.column_stack([np.broadcast_to(normal, nodes.shape), nodes @ normal])
    gap, index = cKDTree(points).query(nodes)
    nearer = (gap - 0.006 < values[:, 3])[:, None]
    ball = np.column_stack([(nodes - points[index]) / gap[:, None], gap - 0.006])
    expected = np.where(nearer, ball, values)
    assert 0.1 < nearer.mean() < 0.9
    _merge_balls(values, nodes, cKDTree(points), 0.006)
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(
    ('arguments', 'code'),
    [
        ({'support_plane': [0, 0, 1]}, ErrorCode.WRONG_SHAPE),
        ({'support_plane': [0, 0, 0, 1]}, ErrorCode.OUT_OF_RANGE),
        ({'support_plane': [0, 0, np.nan, 1]}, ErrorCode.OUT_OF_RANGE),
        ({'obstacles': [1.0, 2.0]}, ErrorCode.WRONG_SHAPE),
        ({'mass': 0.0}, ErrorCode.OUT_OF_RANGE),
        ({'mass': np.nan}, ErrorCode.OUT_OF_RANGE),
    ],
)
def test_bad_arguments_are_coded_errors(arguments, code):
    box = arrays(trimesh.creation.box(extents=[0.05] * 3))
    with pytest.raises(InputError) as info:
        load_object(box, config=SMALL, **arguments)
    assert info.value.code == code


def test_bad_configuration_is_refused():
    with pytest.raises(InputError, match='max_nodes'):
        ObjectConfig(max_nodes=10)


def test_name_comes_from_the_file(tmp_path):
    trimesh.creation.icosphere(radius=0.03).export(tmp_path / 'ball.ply')
    assert load_object(tmp_path / 'ball.ply', config=SMALL).name == 'ball'
    assert load_object(str(tmp_path / 'ball.ply'), name='red', config=SMALL).name == 'red'


def test_open_sheet_encloses_nothing():
    grid = trimesh.creation.box(extents=[0.1, 0.1, 0.02])
    sheet = grid.faces[grid.face_normals[:, 2] > 0.9]
    with pytest.raises(ObjectError) as info:
        load_object((grid.vertices, sheet), config=SMALL)
    assert info.value.code == ErrorCode.INVALID_MESH


def test_an_object_that_nobody_wants_any_more_is_left_at_the_next_step():
    asked = []

    def second_time():
        asked.append(1)
        return len(asked) == 2

    box = trimesh.creation.box((0.05, 0.05, 0.05))
    with pytest.raises(SynthesisError) as info:
        load_object((box.vertices, box.faces), should_stop=second_time)
    assert info.value.code == ErrorCode.CANCELLED
    assert len(asked) == 2
