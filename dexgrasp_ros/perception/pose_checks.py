"""Poses of cameras: what is none, and what does not fit what was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError

# Rotations that went through 32-bit floats and a printed file are this far from orthonormal.
_RIGID_TOLERANCE = 1e-3
_MOST_TILTED = np.radians(45.0)  # nothing stays on a plane that is steeper


def check_pose(T: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the pose [4, 4] of a camera as it came, if it is one.

    Raises
    ------
    InputError
        INVALID_INPUT: it is no rigid motion.
    PerceptionError
        TRANSFORM_UNAVAILABLE: there is none.
    """
    if T is None:
        raise PerceptionError(
            "The view has no pose; expected 'T_world_cam', the pose [4, 4] of the camera's optical"
            ' frame in the fixed frame.',
            ErrorCode.TRANSFORM_UNAVAILABLE,
        )
    if not np.isfinite(T).all():
        raise InputError("'T_world_cam' holds NaN or Inf; expected finite numbers.")
    if not _is_rigid(T):
        cause = ' It looks transposed.' if _is_rigid(T.T) else ''
        raise InputError(
            f"'T_world_cam' is no rigid motion: its rotation is off by {_error(T):.3g}, its"
            f' determinant is {np.linalg.det(T[:3, :3]):.3g}; expected an orthonormal right-handed'
            f' rotation over a last row 0 0 0 1.{cause}'
        )
    return T


def _is_rigid(T: NDArray[np.float64]) -> bool:
    return bool(_error(T) <= _RIGID_TOLERANCE and np.linalg.det(T[:3, :3]) > 0.0)


def _error(T: NDArray[np.float64]) -> float:
    """Largest deviation of a matrix [4, 4] from a rotation over a last row 0 0 0 1."""
    R = T[:3, :3]
    return float(max(np.abs(R @ R.T - np.eye(3)).max(), np.abs(T[3] - [0, 0, 0, 1]).max()))


def tilt_warnings(plane: NDArray[np.float64] | None, T: NDArray[np.float64] | None) -> list[str]:
    """Warn of a support plane [4] of the camera's frame that the camera's pose has far from level.

    Without a plane or a pose there is nothing to tell.
    """
    if plane is None or T is None:
        return []
    tilt = np.arccos(np.clip(plane[:3] @ T[2, :3], -1.0, 1.0))
    if tilt < _MOST_TILTED:
        return []
    return [
        f"By 'T_world_cam' the support plane is {np.degrees(tilt):.0f}° from level; expected the"
        " pose of the camera's optical frame (x right, y down, z forward) in a world whose z"
        ' points up, not the inverse of it.'
    ]
