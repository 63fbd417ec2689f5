"""Scene files of several views: what is read, and what is refused."""

import numpy as np
import pytest

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.scene_views import load_views

K = np.array([[100.0, 0.0, 3.5], [0.0, 100.0, 2.5], [0.0, 0.0, 1.0]])


def stack(**changes):
    data = {
        'depth': np.full((3, 6, 8), 5000, np.uint16),
        'depth_scale': np.array(1e-4),
        'seg': np.ones((3, 6, 8), np.uint8),
        'K': K,
        'T_world_cam': np.stack([np.eye(4)] * 3),
        **changes,
    }
    return {k: v for k, v in data.items() if v is not None}


def test_integer_depth_is_scaled(tmp_path):
    np.savez(tmp_path / 'views.npz', **stack(stamp=np.array([7, 8, 9])))
    views = load_views(tmp_path / 'views.npz')
    assert [v.stamp for v in views] == [7, 8, 9]
    for view in views:
        np.testing.assert_allclose(view.depth, 0.5, rtol=1e-6)
        assert view.depth.dtype == np.float32 and view.labels.shape == (6, 8)


def test_intrinsics_may_differ_by_view(tmp_path):
    np.savez(
        tmp_path / 'views.npz',
        **stack(K=np.stack([np.diag([s, s, 1.0]) @ K for s in (1.0, 2.0, 3.0)])),
    )
    assert [v.intrinsics[0, 0] for v in load_views(tmp_path / 'views.npz')] == [100, 200, 300]


def test_one_view_is_a_list_of_one(tmp_path):
    np.savez(
        tmp_path / 'one.npz', depth=np.ones((6, 8), np.float32), seg=np.ones((6, 8), int), K=K
    )
    (view,) = load_views(tmp_path / 'one.npz')
    assert view.T_world_cam is None


@pytest.mark.parametrize(
    ('changes', 'code', 'text'),
    [
        ({'T_world_cam': None}, ErrorCode.MISSING_KEY, 'T_world_cam'),
        ({'depth_scale': None}, ErrorCode.MISSING_KEY, 'depth_scale'),
        ({'T_world_cam': np.eye(4)}, ErrorCode.WRONG_SHAPE, 'T_world_cam'),
        ({'seg': np.ones((2, 6, 8), int)}, ErrorCode.WRONG_SHAPE, 'first axis of 3'),
        ({'depth': np.ones((0, 6, 8), np.float32)}, ErrorCode.WRONG_SHAPE, 'seg'),
        ({'K': np.stack([K] * 2)}, ErrorCode.WRONG_SHAPE, "'K'"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changes, code, text):
    np.savez(tmp_path / 'views.npz', **stack(**changes))
    with pytest.raises(InputError, match=text) as e:
        load_views(tmp_path / 'views.npz')
    assert e.value.code == code


def test_views_without_labels_are_read(tmp_path):
    np.savez(tmp_path / 'views.npz', **stack(seg=None))
    assert [v.labels for v in load_views(tmp_path / 'views.npz')] == [None] * 3


@pytest.mark.parametrize(
    ('key', 'value', 'code'),
    [
        ('stamp', 5, ErrorCode.WRONG_SHAPE),
        ('stamp', [5], ErrorCode.WRONG_SHAPE),
        ('stamp', [np.nan, 0.0], ErrorCode.WRONG_TYPE),
        ('depth_scale', 'mm', ErrorCode.WRONG_TYPE),
        ('depth_scale', [1.0, 2.0], ErrorCode.OUT_OF_RANGE),
        ('depth_scale', np.nan, ErrorCode.OUT_OF_RANGE),
    ],
)
def test_what_goes_with_views_is_checked(tmp_path, key, value, code):
    views = {
        'depth': np.ones((2, 6, 8), np.uint16),
        'depth_scale': 0.001,
        'K': K,
        'T_world_cam': np.stack([np.eye(4)] * 2),
    }
    np.savez(tmp_path / 'x.npz', **{**views, key: value})
    with pytest.raises(InputError, match=rf"x\.npz.*'{key}'") as caught:
        load_views(tmp_path / 'x.npz')
    assert caught.value.code == code
