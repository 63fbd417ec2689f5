"""What a lens did to an image, taken back: which pixel of the image each rectified pixel is.

Depth and labels are names of what lies on a ray, so neighbours must never be mixed: the nearest
pixel counts. OpenCV computes where a ray falls, from `camera_info`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo

from dexgrasp_ros.bridge.intrinsics import raw_intrinsics, rectified_intrinsics
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices, quoted

# What may be published as `distortion_model`, and the numbers of coefficients it may have. Drivers
# call eight coefficients plumb_bob as well; by their order they are of one family.
_POLYNOMIAL = (4, 5, 8, 12, 14)
_MODELS = {'plumb_bob': _POLYNOMIAL, 'rational_polynomial': _POLYNOMIAL, 'equidistant': (4,)}
_CAMERAS = 2  # whose maps are kept


@dataclass(frozen=True, kw_only=True)
class Rectification:
    """Where each pixel of a rectified image lies in the image that came, and the other way."""

    intrinsics: NDArray[np.float64]  # [3, 3] of the rectified image
    source: NDArray[np.int64]  # [H, W], number of a pixel of the image that came; -1: none

    def rectified(self, image: NDArray, fill: float = 0) -> NDArray:
        """Image [H, W, ...] of the ideal camera; `fill` where this one saw nothing."""
        return _picked(image, self.source, fill)

    def distorted(self, image: NDArray, fill: float = 0) -> NDArray:
        """Image [H, W, ...] as the lens would show it, of one of the ideal camera."""
        return _picked(image, self._target, fill)

    def rectified_box(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        """Box (x, y, width, height) [pixels] about the rectified pixels of a box.

        Raises
        ------
        InputError
            INVALID_INPUT where none of them is in the rectified image.
        """
        x, y, width, height = box
        inside = self._target[max(y, 0) : y + height, max(x, 0) : x + width]
        v, u = np.divmod(inside[inside >= 0], self.source.shape[1])
        if not len(u):
            raise InputError(
                f'The box {list(box)} (x, y, width, height) holds no pixel of the rectified image.'
            )
        return int(u.min()), int(v.min()), int(np.ptp(u)) + 1, int(np.ptp(v)) + 1

    @functools.cached_property
    def _target(self) -> NDArray[np.int64]:
        """Number [H, W] of the rectified pixel of each pixel of the image that came; -1: none."""
        from scipy.spatial import cKDTree

        height, width = shape = self.source.shape
        seen = np.flatnonzero(self.source >= 0)
        v, u = np.divmod(self.source.flat[seen], width)
        pixels = np.indices(shape).reshape(2, -1).T
        # Where the lens stretches, some pixels are the source of none and have one beside them.
        distance, nearest = cKDTree(np.column_stack([v, u])).query(
            pixels, distance_upper_bound=2.0
        )
        found = np.isfinite(distance)
        target = np.full(height * width, -1)
        target[found] = seen[nearest[found]]
        return target.reshape(shape)


def rectification(
    info: CameraInfo, shape: tuple[int, int], *, assume_rectified: bool = False
) -> Rectification | None:
    """How images of `shape` (H, W) are rectified; None where there is nothing to be done.

    The rectified camera has the intrinsics `P` (`K` where there is none) and the frame of the
    image. The maps of the last cameras are kept.

    Parameters
    ----------
    info
        Of the camera.
    shape
        Of the images.
    assume_rectified
        Take the images for rectified whatever `info` says about their lens.

    Raises
    ------
    InputError
        WRONG_SHAPE: an image of one row or column; INVALID_INPUT: a lens of another model, an
        image that is turned; what `raw_intrinsics` and `rectified_intrinsics` raise.
    """
    if assume_rectified or not np.any(np.asarray(info.d) != 0):
        return None
    if min(shape) < 2:
        raise InputError(
            f'The image has {shape[1]} × {shape[0]} pixels, and camera_info a distortion; expected'
            ' at least two each way.',
            ErrorCode.WRONG_SHAPE,
        )
    coefficients = _coefficients(info)
    R = np.asarray(info.r, dtype=np.float64).reshape(3, 3)
    if np.any(R) and not np.allclose(R, np.eye(3), atol=1e-6):
        raise InputError(
            'camera_info has distortion and a rotation R, so that depth of the rectified image'
            ' would be along another axis; expected an image that is rectified already, or no R.'
            ' If it is rectified, set assume_rectified.'
        )
    return _rectification(
        info.distortion_model,
        coefficients,
        tuple(raw_intrinsics(info, shape).ravel()),
        tuple(rectified_intrinsics(info, shape).ravel()),
        tuple(shape),
    )


def _coefficients(info: CameraInfo) -> tuple[float, ...]:
    """Coefficients of the lens in the order that OpenCV takes."""
    model, given = info.distortion_model, tuple(map(float, info.d))
    if model not in _MODELS:
        raise InputError(
            f'camera_info has distortion of the model {quoted(model)}; expected one of'
            f' {choices(_MODELS)}, or a rectified image. If it is rectified, set assume_rectified.'
        )
    counts = _MODELS[model]
    # Some drivers have one length for all models.
    while len(given) > counts[-1] and given[-1] == 0:
        given = given[:-1]
    given += (0.0,) * (min((n for n in counts if n >= len(given)), default=0) - len(given))
    if len(given) not in counts or not np.isfinite(given).all():
        lengths = ' or '.join(map(str, counts))
        raise InputError(
            f'camera_info has {len(info.d)} coefficients of distortion {quoted(list(info.d)[:14])}'
            f' ({quoted(model)}); expected {lengths} finite ones. If the image is rectified, set'
            ' assume_rectified.'
        )
    return given


@functools.lru_cache(maxsize=_CAMERAS)
def _rectification(
    model: str,
    coefficients: tuple[float, ...],
    raw: tuple[float, ...],
    ideal: tuple[float, ...],
    shape: tuple[int, int],
) -> Rectification:
    import cv2

    library = cv2.fisheye if model == 'equidistant' else cv2
    K, P = (np.array(entries).reshape(3, 3) for entries in (raw, ideal))
    height, width = shape
    u, v = library.initUndistortRectifyMap(
        K, np.array(coefficients), np.eye(3), P, (width, height), cv2.CV_32FC1
    )
    with np.errstate(invalid='ignore'):
        inside = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
    inside &= _unfolded(u, v, P)
    source = np.full(shape, -1)
    columns, rows = (np.rint(axis[inside]).astype(np.int64) for axis in (u, v))
    source[inside] = rows * width + columns
    return Rectification(intrinsics=P, source=source)


def _unfolded(u: NDArray, v: NDArray, P: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the map from rays to pixels is one to one, counted from the middle of the image.

    A polynomial that was fitted inside of the image may turn back outside of it, and would show
    things a second time there. It does so where its Jacobian changes sign.
    """
    from scipy.ndimage import label

    (u_v, u_u), (v_v, v_u) = np.gradient(u), np.gradient(v)
    parts, _ = label(u_u * v_v - u_v * v_u > 0)
    height, width = parts.shape
    middle = parts[
        int(np.clip(P[1, 2], 0, height - 1)),
        int(np.clip(P[0, 2], 0, width - 1)),
    ]
    return (parts == middle) & (parts > 0)


def _picked(image: NDArray, numbers: NDArray[np.int64], fill: float) -> NDArray:
    pixels = image.reshape(-1, *image.shape[2:])
    picked = pixels[numbers]
    picked[numbers < 0] = fill
    return picked
