"""Point clouds in place of depth images."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

from scipy.spatial.transform import Rotation
from sensor_msgs.msg import CameraInfo, PointCloud2, PointField
from std_msgs.msg import Header

from dexgrasp_ros.bridge.clouds import cloud_frame, fit_intrinsics, project_depth
from dexgrasp_ros.bridge.geometry import cloud_message, header
from dexgrasp_ros.bridge.images import label_message
from dexgrasp_ros.bridge.intrinsics import camera_info_message
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode

K = np.array([[60.0, 0, 31.5], [0, 58.0, 23.5], [0, 0, 1]])
SHAPE = (48, 64)


@pytest.fixture
def depth():
    """A slanted plane with a hole."""
    v, u = np.indices(SHAPE)
    depth = 0.5 + 0.002 * u + 0.003 * v
    depth[10:15, 20:30] = np.nan
    return depth


def points_of(depth):
    v, u = np.indices(depth.shape)
    return np.stack([(u - K[0, 2]) / K[0, 0] * depth, (v - K[1, 2]) / K[1, 1] * depth, depth], -1)


def organised(points, *, big_endian=False, kind='f4', padding=0, order='xyz') -> PointCloud2:
    """A message made byte by byte, without the code that is tested; a colour behind each point."""
    height, width, _ = points.shape
    size = np.dtype(kind).itemsize
    pixels = np.zeros((height, width, 3 * size + 4), np.uint8)
    for i, name in enumerate(order):
        values = points[..., 'xyz'.index(name)].astype(('>' if big_endian else '<') + kind)
        pixels[..., i * size : (i + 1) * size] = (
            np.ascontiguousarray(values).view(np.uint8).reshape(height, width, size)
        )
    datatype = PointField.FLOAT32 if kind == 'f4' else PointField.FLOAT64
    return PointCloud2(
        header=header('camera', 5_000_000_007),
        height=height,
        width=width,
        fields=[
            PointField(name=n, offset=i * size, datatype=datatype, count=1)
            for i, n in enumerate(order)
        ]
        + [PointField(name='rgb', offset=3 * size, datatype=PointField.UINT32, count=1)],
        is_bigendian=big_endian,
        point_step=pixels.shape[2],
        row_step=pixels.shape[2] * width + padding,
        data=b''.join(row.tobytes() + b'\xff' * padding for row in pixels),
    )


def info(K=K, shape=SHAPE, **changes) -> CameraInfo:
    message = camera_info_message(K, shape, header('camera', 0))
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize('with_info', [True, False])
@pytest.mark.parametrize(
    'layout',
    [{}, {'big_endian': True}, {'kind': 'f8'}, {'padding': 24}, {'order': 'zxy'}],
    ids=['plain', 'big-endian', 'float64', 'padded rows', 'z first'],
)
def test_an_organised_cloud_is_its_depth_image(depth, layout, with_info):
    labels = np.zeros(SHAPE, np.int32)
    labels[5:9, 5:9] = 3
    message = organised(points_of(depth), **layout)
    frame = cloud_frame(message, info() if with_info else None, label_message(labels, Header()))
    np.testing.assert_allclose(frame.depth, np.nan_to_num(depth), rtol=1e-6)
    np.testing.assert_allclose(frame.intrinsics, K, rtol=1e-4)
    np.testing.assert_array_equal(frame.labels, labels)
    assert (frame.frame_id, frame.stamp) == ('camera', 5_000_000_007)


def test_the_camera_info_of_a_binned_cloud_is_scaled(depth):
    full = K.copy()
    full[:2] *= 2
    frame = cloud_frame(organised(points_of(depth)), info(full, (96, 128)), None)
    np.testing.assert_allclose(frame.intrinsics, K)


@pytest.mark.parametrize('with_pose', [False, True])
def test_a_cloud_in_one_row_is_projected_and_the_nearest_point_counts(depth, with_pose):
    points = points_of(depth).reshape(-1, 3)
    rng = np.random.default_rng(0)
    # Behind the camera, beside the image, not finite, and behind what is seen.
    others = np.array([[0, 0, -1.0], [9, 0, 1], [np.nan, 0, 1], [np.inf, 0, 1], [1e9, 0, 1e-9]])
    points = rng.permutation(np.concatenate([points, others, 1.5 * points]))
    pose = None
    if with_pose:
        rotation = Rotation.from_euler('zyx', [-90, 0, -90], degrees=True)
        shift = np.array([0.1, -0.2, 0.3])
        pose = np.concatenate([shift, rotation.as_quat()])
        with np.errstate(invalid='ignore'):
            points = (points - shift) @ rotation.as_matrix()
    head = header('camera_link' if with_pose else 'camera', 7)
    frame = cloud_frame(cloud_message(points, head), info(), None, T_cam_cloud=pose)
    seen = np.isfinite(depth)
    np.testing.assert_allclose(frame.depth[seen], depth[seen], rtol=1e-5)
    assert (frame.depth[~seen] == 0).all()
    assert (frame.frame_id, frame.stamp) == ('camera', 7)


def test_points_at_the_border_of_a_pixel_are_in_the_image_or_not():
    points = np.array([[u, 0.0, 1.0] for u in (-0.51, -0.49, 2.49, 2.51)])
    depth = project_depth(points, np.eye(3), (1, 3))
    np.testing.assert_array_equal(depth, [[1, 0, 1]])


def test_noise_hardly_moves_the_fitted_intrinsics(depth):
    points = points_of(depth) + np.random.default_rng(0).normal(scale=1e-3, size=(*SHAPE, 3))
    np.testing.assert_allclose(fit_intrinsics(points), K, atol=0.5)


def wrong_fields(message):
    message.fields = [f for f in message.fields if f.name != 'y']


def wrong_type(message):
    message.fields[0].datatype = PointField.INT32


def cut_off(message):
    message.data = message.data[:-1]


def short_points(message):
    message.point_step, message.row_step = 8, 8 * message.width


@pytest.mark.parametrize(
    ('spoil', 'code'),
    [
        (wrong_fields, ErrorCode.MISSING_KEY),
        (wrong_type, ErrorCode.WRONG_TYPE),
        (cut_off, ErrorCode.WRONG_SHAPE),
        (short_points, ErrorCode.WRONG_SHAPE),
    ],
)
def test_a_cloud_that_is_not_what_it_says_is_refused(depth, spoil, code):
    message = organised(points_of(depth))
    spoil(message)
    assert code_of(message, info()) == code


def test_a_cloud_that_no_camera_sees_so_is_refused(depth):
    # In the frame of the camera's body: x forward, y left, z up.
    body = points_of(depth)[..., [2, 0, 1]] * [1, -1, -1]
    for about in (info(), None):
        assert code_of(organised(body), about) == ErrorCode.INVALID_INPUT
    other = K.copy()
    other[0, 0] *= 1.3
    assert code_of(organised(points_of(depth)), info(other)) == ErrorCode.INVALID_INPUT


@pytest.mark.parametrize('about', [info(), None])
def test_a_cloud_without_a_point_says_so(about):
    empty = organised(np.full((*SHAPE, 3), np.nan))
    assert code_of(empty, about) == ErrorCode.NO_VALID_DEPTH
    behind = cloud_message(np.array([[0, 0, -1.0]]), header('camera', 0))
    assert code_of(behind, info()) == ErrorCode.NO_VALID_DEPTH


def test_a_cloud_in_one_row_needs_a_camera_info(depth):
    row = cloud_message(points_of(depth).reshape(-1, 3), header('camera', 0))
    assert code_of(row, None) == ErrorCode.INVALID_INPUT
    assert code_of(row, CameraInfo()) == ErrorCode.WRONG_SHAPE
    assert code_of(row, info(d=[0.1] * 5, distortion_model='moon')) == ErrorCode.INVALID_INPUT
    assert code_of(row, info(), np.ones((7, 9), np.int32)) == ErrorCode.WRONG_SHAPE


def code_of(message, about, labels=None) -> ErrorCode:
    if labels is not None:
        labels = label_message(labels, Header())
    with pytest.raises(DexGraspError) as caught:
        cloud_frame(message, about, labels)
    assert str(caught.value).endswith(('.', ')'))
    return caught.value.code


def test_an_image_far_larger_than_its_cloud_is_refused(depth):
    """One message must not decide over gigabytes."""
    points = points_of(depth).reshape(-1, 3)
    row = cloud_message(points[np.isfinite(points).all(axis=1)], header('camera', 1))
    K_large = np.array([[6e4, 0, 3e4], [0, 6e4, 3e4], [0, 0, 1]])
    with pytest.raises(DexGraspError, match='60000 × 60000') as caught:
        cloud_frame(row, camera_info_message(K_large, (60_000, 60_000), Header()), None)
    assert caught.value.code == ErrorCode.OUT_OF_RANGE


@pytest.mark.parametrize('is_organised', [True, False])
def test_labels_of_another_camera_are_refused(is_organised):
    """Where sizes are equal nothing else would show it."""
    depth = np.full(SHAPE, 0.5, np.float32)
    points = points_of(depth)
    row = cloud_message(points.reshape(-1, 3), header('camera', 0))
    cloud = organised(points) if is_organised else row
    labels = label_message(np.ones(SHAPE, np.int32), header('colour_camera', 0))
    with pytest.raises(DexGraspError, match="'colour_camera'"):
        cloud_frame(cloud, info(), labels)
    frame = cloud_frame(cloud, info(), labels, assume_aligned=True)
    assert frame.labels.any()
