"""Poses as seven numbers: [x y z qx qy qz qw], the form every boundary of this package uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# SciPy's rotations are imported where they are used: most commands need none.


def pose_to_matrix(pose: ArrayLike) -> NDArray[np.float64]:
    """Poses [..., 7] as homogeneous matrices [..., 4, 4]."""
    from scipy.spatial.transform import Rotation

    pose = np.asarray(pose, dtype=np.float64)
    flat = pose.reshape(-1, 7)
    matrix = np.tile(np.eye(4), (len(flat), 1, 1))
    if len(flat):
        matrix[:, :3, :3] = Rotation.from_quat(flat[:, 3:]).as_matrix()
        matrix[:, :3, 3] = flat[:, :3]
    return matrix.reshape(*pose.shape[:-1], 4, 4)


def matrix_to_pose(matrix: ArrayLike) -> NDArray[np.float64]:
    """Homogeneous matrices [..., 4, 4] as poses [..., 7]."""
    from scipy.spatial.transform import Rotation

    matrix = np.asarray(matrix, dtype=np.float64)
    flat = matrix.reshape(-1, 4, 4)
    pose = np.zeros((len(flat), 7))
    if len(flat):
        pose[:, :3] = flat[:, :3, 3]
        pose[:, 3:] = Rotation.from_matrix(flat[:, :3, :3]).as_quat()
    return pose.reshape(*matrix.shape[:-2], 7)


def compose(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """T_ac from T_ab and T_bc, poses [..., 7] that broadcast."""
    return matrix_to_pose(pose_to_matrix(a) @ pose_to_matrix(b))


def invert(pose: ArrayLike) -> NDArray[np.float64]:
    """T_ba from T_ab."""
    return matrix_to_pose(np.linalg.inv(pose_to_matrix(pose)))


def transform_points(pose: ArrayLike, points: ArrayLike) -> NDArray[np.float64]:
    """Points [M, 3] in frame b as points in frame a, for one pose T_ab [7]."""
    matrix = pose_to_matrix(pose)
    return np.asarray(points) @ matrix[:3, :3].T + matrix[:3, 3]
