"""Symmetries found from one view, and what they make of the hidden side."""

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.perception import ReconstructionConfig, reconstruct_frame
from dexgrasp_ros.perception.completion.evidence import Evidence
from dexgrasp_ros.perception.completion.guesses import GUESSES
from dexgrasp_ros.perception.completion.mirror import find_mirrors
from dexgrasp_ros.perception.completion.revolution import guess_revolution
from dexgrasp_ros.perception.completion.ridges import find_ridges
from dexgrasp_ros.perception.grid import make_axes
from dexgrasp_ros.perception.points import clean_label
from dexgrasp_ros.perception.surface import observe_surface
from dexgrasp_ros.perception.view import whole_frame

NOISE = 0.0015  # m


def box(turn=0.5):
    mesh = trimesh.creation.box((0.11, 0.05, 0.08)).apply_translation((0.0, 0.0, 0.04))
    return mesh.apply_transform(trimesh.transformations.rotation_matrix(turn, (0, 0, 1)))


def cylinder():
    return trimesh.creation.cylinder(0.04, 0.1, sections=64).apply_translation((0, 0, 0.05))


def lying_cylinder(turn=0.3):
    mesh = trimesh.creation.cylinder(0.025, 0.14, sections=64)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (0, 1, 0)))
    mesh.apply_transform(trimesh.transformations.rotation_matrix(turn, (0, 0, 1)))
    return mesh.apply_translation((0, 0, 0.025))


def sphere():
    return trimesh.creation.icosphere(4, 0.045).apply_translation((0, 0, 0.045))


def mug(turn=-0.4):
    """Return a cup with a handle that stands out to the side of the camera."""
    outside = trimesh.creation.cylinder(0.04, 0.09, sections=64).apply_translation((0, 0, 0.045))
    inside = trimesh.creation.cylinder(0.036, 0.09, sections=64).apply_translation((0, 0, 0.049))
    handle = trimesh.creation.torus(0.022, 0.005, major_sections=48, minor_sections=16)
    handle.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))
    handle.apply_translation((0.048, 0, 0.045))
    cup = trimesh.boolean.union([outside, trimesh.boolean.difference([handle, outside])])
    mesh = trimesh.boolean.difference([cup, inside])
    return mesh.apply_transform(trimesh.transformations.rotation_matrix(turn, (0, 0, 1)))


def gun(turn=0.6):
    """Return a barrel on a thin handle on a foot; its only plane of symmetry is upright."""
    parts = [
        trimesh.creation.box((0.15, 0.04, 0.04)).apply_translation((0.02, 0.0, 0.14)),
        trimesh.creation.box((0.04, 0.04, 0.10)).apply_translation((-0.02, 0.0, 0.08)),
        trimesh.creation.box((0.08, 0.05, 0.03)).apply_translation((-0.02, 0.0, 0.015)),
    ]
    mesh = trimesh.boolean.union(parts)
    return mesh.apply_transform(trimesh.transformations.rotation_matrix(turn, (0, 0, 1)))


def observe(scene):
    """Return the evidence of a scene's first object, on the true plane, and its axes."""
    config = ReconstructionConfig()
    window = whole_frame(scene.frame, config)
    window = window.crop(window.labels == 1, 0.3)
    pixels = clean_label(window, 1, config)
    points = window.back_project(pixels.mask)
    axes = make_axes(scene.plane, points.mean(axis=0))
    return Evidence(
        surface=observe_surface(window, pixels.mask, config),
        axes=axes,
        points=axes.to_local(points),
    )


def to_local(scene, evidence, points):
    """Local coordinates of points of the world."""
    return evidence.axes.to_local(scene.to_camera(np.atleast_2d(points)))


def overlap(a, b):
    """Intersection over union of two volumes."""
    both = trimesh.boolean.intersection([a, b]).volume
    return both / (a.volume + b.volume - both)


def complete(scene, completion):
    config = ReconstructionConfig(completion=completion)
    (found,) = reconstruct_frame(scene.frame, config=config).objects
    return found


def angle_between(scene, evidence, mirror, normal):
    """Degrees between a found plane's normal and a horizontal direction of the world."""
    ends = to_local(scene, evidence, [[0, 0, 0], normal])[:, 1:]
    true = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    found = np.array([np.cos(mirror.angle), np.sin(mirror.angle)])
    return np.degrees(np.arccos(min(abs(true @ found), 1.0)))


@pytest.mark.parametrize('noise', [0.0, NOISE])
def test_planes_of_a_box_are_found(render_scene, noise):
    turn = 0.5
    scene = render_scene(box(turn), noise=noise)
    evidence = observe(scene)
    mirrors = find_mirrors(evidence)
    assert len(mirrors) == 2
    center = to_local(scene, evidence, [0.0, 0.0, 0.04])
    along, across = [np.cos(turn), np.sin(turn), 0.0], [-np.sin(turn), np.cos(turn), 0.0]
    for mirror in mirrors:
        off = min(angle_between(scene, evidence, mirror, n) for n in (along, across))
        assert off < 2.0
        # The box's centre stays where it is.
        assert np.linalg.norm(mirror.reflect(center) - center) < 0.004


