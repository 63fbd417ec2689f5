"""CameraInfo ↔ intrinsics, and the three messages of a camera as one `DepthFrame`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.images import depth_array, label_array
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import ErrorCode, InputError, quoted


def depth_frame(
    depth: Image,
    info: CameraInfo,
    labels: Image | None,
    *,
    min_depth: float = 0.0,
    max_depth: float = np.inf,
    assume_rectified: bool = False,
) -> DepthFrame:
    """Depth, camera_info and segmentation of one moment as a `DepthFrame`.

    Frame and stamp are the depth image's.

    Raises
    ------
    InputError
        UNKNOWN_ENCODING, WRONG_SHAPE, OUT_OF_RANGE (focal length) or INVALID_INPUT (distortion).
    """
    metres = depth_array(depth, min_depth=min_depth, max_depth=max_depth)
    return DepthFrame(
        depth=metres,
        labels=None if labels is None else label_array(labels, metres.shape),
        intrinsics=intrinsics(info, metres.shape, assume_rectified=assume_rectified),
        frame_id=depth.header.frame_id,
        stamp=stamp_to_nanoseconds(depth.header.stamp),
    )


def intrinsics(
    info: CameraInfo, shape: tuple[int, int], *, assume_rectified: bool = False
) -> NDArray[np.float64]:
    """Intrinsics [3, 3] of a rectified image with `shape` (H, W).

    `P` is used where it is set, else `K`. Region of interest and binning act as image_geometry
    has them: f / b and (c - offset) / b. Where `info` speaks of an image that is larger than the
    one at hand by one integer factor, without saying so in its binning, that factor is taken.

    Raises
    ------
    InputError
        WRONG_SHAPE where the sizes do not fit, INVALID_INPUT where the image is distorted,
        OUT_OF_RANGE where there is no focal length.
    """
    if np.any(np.asarray(info.d) != 0) and not assume_rectified:
        raise InputError(
            f'camera_info has distortion {quoted(list(info.d))} ({quoted(info.distortion_model)});'
            ' expected a rectified depth image. If it is rectified, set assume_rectified.'
        )
    P = np.asarray(info.p, dtype=np.float64).reshape(3, 4)[:, :3]
    K = P if P[0, 0] > 0 else np.asarray(info.k, dtype=np.float64).reshape(3, 3)
    roi = info.roi
    cropped = roi.width > 0 and roi.height > 0
    width, height = (roi.width, roi.height) if cropped else (info.width, info.height)
    binning = np.array([max(1, info.binning_x), max(1, info.binning_y)])
    if (height // binning[1], width // binning[0]) != tuple(shape):
        binning = _integer_binning((height, width), tuple(shape))
    offset = np.array([roi.x_offset, roi.y_offset]) if cropped else np.zeros(2)
    scaled = np.eye(3)
    scaled[[0, 1], [0, 1]] = K[[0, 1], [0, 1]] / binning
    scaled[:2, 2] = (K[:2, 2] - offset) / binning
    if not (np.isfinite(scaled).all() and scaled[0, 0] > 0 and scaled[1, 1] > 0):
        raise InputError(
            f'camera_info has focal lengths {scaled[0, 0]:g}, {scaled[1, 1]:g}; expected finite'
            ' and positive. Is the camera calibrated?',
            ErrorCode.OUT_OF_RANGE,
        )
    return scaled


def camera_info_message(K: NDArray, shape: tuple[int, int], header: Header) -> CameraInfo:
    """CameraInfo of a rectified pinhole camera with intrinsics [3, 3] and `shape` (H, W)."""
    P = np.zeros((3, 4))
    P[:, :3] = K
    return CameraInfo(
        header=header,
        height=shape[0],
        width=shape[1],
        distortion_model='plumb_bob',
        d=[0.0] * 5,
        k=np.asarray(K, dtype=np.float64).ravel(),
        r=np.eye(3).ravel(),
        p=P.ravel(),
    )


def _integer_binning(full: tuple[int, int], shape: tuple[int, int]) -> NDArray:
    (height, width), (h, w) = full, shape
    if height % h or width % w or height // h != width // w or height < h:
        raise InputError(
            f'camera_info is of an image of {width} × {height}, the depth image has {w} × {h};'
            ' expected the same size or one integer factor between them.',
            ErrorCode.WRONG_SHAPE,
        )
    return np.full(2, height // h)
