"""One depth image with labels, and the scene file it can come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.doors import names_its_file
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.intrinsics import check_intrinsics

_LARGEST_LABEL = np.iinfo(np.int32).max  # messages have int32


@dataclass(frozen=True, kw_only=True)
class DepthFrame:
    """A depth image and what goes with it, as a rectified pinhole camera saw it.

    Optical frame: x right, y down, z forward. Depth is metres along z; 0, NaN and Inf are invalid.

    Raises
    ------
    InputError
        WRONG_TYPE, WRONG_SHAPE or OUT_OF_RANGE, from the constructor.
    """

    depth: NDArray[np.float32]  # [H, W] m
    labels: NDArray[np.int32] | None  # [H, W], 0 is background, and so is what is negative
    intrinsics: NDArray[np.float64]  # [3, 3]
    rgb: NDArray[np.uint8] | None = None  # [H, W, 3]
    T_world_cam: NDArray[np.float64] | None = None  # [4, 4]
    frame_id: str = 'camera_depth_optical_frame'
    stamp: int = 0  # nanoseconds

    def __post_init__(self) -> None:
        """Check and convert the arrays."""
        depth = _one_channel(_numeric('depth', self.depth))
        if depth.dtype.kind != 'f':
            raise InputError(
                f"'depth' has dtype {depth.dtype}; expected float32 metres.", ErrorCode.WRONG_TYPE
            )
        if depth.ndim != 2 or 0 in depth.shape:
            raise InputError(
                f"'depth' has shape {list(depth.shape)}; expected [H, W].", ErrorCode.WRONG_SHAPE
            )
        object.__setattr__(self, 'depth', depth.astype(np.float32, copy=False))
        if self.labels is not None:
            labels = _one_channel(_numeric('seg', self.labels))
            _check_shape('seg', labels, depth.shape)
            object.__setattr__(self, 'labels', whole_labels(labels))
        K = _numeric('K', self.intrinsics).astype(np.float64)
        _check_shape('K', K, (3, 3))
        check_intrinsics(K, depth.shape)
        object.__setattr__(self, 'intrinsics', K)
        if self.rgb is not None:
            _check_shape('rgb', np.asarray(self.rgb), (*depth.shape, 3))
        if self.T_world_cam is not None:
            T = _numeric('T_world_cam', self.T_world_cam).astype(np.float64)
            _check_shape('T_world_cam', T, (4, 4))
            object.__setattr__(self, 'T_world_cam', T)


@names_its_file
def load_scene(path: str | Path) -> DepthFrame:
    """Read a scene file: ``depth`` and ``K``, perhaps ``seg``, ``rgb`` and ``T_world_cam``.

    Parameters
    ----------
    path
        An ``.npz`` with `depth` [H, W] (float m, or integers with `depth_scale`, metres for each
        unit) and `K` [3, 3]; optional `seg` int [H, W], `rgb` uint8 [H, W, 3] and `T_world_cam`
        [4, 4]. Without `seg` the frame's labels are None.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, INVALID_INPUT (not an ``.npz``), MISSING_KEY, WRONG_TYPE, WRONG_SHAPE or
        OUT_OF_RANGE.
    """
    data = read_archive(path, 'scene', ('depth', 'K'))
    return DepthFrame(
        depth=depth_in_metres(data),
        labels=data.get('seg'),
        intrinsics=data['K'],
        rgb=data.get('rgb'),
        T_world_cam=data.get('T_world_cam'),
    )


def depth_in_metres(data: Mapping[str, NDArray]) -> NDArray:
    """Depth of a scene file [m]: as it is where it is float, by ``depth_scale`` if integer.

    Raises
    ------
    InputError
        MISSING_KEY for integer depth without `depth_scale`, OUT_OF_RANGE for one that is no scale.
    """
    depth = data['depth']
    if depth.dtype.kind not in 'iu':
        return depth
    if 'depth_scale' not in data:
        raise InputError(
            f"'depth' has dtype {depth.dtype} and there is no 'depth_scale'; expected it, in"
            ' metres for each unit (0.001 for millimetres), or float depth in metres.',
            ErrorCode.MISSING_KEY,
        )
    scale = _numeric('depth_scale', data['depth_scale']).astype(np.float64)
    if scale.size != 1 or not 0.0 < float(scale.reshape(-1)[0]) <= 1.0:
        raise InputError(
            f"'depth_scale' is {scale.tolist()}; expected metres for each unit of the depth, such"
            ' as 0.001 for millimetres.',
            ErrorCode.OUT_OF_RANGE,
        )
    return depth * np.float32(scale.reshape(-1)[0])


def _one_channel(image: NDArray) -> NDArray:
    """Image [H, W] of one that has a last axis of one channel, else as it is."""
    return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image


def whole_labels(labels: NDArray) -> NDArray[np.int32]:
    """Labels [H, W] of any kind of number that holds whole ones; background is 0.

    Negative ones are background, and so is -1 that went through an unsigned type: the largest
    number of 32 bits and more, and that of fewer bits in an image that has other labels and no 0.

    Raises
    ------
    InputError
        WRONG_TYPE for fractions, OUT_OF_RANGE for a label beyond 31 bits.
    """
    if labels.dtype.kind == 'f':
        if not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
            raise InputError(
                f"'seg' has dtype {labels.dtype} and fractions or NaN; expected whole numbers, one"
                ' for each object.',
                ErrorCode.WRONG_TYPE,
            )
    elif labels.dtype.kind == 'u':
        nothing = labels == np.iinfo(labels.dtype).max
        # 255 is also what masks of one object have.
        if labels.itemsize >= 4 or ((labels != 0).all() and not nothing.all()):
            labels = np.where(nothing, 0, labels)
    labels = np.maximum(labels, 0)
    if labels.max() > _LARGEST_LABEL:
        raise InputError(
            f"'seg' has the label {int(labels.max())}; expected at most {_LARGEST_LABEL}. Number"
            ' the objects from 1.',
            ErrorCode.OUT_OF_RANGE,
        )
    return labels.astype(np.int32)


def _numeric(name: str, value: object) -> NDArray:
    array = np.asarray(value)
    if array.dtype.kind not in 'fiub':
        raise InputError(
            f"'{name}' has dtype {array.dtype}; expected numbers.", ErrorCode.WRONG_TYPE
        )
    return array


def _check_shape(name: str, array: NDArray, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise InputError(
            f"'{name}' has shape {list(array.shape)}; expected {list(expected)}.",
            ErrorCode.WRONG_SHAPE,
        )
