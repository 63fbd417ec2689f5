"""Cameras stand where their settings let them."""

import numpy as np
import pytest

from dexgrasp_ros.dataset.render import CameraSettings
from dexgrasp_ros.dataset.render.cameras import place_camera, right_eye

POINTS = np.random.default_rng(0).uniform(-0.05, 0.05, (200, 3)) + np.array([0.3, 0.1, 0.05])
MIDDLE = (POINTS.min(axis=0) + POINTS.max(axis=0)) / 2


def cameras(count=400, **settings):
    return [place_camera(POINTS, CameraSettings(**settings), seed) for seed in range(count)]


def test_they_stand_on_the_part_of_the_hemisphere_that_is_asked_for():
    found = cameras(radius=(0.5, 0.7), elevation=(0.4, 1.2))
    away = np.array([c.eye for c in found]) - MIDDLE
    radius = np.linalg.norm(away, axis=1)
    assert 0.5 <= radius.min() < 0.52 and 0.68 < radius.max() <= 0.7
    height = away[:, 2] / radius
    assert np.sin(0.4) <= height.min() and height.max() <= np.sin(1.2)
    # Even over the sphere: heights and azimuths are uniform.
    assert abs(height.mean() - (np.sin(0.4) + np.sin(1.2)) / 2) < 0.03
    assert np.linalg.norm(away[:, :2].mean(axis=0)) < 0.06


def test_they_look_near_the_middle():
    exact = [c.project([MIDDLE])[0][0] for c in cameras(50, look_at_jitter=0.0)]
    np.testing.assert_allclose(exact, np.broadcast_to([319.5, 239.5], (50, 2)), atol=1e-6)
    about = np.array([c.project([MIDDLE])[0][0] for c in cameras(look_at_jitter=0.02)])
    assert 10 < about.std(axis=0).min() and abs(about - [319.5, 239.5]).max() < 120


def test_a_large_object_is_not_entered():
    camera = place_camera(8 * (POINTS - MIDDLE), CameraSettings(radius=(0.2, 0.3)), 0)
    assert np.linalg.norm(8 * (POINTS - MIDDLE) - camera.eye, axis=1).min() > 0.15


def test_a_seed_is_a_camera():
    first, again, other = (place_camera(POINTS, CameraSettings(), s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.T_world_cam, again.T_world_cam)
    assert abs(first.eye - other.eye).max() > 0.01


def test_the_right_eye_is_moved_along_the_rows():
    left = place_camera(POINTS, CameraSettings(), 0)
    right = right_eye(left, 0.1)
    (u, v), z = left.project(POINTS)[0].T, left.project(POINTS)[1]
    (right_u, right_v), right_z = right.project(POINTS)[0].T, right.project(POINTS)[1]
    np.testing.assert_allclose(right_v, v, atol=1e-9)
    np.testing.assert_allclose(right_z, z)
    np.testing.assert_allclose(u - right_u, left.intrinsics[0, 0] * 0.1 / z)
    assert right.eye == pytest.approx(left.eye + 0.1 * left.T_world_cam[:3, 0])
