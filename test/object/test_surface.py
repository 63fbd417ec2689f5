"""Points that are spread over a surface."""

from __future__ import annotations

import numpy as np
import pytest

from dexgrasp_ros.object.surface import _farthest_points


def in_numpy(points: np.ndarray, count: int) -> np.ndarray:
    keep = np.zeros(count, dtype=np.int64)
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    for k in range(1, count):
        offset = points - points[keep[k - 1]]
        square = offset[:, 0] ** 2 + offset[:, 1] ** 2 + offset[:, 2] ** 2
        np.minimum(nearest, square, out=nearest)
        keep[k] = nearest.argmax()
    return keep


@pytest.mark.parametrize('count', [1, 2, 100])
@pytest.mark.parametrize('candidates', [100, 1000, 1024])
def test_thinning_is_that_of_numpy_bit_for_bit(count, candidates):
    rng = np.random.default_rng(count + candidates)
    points = rng.normal(0.0, 0.05, (candidates, 3)).astype(np.float32)
    np.testing.assert_array_equal(_farthest_points(points, count), in_numpy(points, count))


def test_of_equal_points_the_first_is_kept():
    """Corners of a cube, each several times: after eight nothing is left but what is there."""
    corners = np.array(list(np.ndindex(2, 2, 2)), dtype=np.float32)
    points = np.repeat(corners, 5, axis=0)[np.random.default_rng(0).permutation(40)]
    kept = _farthest_points(points, 12)
    np.testing.assert_array_equal(kept, in_numpy(points, 12))
    assert len(np.unique(points[kept[:8]], axis=0)) == 8
    assert (kept[8:] == 0).all()
