"""Files of one scene: what they hold, and that the same task gives the same bytes."""

import dataclasses
import io
import json
import tarfile

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError
from dexgrasp_ros.core.poses import pose_to_matrix, transform_points
from dexgrasp_ros.dataset.render.scenes import render_scene
from dexgrasp_ros.dataset.render.shards import read_about, write_images
from dexgrasp_ros.dataset.render.taking import is_rendered
from dexgrasp_ros.dataset.schema import FRAME_COLUMNS, arrow_schema
from dexgrasp_ros.simulation import Body, PinholeCamera, RayScene

OBJECT, TABLE = 2, 1
CORNERS = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T / 2


def images_of(layout, task):
    return layout.images(task.object_key, task.scene)


def read_frames(layout, task):
    """Rows with their images, by key; a list of them in the order of the table."""
    with tarfile.open(images_of(layout, task)) as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive}
    rows = pq.read_table(layout.frames(task.object_key, task.scene), partitioning=None).to_pylist()
    for row in rows:
        row['T_world_cam'] = np.reshape(row['T_world_cam'], (4, 4))
        row['T_world_object'] = np.reshape(row['T_world_object'], (4, 4))
        row['K'] = np.reshape(row['K'], (3, 3))
        for channel in ('rgb', 'depth', 'seg', 'normals', 'noisy_depth'):
            if (name := f'{row["key"]}.{channel}.png') in files:
                row[channel] = np.asarray(Image.open(io.BytesIO(files[name])))
        row['json'] = json.loads(files[f'{row["key"]}.json'])
        row['z'] = row['depth_scale'] * row['depth'].astype(float)
    return rows


def camera_of(row):
    return PinholeCamera(
        width=row['width'],
        height=row['height'],
        intrinsics=row['K'],
        T_world_cam=row['T_world_cam'],
    )


@pytest.mark.parametrize('name', ['box', 'ball'])
def test_a_scene_is_what_its_rows_say(layout, task_of, name):
    task = task_of(layout, name, views=3)
    assert render_scene(task).frames == 3
    rows = read_frames(layout, task)
    assert [row['view'] for row in rows] == [0, 1, 2]
    for row in rows:
        camera = camera_of(row)
        np.testing.assert_allclose(row['T_world_object'], pose_to_matrix(task.pose))
        # The plane under the table's pixels is z = 0, by their depth.
        v, u = np.nonzero(row['seg'] == TABLE)
        top = camera.eye + row['z'][v, u, None] * camera.directions(u, v)
        assert np.median(abs(top[:, 2])) < 1e-4
        # The object's pixels lie on its surface.
        v, u = np.nonzero(row['seg'] == OBJECT)
        points = camera.eye + row['z'][v, u, None] * camera.directions(u, v)
        local = (points - row['T_world_object'][:3, 3]) @ row['T_world_object'][:3, :3]
        box = np.array(row['box_3d'])
        if name == 'ball':
            away = abs(np.linalg.norm(local, axis=1) - 0.05)
        else:
            away = abs(abs(local) - np.array([0.03, 0.04, 0.05])).min(axis=1)
        assert len(local) > 50 and away.max() < 2e-3 and np.median(away) < 2e-4
        # Its box in three dimensions covers its box in the image.
        assert row['box_2d'] == [u.min(), v.min(), u.max(), v.max()]
        corners = transform_points(box[:7], CORNERS * box[7:])
        pixels, _ = camera.project(transform_points(np.array(task.pose), corners))
        assert (pixels.min(axis=0) <= np.array(row['box_2d'][:2]) + 0.5).all()
        assert (pixels.max(axis=0) >= np.array(row['box_2d'][2:]) - 0.5).all()
        assert row['label'] == OBJECT and 0.5 < row['visible_share'] <= 1.0
        # More colours than a flat picture has.
        assert len(np.unique(row['rgb'].reshape(-1, 3), axis=0)) > 500
        assert row['json']['key'] == row['key'] and row['json']['box_2d'] == row['box_2d']
        np.testing.assert_array_equal(np.ravel(row['T_world_cam']), row['json']['T_world_cam'])


