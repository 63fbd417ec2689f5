"""CameraInfo ↔ intrinsics of a pinhole camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from dexgrasp_ros.core.errors import ErrorCode, InputError


def rectified_intrinsics(info: CameraInfo, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Intrinsics [3, 3] of rectified images with `shape` (H, W): `P` where it is set, else `K`.

    Region of interest and binning act as image_geometry has them: f / b and (c - offset) / b.
    Where `info` speaks of an image that is larger than the one at hand by one integer factor,
    without saying so in its binning, that factor is taken.

    Raises
    ------
    InputError
        WRONG_SHAPE where the sizes do not fit, OUT_OF_RANGE where there is no focal length.
    """
    P = np.asarray(info.p, dtype=np.float64).reshape(3, 4)[:, :3]
    return _of_shape(P, info, shape) if P[0, 0] > 0 else raw_intrinsics(info, shape)


def raw_intrinsics(info: CameraInfo, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Intrinsics [3, 3] `K` of images with `shape` (H, W) as the lens shows them.

    Raises
    ------
    InputError
        As `rectified_intrinsics`.
    """
    return _of_shape(np.asarray(info.k, dtype=np.float64).reshape(3, 3), info, shape)


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


def _of_shape(
    K: NDArray[np.float64], info: CameraInfo, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Intrinsics of the full image, cropped and scaled to the image at hand."""
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


def _integer_binning(full: tuple[int, int], shape: tuple[int, int]) -> NDArray:
    (height, width), (h, w) = full, shape
    if height % h or width % w or height // h != width // w or height < h:
        raise InputError(
            f'camera_info is of an image of {width} × {height}, the depth image has {w} × {h};'
            ' expected the same size or one integer factor between them. Aligned depth has a'
            ' camera_info of its own.',
            ErrorCode.WRONG_SHAPE,
        )
    return np.full(2, height // h)
