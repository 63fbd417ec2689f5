"""Where cameras stand to each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def is_near(
    a: NDArray[np.float64], b: NDArray[np.float64], *, distance: float, angle: float
) -> bool:
    """Whether two camera poses [4, 4] are within `distance` [m] and `angle` [rad]."""
    return bool(np.linalg.norm(a[:3, 3] - b[:3, 3]) <= distance and _turn(a, b) <= angle)


def redundant_view(poses: Sequence[NDArray[np.float64]]) -> int:
    """Index of the earlier one of the two camera poses [4, 4] that are closest to each other.

    A metre counts as a radian: at an arm's length both move the picture by as much.
    """
    apart = np.array(
        [[np.linalg.norm(a[:3, 3] - b[:3, 3]) + _turn(a, b) for b in poses] for a in poses]
    )
    np.fill_diagonal(apart, np.inf)
    return int(min(np.unravel_index(int(apart.argmin()), apart.shape)))


def _turn(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Angle [rad] between two poses."""
    cosine = 0.5 * (np.trace(a[:3, :3].T @ b[:3, :3]) - 1.0)
    return float(np.arccos(np.clip(cosine, -1.0, 1.0)))
