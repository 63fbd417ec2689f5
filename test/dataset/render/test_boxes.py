"""Boxes and visible shares against boxes whose corners are known."""

import dataclasses

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.dataset.render.boxes import Silhouette, oriented_box, visible_box
from dexgrasp_ros.simulation import Body, PinholeCamera, RayScene
from dexgrasp_ros.simulation.cameras import NO_HIT

BOX = trimesh.creation.box((0.06, 0.08, 0.12))
CORNERS = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T / 2
BODY = Body(vertices=BOX.vertices, faces=np.asarray(BOX.faces), label=2)
CAMERA = PinholeCamera.looking_at([0.3, 0.4, 0.3], [0, 0, 0], width=160, height=120)


def test_the_box_of_a_turned_box_is_itself():
    pose = np.array([0.1, -0.2, 0.3, 0.1, -0.5, 0.3, 0.8])
    pose[3:] /= np.linalg.norm(pose[3:])
    vertices = transform_points(pose, BOX.vertices)
    frame, extents = oriented_box(vertices, BODY.faces)
    np.testing.assert_allclose(sorted(extents), [0.06, 0.08, 0.12], rtol=1e-6)
    found = transform_points(frame, CORNERS * extents)
    gaps = np.linalg.norm(found[:, None] - vertices[None], axis=2)
    assert gaps.min(axis=1).max() < 1e-6 and gaps.min(axis=0).max() < 1e-6


def test_the_visible_box_is_that_of_the_mask():
    mask = np.zeros((20, 30), dtype=bool)
    assert np.isnan(visible_box(mask)).all()
    mask[4:9, 12:13] = True
    np.testing.assert_array_equal(visible_box(mask), [12, 4, 12, 8])


def seen(camera, *bodies):
    return RayScene(bodies).cast(camera).body == 0


def test_all_of_it_is_seen_where_nothing_hides_it():
    assert Silhouette(BODY).seen_share(CAMERA, seen(CAMERA, BODY)) == 1.0


def test_a_screen_hides_what_it_covers():
    # A wall of the camera's own size that ends at the middle column of the box.
    forward, right = CAMERA.T_world_cam[:3, 2], CAMERA.T_world_cam[:3, 0]
    down = CAMERA.T_world_cam[:3, 1]
    middle = CAMERA.eye + 0.2 * forward
    corners = [middle + x * right + y * down for x, y in ((0, -1), (1, -1), (1, 1), (0, 1))]
    wall = Body(vertices=np.array(corners), faces=np.array([[0, 1, 2], [0, 2, 3]]))
    mask, alone = seen(CAMERA, BODY, wall), RayScene([BODY]).cast(CAMERA).body != NO_HIT
    share = Silhouette(BODY).seen_share(CAMERA, mask)
    assert share == pytest.approx(mask.sum() / alone.sum())
    assert 0.3 < share < 0.7


def test_what_is_outside_the_image_is_hidden():
    whole = RayScene([BODY]).cast(CAMERA).body != NO_HIT
    intrinsics = CAMERA.intrinsics.copy()
    intrinsics[0, 2] -= 80  # the middle of the image is now its left border
    aside = dataclasses.replace(CAMERA, intrinsics=intrinsics)
    mask = seen(aside, BODY)
    assert Silhouette(BODY).seen_share(aside, mask) == pytest.approx(mask.sum() / whole.sum())
    assert 0.2 < mask.sum() / whole.sum() < 0.8
    intrinsics[0, 2] -= 1000
    gone = dataclasses.replace(CAMERA, intrinsics=intrinsics)
    assert Silhouette(BODY).seen_share(gone, seen(gone, BODY)) == 0.0
