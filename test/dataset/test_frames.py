"""Frames and images of a dataset, and the hand as a camera would see it."""

import io
import shutil
import tarfile

import numpy as np
import pytest
import trimesh
from inline_work import InlineExecutor

from dexgrasp_ros.core.poses import compose, invert, matrix_to_pose
from dexgrasp_ros.dataset import open_dataset
from dexgrasp_ros.dataset.render.run import render
from dexgrasp_ros.dataset.render.settings import CameraSettings
from dexgrasp_ros.hand import link_poses


def box_of(dataset):
    return next(key for key in dataset.objects if key.startswith('box'))


def rows_of(arrays):
    return [{n: values[k] for n, values in arrays.items()} for k in range(len(arrays['key']))]


def test_the_hand_in_the_camera_is_the_hand_in_the_world(small_dataset):
    dataset = open_dataset(small_dataset.root, 'allegro')
    frames = dataset.frames()
    assert len(frames['key']) == 2 and frames['T_world_cam'].shape == (2, 4, 4)
    seen = dataset.grasps_in_frame(frames['key'][1], columns=['key', 'grasp', 'base_pose'])
    settled = open_dataset(
        small_dataset.root, 'allegro', objects=['box'], columns=['scene', 'key']
    )
    rows = next(settled.batches(99))
    assert list(seen['key']) == list(rows['key'][rows['scene'] == 0]) and len(seen['key'])
    camera, placed = (
        matrix_to_pose(frames[name][1]) for name in ('T_world_cam', 'T_world_object')
    )
    for base, in_camera in zip(seen['base_pose'], seen['base_pose_in_camera'], strict=True):
        back = compose(invert(placed), compose(camera, in_camera))
        hand = dataset.hand_model
        at = [link_poses(hand, seen['grasp'][0], pose)[:, :3] for pose in (base, back)]
        np.testing.assert_allclose(at[0], at[1], atol=1e-5)


def test_images_come_by_key(small_dataset):
    dataset = open_dataset(small_dataset.root, 'barrett')
    frames = dataset.frames(box_of(dataset), scene=0)
    for view in (1, 0, 1):
        found = dataset.images(frames['key'][view])
        assert found['rgb'].shape == (30, 40, 3) and found['rgb'].dtype == np.uint8
        assert tuple(found['rgb'][4, 7]) == (7, 4, 100 + view)
        assert found['depth'].dtype == np.float32
        assert found['depth'][4, 7] == pytest.approx(0.5074, abs=1e-6)
        assert not found['depth'][0].any()
        assert found['seg'][4, 30] == 2 and found['seg'][4, 7] == 1
        np.testing.assert_allclose(found['normals'][4, 7], [0, 0, 1], atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(found['normals'][1:], axis=2), 1, atol=1e-5)
        assert not found['normals'][0].any()
    row = rows_of(frames)[1]
    (rgb,) = dataset.images(row, channels=['rgb']).values()
    assert rgb[0, 0, 2] == 101
    by_row, by_key = (dataset.grasps_in_frame(frame, ['key']) for frame in (row, row['key']))
    assert by_row['key'].tolist() == by_key['key'].tolist()


def test_rendered_depth_lies_on_the_mesh(copied_dataset):
    root = copied_dataset.root
    for folder in ('frames', 'images'):
        shutil.rmtree(root / folder)
    with InlineExecutor() as executor:
        render(root, executor=executor, settings=CameraSettings(views=2, width=80, height=60))
    dataset = open_dataset(root, 'barrett')
    box = box_of(dataset)
    mesh = trimesh.Trimesh(*dataset.mesh(box), process=False)
    for key in dataset.frames(box, scene=0)['key']:
        (row,) = (r for r in rows_of(dataset.frames(box)) if r['key'] == key)
        found = dataset.images(key)
        v, u = np.nonzero(found['seg'] == row['label'])
        rays = np.stack([u, v, np.ones_like(u)]).T @ np.linalg.inv(row['K']).T
        to_mesh = np.linalg.inv(row['T_world_object']) @ row['T_world_cam']
        points = trimesh.transform_points(rays * found['depth'][v, u, None], to_mesh)
        assert len(points) > 20
        assert np.abs(trimesh.proximity.signed_distance(mesh, points)).max() < 1e-3
        # Normals look at the camera, and lengths are those of unit vectors.
        assert (np.einsum('ij,ij->i', rays, found['normals'][v, u]) < 0).all()


def test_images_that_were_made_anew_are_read_anew(copied_dataset):
    dataset = open_dataset(copied_dataset.root, 'barrett')
    keys = dataset.frames()['key']
    before = dataset.images(keys[0])['rgb']
    tar = next(copied_dataset.root.glob('images/*.tar'))
    # Another first member moves all that follow.
    with tarfile.open(tar) as old:
        members = [(m, old.extractfile(m).read()) for m in old]
    with tarfile.open(tar, 'w') as new:
        new.addfile(tarfile.TarInfo('more'), io.BytesIO())
        for member, data in members:
            new.addfile(member, io.BytesIO(data))
    np.testing.assert_array_equal(dataset.images(keys[0])['rgb'], before)