def test_what_both_eyes_see_is_in_one_place(layout, task_of):
    task = task_of(layout, 'ball', rig='stereo', baseline=0.06, width=320, height=240)
    render_scene(task)
    rows = read_frames(layout, task)
    assert [row['eye'] for row in rows] == ['left', 'right'] * 2
    mesh = Body(vertices=_ball_vertices(layout, task), faces=_ball_faces(layout, task))
    for left, right in (rows[:2], rows[2:]):
        assert left['appearance_seed'] == right['appearance_seed']
        v, u = np.nonzero(left['seg'] > 0)
        z = left['z'][v, u]
        points = camera_of(left).eye + z[:, None] * camera_of(left).directions(u, v)
        toward = camera_of(right).eye - points
        toward /= np.linalg.norm(toward, axis=1)[:, None]
        hidden = RayScene([mesh]).occluded(points + 1e-3 * toward, toward)
        x = u - left['K'][0, 0] * left['baseline'] / z
        column = np.floor(x).astype(int)
        # Between two pixels of the right image that lie on one surface, off its outline.
        ok = ~hidden & (column >= 1) & (column < right['width'] - 2)
        for step in (-1, 0, 1, 2):
            ok &= right['seg'][v, np.clip(column + step, 0, 319)] == left['seg'][v, u]
        assert ok.sum() > 0.7 * len(z) and (left['seg'][v, u][ok] == OBJECT).sum() > 500
        v, column, z, share = v[ok], column[ok], z[ok], (x - column)[ok]
        inverse = (1 - share) / right['z'][v, column] + share / right['z'][v, column + 1]
        assert abs(1 / inverse - z).max() < 2e-3 and np.median(abs(1 / inverse - z)) < 2e-4
        # And nothing that both see has moved to another surface.
        stray = ~hidden & (np.rint(x) >= 1) & (np.rint(x) < 319)
        same = right['seg'][
            np.nonzero(left['seg'] > 0)[0], np.clip(np.rint(x), 0, 319).astype(int)
        ]
        assert (same != left['seg'][left['seg'] > 0])[stray].mean() < 0.01


def _ball(layout, task):
    import trimesh

    return trimesh.load_mesh(layout.mesh(task.digest), process=False)


def _ball_vertices(layout, task):
    return transform_points(np.array(task.pose), _ball(layout, task).vertices)


def _ball_faces(layout, task):
    return np.asarray(_ball(layout, task).faces)


def test_the_tar_is_plain_and_says_what_it_is(layout, task_of):
    task = task_of(layout, 'box.v2')
    render_scene(task)
    with tarfile.open(images_of(layout, task)) as archive:
        members = list(archive)
        about = json.loads(archive.extractfile(members[0]).read())
    assert members[0].name == '__render__/about.json' and about == task.about
    keys = [row['key'] for row in read_frames(layout, task)]
    endings = ['rgb.png', 'depth.png', 'seg.png', 'normals.png', 'json']
    assert [m.name for m in members[1:]] == [f'{key}.{e}' for key in keys for e in endings]
    assert all('.' not in key and '/' not in key for key in keys)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.mode) for m in members} == {(0, 0, 0, '', 0o644)}
    table = pq.read_schema(layout.frames(task.object_key, 0))
    assert table.remove_metadata() == arrow_schema(FRAME_COLUMNS).remove_metadata()


def contents(layout, task):
    return images_of(layout, task).read_bytes(), layout.frames(task.object_key, 0).read_bytes()


def test_the_same_task_gives_the_same_bytes_and_another_seed_another_picture(
    tmp_path, new_dataset, task_of
):
    first, second = new_dataset(tmp_path / 'a'), new_dataset(tmp_path / 'b')
    for layout in (first, second):
        render_scene(task_of(layout, 'box', noise='kinect_v1'))
    task = task_of(first, 'box', noise='kinect_v1')
    assert contents(first, task) == contents(second, task)
    before = read_frames(first, task)[0]
    other = task_of(second, 'box', noise='kinect_v1', random_seed=1)
    render_scene(other)
    after = read_frames(second, other)[0]
    assert abs(before['T_world_cam'] - after['T_world_cam']).max() > 0.01
    assert abs(before['rgb'].astype(int) - after['rgb']).mean() > 5


