"""Channels of an image against what can be worked out on paper."""

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.simulation import Body, PinholeCamera, ray_images
from dexgrasp_ros.simulation.appearance import Appearance, Lamp, Material
from dexgrasp_ros.simulation.casters import WarpCaster
from dexgrasp_ros.simulation.ray_images import ImageRenderer

RADIUS, PLANE, BALL = 0.1, 1, 2
CENTER = np.array([0.0, 0.0, RADIUS])
UP = np.array([0.0, 0.0, 1.0])


def floor():
    corners = np.array([[-3, -3, 0], [3, -3, 0], [3, 3, 0], [-3, 3, 0]], dtype=float)
    return Body(vertices=corners, faces=np.array([[0, 1, 2], [0, 2, 3]]), label=PLANE)


def ball():
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
    pose = np.array([*CENTER, 0, 0, 0, 1])
    return Body(vertices=mesh.vertices, faces=np.asarray(mesh.faces), pose=pose, label=BALL)


def white(*lamps, sky=0.2):
    texture = np.full((2, 8, 8, 3), 0.5, dtype=np.float32)
    return Appearance(
        textures=texture,
        materials=(Material(texture=0, tile=0.1), Material(texture=1, tile=0.1)),
        sky=np.full(3, sky),
        sky_reach=0.3,
        bounce=np.zeros(3),
        lamps=lamps,
    )


def lamp(toward, radius=0.0, strength=0.6):
    toward = np.asarray(toward) / np.linalg.norm(toward)
    return Lamp(toward=toward, radius=radius, color=np.full(3, strength))


CAMERA = PinholeCamera.looking_at([0.5, 0.3, 0.4], [0, 0, 0.05], width=200, height=160)


@pytest.fixture(scope='module')
def image():
    return ImageRenderer([floor(), ball()], white(lamp(UP))).render(CAMERA)


def expected(camera):
    """Depth, label and normal in the world of each pixel, by the equations of ball and plane."""
    d = camera.directions().astype(float)
    to_center = CENTER - camera.eye
    a, b, c = (d * d).sum(-1), d @ to_center, to_center @ to_center - RADIUS**2
    root = b * b - a * c
    on_ball = root > 0
    ball_depth = np.where(on_ball, (b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
    plane_depth = -camera.eye[2] / d[..., 2]
    ground = camera.eye + plane_depth[..., None] * d
    plane_depth[(plane_depth < 0) | (abs(ground[..., :2]).max(-1) > 3)] = np.inf
    depth = np.minimum(ball_depth, plane_depth)
    label = np.where(np.isinf(depth), 0, np.where(ball_depth < plane_depth, BALL, PLANE))
    points = camera.eye + np.where(np.isinf(depth), 0, depth)[..., None] * d
    normal = np.where((label == BALL)[..., None], (points - CENTER) / RADIUS, UP)
    return depth, label, normal


def test_depth_is_along_the_optical_axis(image):
    depth, label, _ = expected(CAMERA)
    same = image.labels == label
    assert same.mean() > 0.998  # facets of the ball stand back at its outline
    assert set(np.unique(image.labels)) == {PLANE, BALL}
    # Facets of 6 mm lie 0.04 mm inside the ball, and deeper where they are seen aslant.
    assert np.median(abs(image.depth - depth)[same]) < 2e-5
    assert abs(image.depth - depth)[same].max() < 2e-3


def test_normals_are_those_of_the_ball_in_the_frame_of_the_camera(image):
    _, label, normal = expected(CAMERA)
    local = normal @ CAMERA.T_world_cam[:3, :3]
    found = (image.normals.astype(float) - 128) / 127
    found /= np.linalg.norm(found, axis=-1, keepdims=True)  # bytes are not quite of unit length
    same = image.labels == label
    angle = np.degrees(np.arccos(np.clip((found * local).sum(-1)[same], -1, 1)))
    assert np.median(angle) < 0.5
    assert angle.max() < 1.5  # at the outline, where the ray meets another facet


def test_what_meets_nothing_is_empty():
    away = PinholeCamera.looking_at([0, 0, 1.0], [0, 0.2, 2.0], width=20, height=10)
    image = ImageRenderer([floor(), ball()], white()).render(away)
    assert np.isinf(image.depth).all()
    assert not image.labels.any() and not image.rgb.any()
    assert (image.normals == 128).all()


def linear(rgb):
    x = rgb.astype(float) / 255
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def test_the_plane_gets_what_lamberts_law_says():
    toward = np.array([1.0, 0.0, 1.0])
    renderer = ImageRenderer([floor(), ball()], white(lamp(toward, strength=0.8), sky=0.0))
    image = renderer.render(CAMERA)
    u, v = CAMERA.project([[0.12, -0.05, 0.0]])[0][0].round().astype(int)
    assert image.labels[v, u] == PLANE
    expected_light = 0.5 * 0.8 / np.sqrt(2)
    np.testing.assert_allclose(linear(image.rgb[v, u]), expected_light, rtol=0.02)


def test_the_ball_throws_a_shadow_where_the_lamp_says():
    toward = np.array([-1.0, -0.6, 1.5])
    image = ImageRenderer([floor(), ball()], white(lamp(toward))).render(CAMERA)
    middle = CENTER - CENTER[2] / toward[2] * toward  # of the shadow, on the plane
    (u, v), (far_u, far_v) = CAMERA.project([middle, [0.2, -0.1, 0.0]])[0].round().astype(int)
    assert image.labels[v, u] == image.labels[far_v, far_u] == PLANE
    assert image.rgb[v, u].mean() < 0.6 * image.rgb[far_v, far_u].mean()
    unshadowed = ImageRenderer([floor(), ball()], white(lamp(toward)), occluders=[])
    assert unshadowed.render(CAMERA).rgb[v, u].mean() > 0.95 * image.rgb[far_v, far_u].mean()


def test_both_casters_give_one_picture(image, monkeypatch):
    def warp(vertices, faces, device):
        return WarpCaster(vertices, faces, device)

    monkeypatch.setattr(ray_images, 'make_caster', warp)
    other = ImageRenderer([floor(), ball()], white(lamp(UP))).render(CAMERA)
    assert (other.labels != image.labels).mean() < 1e-3
    same = other.labels == image.labels
    np.testing.assert_allclose(other.depth[same], image.depth[same], rtol=1e-5)
    assert (abs(other.normals.astype(int) - image.normals).max(-1)[same] > 1).mean() < 1e-3
    assert (abs(other.rgb.astype(int) - image.rgb).max(-1) > 2).mean() < 5e-3
