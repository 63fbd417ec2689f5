"""A point cloud in place of a depth image: `PointCloud2` → `DepthFrame`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from dexgrasp_ros.bridge.camera import check_same_camera
from dexgrasp_ros.bridge.compressed_images import as_image
from dexgrasp_ros.bridge.geometry import FARTHEST, cloud_array, stamp_to_nanoseconds
from dexgrasp_ros.bridge.images import label_array
from dexgrasp_ros.bridge.intrinsics import rectified_intrinsics
from dexgrasp_ros.bridge.rectification import Rectification, rectification
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.core.poses import transform_points

# Points of an organised cloud lie on the rays of their pixels; drivers that register depth to a
# colour camera round by half a pixel, as rectification does.
_PIXEL_ERROR = 1.0
_LEAST_FITTED = 100  # points from which intrinsics are fitted
_FITTED = 20_000  # of which so many are used
# Pixels of an image for each point of a cloud in one row, and pixels that any image may have: what
# is sparser makes no surface, and an image costs memory whatever is in it.
_SPARSEST, _SMALL_IMAGE = 64, 2**21


def cloud_frame(
    cloud: PointCloud2,
    info: CameraInfo | None,
    labels: Image | CompressedImage | None,
    *,
    T_cam_cloud: NDArray[np.float64] | None = None,
    assume_rectified: bool = False,
    assume_aligned: bool = False,
) -> DepthFrame:
    """Point cloud, camera_info and segmentation of one moment as a `DepthFrame`.

    The depth of an organised cloud (height above 1) is z, pixel by pixel; without camera_info
    the intrinsics are fitted to it. A cloud in one row is projected with camera_info, the nearest
    point of each pixel counts, and pixels without one are invalid: it should be about as dense as
    the image. Labels, and the pixels of an organised cloud, are rectified.

    Parameters
    ----------
    cloud
        Points [m]; an organised one in the optical frame of its camera.
    info
        Of the depth camera; None if there is none.
    labels
        Of the same camera.
    T_cam_cloud
        Pose [7] of the cloud's frame in that of `info`, for a cloud in one row whose frame is
        another one; None where they are the same.
    assume_rectified
        Take images and organised clouds for rectified whatever `info` says about the lens.
    assume_aligned
        Take labels for those of the camera though their frame is neither `info`'s nor the cloud's.

    Returns
    -------
    DepthFrame
        In the camera's optical frame.

    Raises
    ------
    InputError
        What `cloud_array`, `rectified_intrinsics`, `rectification`, `as_image`,
        `check_same_camera` and `label_array` raise; INVALID_INPUT for a cloud in one
        row without camera_info, or an organised one that no pinhole camera at its origin sees so;
        OUT_OF_RANGE for one in a row that is too sparse for its image.
    PerceptionError
        NO_VALID_DEPTH where no point is before the camera.
    """
    points, lens = cloud_array(cloud), None
    if cloud.height > 1:
        points[~((np.abs(points) <= FARTHEST).all(axis=-1) & (points[..., 2] > 0))] = np.nan
        if info is not None:
            lens = rectification(info, points.shape[:2], assume_rectified=assume_rectified)
        depth, K = _organised(points, info, lens)
        frame_id = cloud.header.frame_id
    else:
        if info is None:
            raise InputError(
                f'The point cloud has one row of {cloud.width} points, and there is no'
                ' camera_info; expected an organised cloud (height > 1) or a camera_info to'
                ' project it with.'
            )
        points = points.reshape(-1, 3)
        points = points[(np.abs(points) <= FARTHEST).all(axis=1)]
        if T_cam_cloud is not None:
            points = transform_points(T_cam_cloud, points)
        shape = _image_shape(info)
        _check_density(len(points), shape)
        lens = rectification(info, shape, assume_rectified=assume_rectified)
        K = rectified_intrinsics(info, shape)
        depth, frame_id = project_depth(points, K, shape), info.header.frame_id
    if not depth.any():
        raise PerceptionError(
            f'None of the {cloud.width * cloud.height} points of the cloud is before the camera;'
            " expected some with z > 0 in the camera's optical frame.",
            ErrorCode.NO_VALID_DEPTH,
        )
    of_camera = labels is not None and info is not None
    of_camera = of_camera and labels.header.frame_id == info.header.frame_id
    if labels is not None and not (of_camera or assume_aligned):
        check_same_camera('labels', labels.header.frame_id, frame_id)
    numbers = None if labels is None else label_array(as_image(labels), depth.shape)
    if lens is not None and numbers is not None:
        numbers = lens.rectified(numbers)
    return DepthFrame(
        depth=depth,
        labels=numbers,
        intrinsics=K,
        frame_id=frame_id,
        stamp=stamp_to_nanoseconds(cloud.header.stamp),
    )


def project_depth(
    points: NDArray[np.float64], K: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Depth image [H, W] m of finite points [M, 3] m in the optical frame; 0 without one."""
    points = points[points[:, 2] > 0]
    pixels = points[:, :2] / points[:, 2:] * [K[0, 0], K[1, 1]] + K[:2, 2]
    height, width = shape
    # Far outside, an integer would overflow.
    inside = ((pixels > -0.5) & (pixels < np.array([width, height]) - 0.5)).all(axis=1)
    u, v = np.rint(pixels[inside]).astype(np.int64).T
    depth = np.full(shape, np.inf, dtype=np.float32)
    np.minimum.at(depth, (v, u), points[inside, 2].astype(np.float32))
    return np.where(np.isfinite(depth), depth, np.float32(0))