def test_the_only_plane_of_an_object_is_found_within_a_degree(render_scene):
    turn = 0.6
    scene = render_scene(gun(turn), noise=NOISE, eye=(0.0, -0.5, 0.35))
    evidence = observe(scene)
    mirrors = find_mirrors(evidence)
    assert len(mirrors) == 1
    across = [-np.sin(turn), np.cos(turn), 0.0]
    assert angle_between(scene, evidence, mirrors[0], across) < 1.5
    center = to_local(scene, evidence, [0.0, 0.0, 0.1])
    assert np.linalg.norm(mirrors[0].reflect(center) - center) < 0.004


@pytest.mark.parametrize('make', [cylinder, sphere, mug])
def test_axis_of_revolution_is_found(render_scene, make):
    scene = render_scene(make(), noise=NOISE)
    evidence = observe(scene)
    found = guess_revolution(evidence)
    assert found.accepted
    axis = to_local(scene, evidence, [0.0, 0.0, 0.05])[0, 1:]
    assert np.linalg.norm(found.center - axis) < 0.003


@pytest.mark.parametrize('make', [box, lying_cylinder, gun])
def test_what_cannot_turn_is_no_solid_of_revolution(render_scene, make):
    assert not guess_revolution(observe(render_scene(make(), noise=NOISE))).accepted


def test_ridge_of_something_round_that_lies(render_scene):
    scene = render_scene(lying_cylinder(0.0), noise=NOISE, eye=(0.0, -0.5, 0.3))
    evidence = observe(scene)
    ridges = find_ridges(evidence.points)
    axis = to_local(scene, evidence, [0.0, 0.0, 0.05])[0, 1]
    assert len(ridges.asides) > 20
    assert np.abs(ridges.ridges - axis).max() < 0.006
    assert np.abs(ridges.ridges - axis).mean() < 0.003


@pytest.mark.parametrize('step', [0.01, 1e-12])
@pytest.mark.filterwarnings('error')
def test_a_top_at_two_places_has_no_ridge(step):
    """Any parabola goes through them, and the fit would warn of it."""
    height = np.tile([0.05, 0.052], 30)
    away = 0.3 + step * np.tile([0.0, 1.0], 30)
    aside = np.repeat(np.linspace(0.0, 0.004, 5), 12)
    assert len(find_ridges(np.column_stack([height, away, aside])).asides) == 0


def test_flat_tops_have_no_ridge(render_scene):
    ridges = find_ridges(observe(render_scene(box(), noise=NOISE)).points)
    # At the ends, 6 cm from the middle, a section shows little more than an edge.
    assert (np.abs(ridges.asides) > 0.04).all()


@pytest.mark.parametrize(
    ('make', 'least', 'gain'),
    [(lying_cylinder, 0.83, 0.05), (gun, 0.72, 0.05)],
    ids=['lying cylinder', 'gun'],
)
def test_symmetry_is_nearer_to_the_truth(render_scene, check_mesh, make, least, gain):
    scene = render_scene(make(), noise=NOISE, eye=(0.0, -0.5, 0.35))
    share = {
        way: overlap(check_mesh(scene.frame, complete(scene, way)), scene.objects[0])
        for way in ('symmetry', 'extrusion')
    }
    assert share['symmetry'] > least
    assert share['symmetry'] > share['extrusion'] + gain


def test_mug_keeps_its_hollow_and_its_handle(render_scene, check_mesh):
    scene = render_scene(mug(), eye=(0.0, -0.45, 0.4))
    mesh = check_mesh(scene.frame, complete(scene, 'symmetry'))
    angle = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    around = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(24)])
    # Seen at the far side down to 5 cm above the table, so free all around.
    hollow = 0.025 * around + [0.0, 0.0, 0.075]
    assert not mesh.contains(scene.to_camera(hollow)).any()
    wall = 0.038 * around + [0.0, 0.0, 0.06]
    assert mesh.contains(scene.to_camera(wall)).mean() > 0.8
    turn = -0.4
    handle = np.array([[0.07 * np.cos(turn), 0.07 * np.sin(turn), 0.045]])
    distance = trimesh.proximity.closest_point(mesh, scene.to_camera(handle))[1]
    assert distance[0] < 0.006


@pytest.mark.parametrize('completion', sorted(GUESSES))
def test_every_way_gives_a_sound_mesh(render_scene, check_mesh, completion):
    scene = render_scene(gun(), noise=NOISE)
    check_mesh(scene.frame, complete(scene, completion))


def test_nothing_stands_where_the_camera_saw_the_table(render_scene, check_mesh):
    """An arch, seen through: symmetry must not close it."""
    pillars = [
        trimesh.creation.box((0.03, 0.04, 0.1)).apply_translation((x, 0.0, 0.05))
        for x in (-0.05, 0.05)
    ]
    beam = trimesh.creation.box((0.13, 0.04, 0.03)).apply_translation((0.0, 0.0, 0.115))
    scene = render_scene(trimesh.boolean.union([*pillars, beam]), eye=(0.0, -0.6, 0.2))
    mesh = check_mesh(scene.frame, complete(scene, 'symmetry'))
    gap = np.array([[x, -0.015, z] for x in (-0.02, 0.0, 0.02) for z in (0.03, 0.05, 0.07)])
    assert not mesh.contains(scene.to_camera(gap)).any()


def test_unknown_way_is_refused(render_scene):
    frame = render_scene(box()).frame
    with pytest.raises(InputError, match=r"'magic'.*'symmetry'") as caught:
        reconstruct_frame(frame, config=ReconstructionConfig(completion='magic'))
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
