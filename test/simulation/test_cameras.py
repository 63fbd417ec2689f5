"""Rays against distances worked out on paper."""

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.simulation import Body, PinholeCamera, RayScene, render_depth_frame
from dexgrasp_ros.simulation.cameras import NO_HIT
from dexgrasp_ros.simulation.views import choose_views, fit_camera


def camera_at(eye, target, **kwargs):
    return PinholeCamera.looking_at(eye, target, width=81, height=61, **kwargs)


def body_of(mesh, **kwargs):
    return Body(vertices=np.array(mesh.vertices), faces=np.array(mesh.faces), **kwargs)


def test_depth_is_along_the_axis_and_not_along_the_ray():
    wall = body_of(trimesh.creation.box(extents=[2, 2, 0.2]))
    camera = camera_at([0, 0, 1.1], [0, 0, 0], up=[0, 1, 0])
    frame = render_depth_frame([wall], camera)
    np.testing.assert_allclose(frame.depth, 1.0, atol=1e-6)


def test_sphere_has_the_depth_of_a_sphere_and_normals_from_its_middle():
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.1)
    pose = matrix_to_pose(trimesh.transformations.translation_matrix([0.3, 0.1, 0.5]))
    camera = camera_at([0.3, -0.9, 0.5], [0.3, 0.1, 0.5])
    hits = RayScene([body_of(ball, pose=pose)]).cast(camera)
    hit = hits.body == 0
    assert hit[30, 40] and not hit[0, 0]
    np.testing.assert_allclose(hits.depth[30, 40], 0.9, atol=1e-4)
    assert np.isinf(hits.depth[0, 0]) and hits.body[0, 0] == NO_HIT
    outward = hits.points[hit] - [0.3, 0.1, 0.5]
    np.testing.assert_allclose(np.linalg.norm(outward, axis=1), 0.1, atol=2e-4)
    cosine = (outward * hits.normals[hit]).sum(axis=1) / 0.1
    assert cosine.min() > 0.999


def test_back_projected_pixels_project_onto_themselves():
    camera = camera_at([0.5, -0.4, 0.6], [0, 0, 0.1])
    u, v = np.meshgrid(np.arange(81), np.arange(61))
    points = camera.eye + 0.7 * camera.directions()
    pixels, z = camera.project(points.reshape(-1, 3))
    np.testing.assert_allclose(pixels, np.column_stack([u.ravel(), v.ravel()]), atol=1e-3)
    np.testing.assert_allclose(z, 0.7, atol=1e-6)


def test_camera_stands_upright_and_is_a_rotation():
    for eye, up in (([1, 1, 1], [0, 0, 1]), ([0, 0, 1], [0, 0, 1]), ([1, 0, 0], [0, 1, 0])):
        pose = camera_at(eye, [0, 0, 0], up=up).T_world_cam
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(pose[:3, :3]) > 0
        assert -pose[:3, 1] @ up >= -1e-12  # image y points down


def test_labels_and_occlusion():
    near = body_of(trimesh.creation.box(extents=[0.1, 0.1, 0.1]), label=7)
    far = body_of(
        trimesh.creation.box(extents=[0.02, 1, 1]).apply_translation([-0.5, 0, 0]), label=3
    )
    frame = render_depth_frame([far, near], camera_at([0.8, 0, 0], [0, 0, 0]))
    assert frame.labels[30, 40] == 7 and frame.labels[30, 5] == 3
    np.testing.assert_allclose([frame.depth[30, 40], frame.depth[30, 5]], [0.75, 1.29], atol=1e-5)
    empty = render_depth_frame([near], camera_at([0.8, 0, 0], [0.8, 0, 1], up=[1, 0, 0]))
    assert not empty.labels.any() and not empty.depth.any() and not empty.rgb.any()


def test_box_edges_stay_sharp_and_round_sides_smooth():
    cylinder = trimesh.creation.cylinder(radius=0.05, height=0.2, sections=32)
    hits = RayScene([body_of(cylinder)]).cast(camera_at([0.5, 0, 0], [0, 0, 0]))
    row = hits.body[30] == 0
    radial = hits.points[30][row] * [1, 1, 0]
    radial /= np.linalg.norm(radial, axis=1, keepdims=True)
    # Facets are 11.25° wide: flat shading would be up to 5.6° off.
    assert (radial * hits.normals[30][row]).sum(axis=1).min() > np.cos(np.radians(1.5))
    box = body_of(trimesh.creation.box(extents=[0.1, 0.1, 0.1]))
    hits = RayScene([box]).cast(camera_at([0.5, 0.3, 0.2], [0, 0, 0]))
    normals = hits.normals[hits.body == 0]
    np.testing.assert_allclose(np.abs(normals).max(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize('aspect', [(400, 300), (300, 400), (200, 200)])
def test_fitted_camera_fills_the_picture(aspect):
    width, height = aspect
    points = np.random.default_rng(0).normal(size=(500, 3)) * [0.1, 0.02, 0.05] + [1, 2, 3]
    direction = np.array([0.6, 0.0, 0.8])
    camera = fit_camera(points, direction, width=width, height=height, fill=0.8)
    pixels, z = camera.project(points)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    assert (z > 0).all()
    np.testing.assert_allclose((low + high) / 2, [(width - 1) / 2, (height - 1) / 2], atol=4)
    np.testing.assert_allclose(max((high - low) / [width, height]), 0.8, atol=0.02)


def test_views_avoid_what_hides_the_targets():
    # A wall on the +x side: the contacts behind it are seen from elsewhere.
    wall = body_of(trimesh.creation.box(extents=[0.01, 0.4, 0.4]).apply_translation([0.1, 0, 0]))
    targets = np.random.default_rng(0).uniform(-0.03, 0.03, (50, 3))
    first, second = choose_views([wall], targets)
    assert first[0] < 0.5 and second[0] < 0.5
    flat_first, flat_second = first[:2], second[:2]
    cosine = flat_first @ flat_second / np.linalg.norm(flat_first) / np.linalg.norm(flat_second)
    assert cosine < np.cos(np.radians(79))
    preferred, _ = choose_views([wall], targets, preferred=[0, -1, 0.3])
    assert preferred @ [0, -1, 0.3] / np.linalg.norm([0, -1, 0.3]) > np.cos(np.radians(50))
