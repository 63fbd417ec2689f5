"""Colours that meshes bring along: of textures, vertices and faces, stored and drawn."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from PIL import Image

from dexgrasp_ros.core.errors import ObjectError
from dexgrasp_ros.dataset.colors import read_paint, surface_colors
from dexgrasp_ros.dataset.render.stage import OBJECT, build_stage
from dexgrasp_ros.simulation import Body, PinholeCamera
from dexgrasp_ros.simulation.paint import linear_rgb
from dexgrasp_ros.simulation.ray_images import ImageRenderer

RED, BLUE = (200, 30, 20), (20, 40, 180)
SIZE = 0.1  # m


def two_colored(kind, folder):
    """Write a box that is red above its middle and blue below; vertices mix them."""
    box = trimesh.creation.box([SIZE] * 3)
    if kind == 'face':
        box = box.subdivide()
    height = box.triangles_center[:, 2] if kind == 'face' else box.vertices[:, 2]
    if kind == 'texture':
        picture = np.array([[RED], [BLUE]], dtype=np.uint8).repeat(64, 0).repeat(64, 1)
        uv = np.stack([np.full(len(height), 0.5), height / SIZE + 0.5], axis=1)
        box.visual = trimesh.visual.TextureVisuals(uv=uv, image=Image.fromarray(picture))
    else:
        colors = np.where(height[:, None] > 0, [RED], [BLUE]).astype(np.uint8)
        box.visual = trimesh.visual.ColorVisuals(
            box, **{f'{kind}_colors': np.c_[colors, np.full(len(colors), 255)]}
        )
    path = folder / ('box.ply' if kind == 'face' else 'box.glb')
    box.export(path)
    return path, box


@pytest.mark.parametrize('kind', ['texture', 'vertex', 'face'])
def test_each_place_has_the_color_that_the_file_says(kind, tmp_path):
    path, _ = two_colored(kind, tmp_path)
    (tmp_path / 'colors.ply').write_bytes(surface_colors(path, scale=2.0))
    paint = read_paint(tmp_path / 'colors.ply')
    np.testing.assert_allclose(np.abs(paint.points).max(axis=0), SIZE, atol=1e-6)
    places = np.array([[0.3, 0.2, 0.99], [0.99, 0.1, 0.95], [0.99, 0.1, -0.95], [0.2, 0, -1]])
    red, blue = linear_rgb(np.array([RED, BLUE], dtype=np.uint8))
    mixed = 0.1 if kind == 'vertex' else 0.01
    np.testing.assert_allclose(paint.at(SIZE * places), [red, red, blue, blue], atol=mixed)
    assert surface_colors(path, scale=2.0) == (tmp_path / 'colors.ply').read_bytes()


def test_a_mesh_without_colors_has_none(tmp_path):
    trimesh.creation.box().export(tmp_path / 'box.stl')
    assert surface_colors(tmp_path / 'box.stl') is None
    assert read_paint(tmp_path / 'nothing.ply') is None
    (tmp_path / 'broken.ply').write_bytes(b'ply\n')
    with pytest.raises(ObjectError, match='no cloud of coloured points'):
        read_paint(tmp_path / 'broken.ply')


def test_images_show_the_colors(tmp_path):
    """From aslant: the upper part of what is seen is red, the lower part blue."""
    path, box = two_colored('face', tmp_path)
    (tmp_path / 'colors.ply').write_bytes(surface_colors(path))
    pose = np.array([0.2, -0.1, SIZE / 2, 0, 0, 0, 1])
    body = Body(
        vertices=np.asarray(box.vertices),
        faces=np.asarray(box.faces),
        pose=pose,
        label=OBJECT,
        paint=read_paint(tmp_path / 'colors.ply'),
    )
    stage = build_stage([body], 3)
    eye = pose[:3] + np.array([0.3, 0.2, 0.1])
    camera = PinholeCamera.looking_at(eye, pose[:3], width=96, height=72)
    image = ImageRenderer(stage.bodies, stage.appearance).render(camera)
    rows, columns = np.nonzero(image.labels == OBJECT)
    rgb = image.rgb[rows, columns].astype(int)
    upper, lower = rows < np.quantile(rows, 0.35), rows > np.quantile(rows, 0.8)
    assert (rgb[upper, 0] > 1.5 * rgb[upper, 2]).mean() > 0.95
    assert (rgb[lower, 2] > 1.5 * rgb[lower, 0]).mean() > 0.95
