"""One depth image with labels, and the scene file it can come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.doors import names_its_file
from dexgrasp_ros.core.errors import ErrorCode, InputError


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
    labels: NDArray[np.int32] | None  # [H, W], 0 is background
    intrinsics: NDArray[np.float64]  # [3, 3]
    rgb: NDArray[np.uint8] | None = None  # [H, W, 3]
    T_world_cam: NDArray[np.float64] | None = None  # [4, 4]
    frame_id: str = 'camera_depth_optical_frame'
    stamp: int = 0  # nanoseconds

    def __post_init__(self) -> None:
        """Check and convert the arrays."""
        depth = _numeric('depth', self.depth)
        if depth.dtype.kind != 'f':
            raise InputError(
                f"'depth' has dtype {depth.dtype}; expected float32 metres.", ErrorCode.WRONG_TYPE
            )
        if depth.ndim != 2 or 0 in depth.shape:
            raise InputError(
                f"'depth' has shape {depth.shape}; expected [H, W].", ErrorCode.WRONG_SHAPE
            )
        object.__setattr__(self, 'depth', depth.astype(np.float32, copy=False))
        if self.labels is not None:
            labels = _numeric('seg', self.labels)
            if labels.dtype.kind not in 'iub':
                raise InputError(
                    f"'seg' has dtype {labels.dtype}; expected an integer type.",
                    ErrorCode.WRONG_TYPE,
                )
            _check_shape('seg', labels, depth.shape)
            object.__setattr__(self, 'labels', labels.astype(np.int32, copy=False))
        K = _numeric('K', self.intrinsics).astype(np.float64)
        _check_shape('K', K, (3, 3))
        if not (np.isfinite(K).all() and K[0, 0] > 0 and K[1, 1] > 0):
            raise InputError(
                f"'K' has focal lengths {K[0, 0]:g}, {K[1, 1]:g}; expected finite and positive.",
                ErrorCode.OUT_OF_RANGE,
            )
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
        An ``.npz`` with `depth` float m [H, W] and `K` [3, 3]; optional `seg` int [H, W], `rgb`
        uint8 [H, W, 3] and `T_world_cam` [4, 4]. Without `seg` the frame's labels are None.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, INVALID_INPUT (not an ``.npz``), MISSING_KEY, WRONG_TYPE, WRONG_SHAPE or
        OUT_OF_RANGE.
    """
    data = read_archive(path, 'scene', ('depth', 'K'))
    return DepthFrame(
        depth=data['depth'],
        labels=data.get('seg'),
        intrinsics=data['K'],
        rgb=data.get('rgb'),
        T_world_cam=data.get('T_world_cam'),
    )


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