def fit_intrinsics(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intrinsics [3, 3] that an organised cloud [H, W, 3] m was made with.

    Least squares of u = fx·x/z + cx and v = fy·y/z + cy over the finite points.

    Raises
    ------
    InputError
        INVALID_INPUT with too few points.
    """
    v, u = np.nonzero(np.isfinite(points).all(axis=-1))
    if len(v) < _LEAST_FITTED:
        raise InputError(
            f'The point cloud has {len(v)} points with z > 0; expected at least {_LEAST_FITTED} to'
            ' fit intrinsics to, or a camera_info.'
        )
    some = slice(None, None, max(1, len(v) // _FITTED))
    v, u = v[some], u[some]
    x, y, z = points[v, u].T
    K = np.eye(3)
    for axis, (slope, pixel) in enumerate(((x / z, u), (y / z, v))):
        slope_and_one = np.column_stack([slope, np.ones_like(slope)])
        K[axis, [axis, 2]] = np.linalg.lstsq(slope_and_one, pixel, rcond=None)[0]
    return K


def _organised(
    points: NDArray[np.float64], info: CameraInfo | None, lens: Rectification | None
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Depth [H, W] and intrinsics of an organised cloud with NaN where it is invalid."""
    shape = points.shape[:2]
    if not np.isfinite(points).any():
        return np.zeros(shape, np.float32), np.eye(3)
    if info is None:
        K = fit_intrinsics(points)
    else:
        K = rectified_intrinsics(info, shape)
        points = points if lens is None else lens.rectified(points, np.nan)
    _check_rays(points, K)
    return np.nan_to_num(points[..., 2]).astype(np.float32), K


def _check_rays(points: NDArray[np.float64], K: NDArray[np.float64]) -> None:
    """Refuse a cloud whose points do not lie on the rays of their pixels."""
    v, u = np.nonzero(np.isfinite(points).all(axis=-1))
    x, y, z = points[v, u].T
    error = np.hypot(x / z * K[0, 0] + K[0, 2] - u, y / z * K[1, 1] + K[1, 2] - v)
    if not np.median(error) < _PIXEL_ERROR:
        raise InputError(
            'Points of the organised cloud are'
            f' {np.median(error):.1f} pixels beside the rays of their pixels; expected a cloud in'
            " its camera's optical frame (x right, y down, z forward), and the camera_info of"
            ' that camera.'
        )


def _check_density(count: int, shape: tuple[int, int]) -> None:
    """Refuse to make a large image of a few points."""
    height, width = shape
    if height * width > max(_SMALL_IMAGE, _SPARSEST * count):
        raise InputError(
            f'camera_info is of an image of {width} × {height}, and the point cloud has {count}'
            f' points; expected about one for each pixel, and at least one for {_SPARSEST}. Is it'
            " this camera's?",
            ErrorCode.OUT_OF_RANGE,
        )


def _image_shape(info: CameraInfo) -> tuple[int, int]:
    """(H, W) of the image that `info` describes, cropped and binned as it says."""
    roi = info.roi
    cropped = roi.width > 0 and roi.height > 0
    width, height = (roi.width, roi.height) if cropped else (info.width, info.height)
    if not width or not height:
        raise InputError(
            f'camera_info is of an image of {width} × {height} pixels.', ErrorCode.WRONG_SHAPE
        )
    return height // max(1, info.binning_y), width // max(1, info.binning_x)
