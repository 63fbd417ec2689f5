"""How much grasps differ from each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

# Two grasps are distinct when they differ by one of these.
APART = (0.02, 0.3490658503988659, 0.3)  # m, rad (20°), rad of mean joint angle


def explained_variance(
    poses: NDArray[np.float64], q: NDArray[np.float64], *, length: float
) -> NDArray[np.float64]:
    """Share of variance explained by the first 1, 2, … principal components; lower: more diverse.

    Of the rows [position / length, rotation matrix / √2, joints]: the matrix has no jumps, and
    over √2 its distances are angles as long as they are small.

    Parameters
    ----------
    poses, q
        Poses of root or palm [N, 7] and joints [N, J].
    length
        What positions are divided by [m].

    Returns
    -------
    NDArray
        Cumulative shares, at most N - 1 and rising to 1; empty for fewer than two grasps, or equal
        ones.
    """
    if len(poses) < 2:
        return np.empty(0)
    rotation = Rotation.from_quat(poses[:, 3:]).as_matrix().reshape(len(poses), 9)
    rows = np.hstack([poses[:, :3] / length, rotation / np.sqrt(2.0), q])
    variance = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)[: len(poses) - 1] ** 2
    if variance.sum() <= 1e-18:
        return np.empty(0)
    return np.cumsum(variance) / variance.sum()


def distinct_count(poses: NDArray[np.float64], q: NDArray[np.float64]) -> int:
    """Count grasps that differ from all before by 2 cm, 20° or 0.3 rad of mean joint angle."""
    kept: list[int] = []
    translation, angle, joint = APART
    for n in range(len(poses)):
        same = np.linalg.norm(poses[kept, :3] - poses[n, :3], axis=1) < translation
        same &= np.abs(q[kept] - q[n]).mean(axis=1) < joint
        if kept:
            turn = Rotation.from_quat(poses[kept, 3:]).inv() * Rotation.from_quat(poses[n, 3:])
            same &= turn.magnitude() < angle
        if not same.any():
            kept.append(n)
    return len(kept)
