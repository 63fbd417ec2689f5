import numpy as np
import pytest

from dexgrasp_ros.core.poses import (
    compose,
    invert,
    matrix_to_pose,
    pose_to_matrix,
    transform_points,
)

HALF = np.sqrt(0.5)
QUARTER_TURN = [1.0, 2.0, 3.0, 0.0, 0.0, HALF, HALF]  # about z, which takes x to y


def test_quaternions_are_xyzw():
    expected = [[0, -1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]]
    np.testing.assert_allclose(pose_to_matrix(QUARTER_TURN), expected, atol=1e-15)


def test_points_are_turned_and_moved():
    moved = transform_points(QUARTER_TURN, [[1.0, 0.0, 0.0], [0.0, 0.0, 5.0]])
    np.testing.assert_allclose(moved, [[1.0, 3.0, 3.0], [1.0, 2.0, 8.0]], atol=1e-15)


def test_a_pose_and_its_inverse_cancel():
    rng = np.random.default_rng(0)
    poses = rng.normal(size=(20, 7))
    poses[:, 3:] /= np.linalg.norm(poses[:, 3:], axis=1, keepdims=True)
    identity = pose_to_matrix(compose(poses, invert(poses)))
    np.testing.assert_allclose(identity, np.tile(np.eye(4), (20, 1, 1)), atol=1e-12)


@pytest.mark.parametrize('shape', [(7,), (0, 7), (4, 7), (2, 3, 7)])
def test_shapes_are_kept(shape):
    poses = np.broadcast_to(QUARTER_TURN, shape)
    matrices = pose_to_matrix(poses)
    assert matrices.shape == (*shape[:-1], 4, 4)
    np.testing.assert_allclose(matrix_to_pose(matrices), poses, atol=1e-12)