def test_looks_are_those_of_the_scene_or_of_the_view(layout, task_of):
    task = task_of(layout, 'ball', views=3)
    render_scene(task)
    assert len({row['appearance_seed'] for row in read_frames(layout, task)}) == 1
    task = task_of(layout, 'ball', views=3, appearance='view')
    render_scene(task)
    rows = read_frames(layout, task)
    assert len({row['appearance_seed'] for row in rows}) == 3
    means = [row['rgb'][row['seg'] == TABLE].mean(axis=0) for row in rows]
    assert min(abs(means[i] - means[j]).max() for i, j in ((0, 1), (0, 2), (1, 2))) > 5


def test_noise_is_an_image_beside_the_true_one(layout, task_of):
    task = task_of(layout, 'ball', width=320, height=240)
    render_scene(task)
    clean = read_frames(layout, task)[0]
    assert 'noisy_depth' not in clean and clean['noise'] == 'none'
    task = dataclasses.replace(
        task, settings=dataclasses.replace(task.settings, noise='kinect_v1')
    )
    render_scene(task)
    row = read_frames(layout, task)[0]
    assert row['noise'] == 'kinect_v1'
    np.testing.assert_array_equal(row['depth'], clean['depth'])
    both = (row['noisy_depth'] > 0) & (row['seg'] == TABLE)
    error = row['depth_scale'] * (row['noisy_depth'].astype(float) - row['depth'])[both]
    # 1.2 to 1.9 mm at 0.4 to 1 m, and steps of up to 3 mm.
    assert 5e-4 < error[abs(error) < 0.02].std() < 4e-3
    assert 0.001 < (row['noisy_depth'] == 0).mean() < 0.2


def test_a_scene_is_done_when_both_files_are_there(layout, task_of):
    task = task_of(layout, 'ball')
    assert not is_rendered(task, overwrite=False)
    render_scene(task)
    assert is_rendered(task, overwrite=False)
    whole = contents(layout, task)
    # As after a kill between the two files, and with half a tar.
    layout.frames(task.object_key, 0).unlink()
    assert not is_rendered(task, overwrite=False)
    render_scene(task)
    assert contents(layout, task) == whole
    images_of(layout, task).write_bytes(whole[0][: len(whole[0]) // 2])
    assert not is_rendered(task, overwrite=False)
    images_of(layout, task).unlink()
    assert not is_rendered(task, overwrite=False)
    render_scene(task)
    assert contents(layout, task) == whole and is_rendered(task, overwrite=False)


def test_files_of_other_settings_are_not_mixed_in(layout, task_of):
    task = task_of(layout, 'ball')
    render_scene(task)
    other = task_of(layout, 'ball', views=3)
    with pytest.raises(InputError, match=r"'hash'.*--overwrite") as caught:
        is_rendered(other, overwrite=False)
    assert task.about['hash'] in str(caught.value) and other.about['hash'] in str(caught.value)
    assert not is_rendered(other, overwrite=True)
    render_scene(other)
    assert is_rendered(other, overwrite=False)


def test_a_mesh_that_cannot_be_read_is_an_error_of_the_object(layout, task_of):
    task = task_of(layout, 'ball')
    layout.mesh(task.digest).write_bytes(b'ply\nno more')
    with pytest.raises(ObjectError, match=task.digest) as caught:
        render_scene(task)
    assert caught.value.code == ErrorCode.INVALID_MESH
    assert not images_of(layout, task).exists()


def test_keys_may_be_longer_than_the_oldest_tars_know(tmp_path):
    key = 'scan_' + 100 * 'x' + '-1234abcd-00-0000-left'
    with write_images(tmp_path / 'long.tar', {'hash': 'h'}) as shard:
        shard.add(key, {'rgb.png': b'png'})
    with tarfile.open(tmp_path / 'long.tar') as archive:
        assert archive.getnames()[-1] == f'{key}.rgb.png'
    assert read_about(tmp_path / 'long.tar') == {'hash': 'h'}
