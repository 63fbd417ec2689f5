"""Wilson intervals and diversity."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import binomtest

from dexgrasp_ros.evaluation import wilson_interval
from dexgrasp_ros.evaluation.diversity import distinct_count, explained_variance


@pytest.mark.parametrize(('successes', 'trials'), [(0, 16), (3, 16), (16, 16), (78, 128), (1, 1)])
def test_wilson_interval_is_that_of_scipy(successes, trials):
    expected = binomtest(successes, trials).proportion_ci(method='wilson')
    assert wilson_interval(successes, trials) == pytest.approx(tuple(expected), abs=1e-12)


def test_no_trials_say_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def poses(count, seed):
    rng = np.random.default_rng(seed)
    return np.hstack([rng.normal(size=(count, 3)), Rotation.random(count, seed).as_quat()])


def test_grasps_along_one_line_have_one_component():
    pose = np.tile([0, 0, 0, 0, 0, 0, 1.0], (9, 1))
    share = explained_variance(pose, np.outer(np.linspace(0, 1, 9), [1.0, -2.0]), length=0.1)
    assert share[0] == pytest.approx(1.0)


def test_spread_joints_share_the_variance():
    """Joints of equal variance and nothing else: k of J components explain k / J."""
    rng = np.random.default_rng(0)
    pose = np.tile([0, 0, 0, 0, 0, 0, 1.0], (20_000, 1))
    share = explained_variance(pose, rng.normal(size=(20_000, 4)), length=0.1)
    np.testing.assert_allclose(share[:4], [0.25, 0.5, 0.75, 1.0], atol=0.02)


def test_diversity_does_not_depend_on_the_sign_of_quaternions():
    pose, q = poses(12, 0), np.zeros((12, 3))
    flipped = pose.copy()
    flipped[::2, 3:] *= -1
    np.testing.assert_allclose(
        explained_variance(pose, q, length=0.1), explained_variance(flipped, q, length=0.1)
    )
    assert distinct_count(pose, q) == distinct_count(flipped, q)


@pytest.mark.parametrize('count', [0, 1])
def test_too_few_grasps_have_no_diversity(count):
    assert explained_variance(poses(3, 0)[:count], np.zeros((count, 2)), length=0.1).size == 0
    assert distinct_count(poses(3, 0)[:count], np.zeros((count, 2))) == count


@pytest.mark.parametrize(
    ('shift', 'angle', 'joint', 'expected'),
    [(0.019, 0, 0, 1), (0.021, 0, 0, 2), (0, 19, 0, 1), (0, 21, 0, 2), (0, 0, 0.29, 1),
     (0, 0, 0.31, 2)],
)  # fmt: skip
def test_what_counts_as_distinct(shift, angle, joint, expected):
    turn = Rotation.from_euler('z', angle, degrees=True).as_quat()
    pose = np.array([[0, 0, 0, 0, 0, 0, 1.0], [shift, 0, 0, *turn]])
    assert distinct_count(pose, np.array([[0.0, 0.0], [joint, joint]])) == expected
