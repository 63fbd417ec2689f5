"""Depth and labels as people and programs save them."""

import numpy as np
import pytest

from dexgrasp_ros.core.depth_frame import DepthFrame, load_scene
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.scene_views import load_views

K = np.array([[100.0, 0.0, 3.5], [0.0, 100.0, 2.5], [0.0, 0.0, 1.0]])
DEPTH = np.full((6, 8), 0.5, np.float32)
LABELS = np.zeros((6, 8), np.int32)
LABELS[2:4, 2:4] = 2


def frame(**changes):
    return DepthFrame(**{'depth': DEPTH, 'labels': LABELS, 'intrinsics': K, **changes})


def stored(path, **changes):
    np.savez(path, **{'depth': DEPTH, 'seg': LABELS, 'K': K, **changes})
    return path


@pytest.mark.parametrize(
    'labels',
    [
        LABELS.astype(np.uint8),
        LABELS.astype(np.float32),
        LABELS[..., None],
        np.where(LABELS == 0, -1, LABELS),
        np.where(LABELS == 0, -1, LABELS).astype(np.uint32),
        np.where(LABELS == 0, -1, LABELS).astype(np.uint64),
        np.where(LABELS == 0, -1.0, LABELS),
    ],
    ids=['uint8', 'float', 'HW1', '-1', '-1 as uint32', '-1 as uint64', '-1.0'],
)
def test_labels_of_each_kind_are_read(labels):
    made = frame(labels=labels).labels
    assert made.dtype == np.int32
    np.testing.assert_array_equal(made, LABELS)


def test_masks_of_255_are_objects():
    assert set(np.unique(frame(labels=(LABELS > 0).astype(np.uint8) * 255).labels)) == {0, 255}
    assert set(np.unique(frame(labels=LABELS > 0).labels)) == {0, 1}


@pytest.mark.parametrize('kind', [np.uint8, np.uint16])
def test_the_largest_number_is_background_where_all_else_has_a_label(kind):
    nothing = np.where(LABELS > 0, LABELS, np.iinfo(kind).max).astype(kind)
    np.testing.assert_array_equal(frame(labels=nothing).labels, LABELS)
    full = np.full_like(nothing, np.iinfo(kind).max)
    assert (frame(labels=full).labels == np.iinfo(kind).max).all()  # a mask of all


@pytest.mark.parametrize(
    ('labels', 'code', 'words'),
    [
        (np.where(LABELS > 0, 3_000_000_001, 0), ErrorCode.OUT_OF_RANGE, '3000000001'),
        (np.where(LABELS > 0, 2.0**40, 0.0), ErrorCode.OUT_OF_RANGE, '2147483647'),
        (LABELS + 0.5, ErrorCode.WRONG_TYPE, 'whole numbers'),
        (np.where(LABELS > 0, np.nan, 0.0), ErrorCode.WRONG_TYPE, 'NaN'),
        (np.stack([LABELS, LABELS]), ErrorCode.WRONG_SHAPE, 'seg'),
    ],
)
def test_labels_that_fit_nothing_are_refused(labels, code, words):
    with pytest.raises(InputError, match=words) as e:
        frame(labels=labels)
    assert e.value.code == code


@pytest.mark.parametrize('load', [load_scene, lambda path: load_views(path)[0]])
@pytest.mark.parametrize('shape', [(6, 8), (6, 8, 1)])
def test_integers_with_their_scale_are_metres(tmp_path, load, shape):
    depth = np.full(shape, 500, np.uint16)
    made = load(stored(tmp_path / 's.npz', depth=depth, depth_scale=0.001))
    np.testing.assert_allclose(made.depth, 0.5, rtol=1e-6)
    assert made.depth.shape == (6, 8)


def test_a_first_axis_of_one_view_needs_no_pose(tmp_path):
    (made,) = load_views(stored(tmp_path / 's.npz', depth=DEPTH[None], seg=LABELS[None]))
    assert made.depth.shape == (6, 8) and made.T_world_cam is None


@pytest.mark.parametrize(
    ('changes', 'code', 'words'),
    [
        ({'depth': np.ones((6, 8), np.uint16)}, ErrorCode.MISSING_KEY, 'depth_scale'),
        (
            {'depth': np.repeat(DEPTH[..., None], 3, -1)},
            ErrorCode.WRONG_SHAPE,
            r"'depth' has shape \[6, 8, 3\]; expected \[H, W\]",
        ),
        *(
            (
                {'depth': np.ones((6, 8), np.uint16), 'depth_scale': scale},
                ErrorCode.OUT_OF_RANGE,
                'metres for each unit',
            )
            for scale in (0.0, -0.001, 1000.0, np.nan, [0.001, 0.001])
        ),
    ],
)
def test_depth_that_is_no_image_of_metres_is_refused(tmp_path, changes, code, words):
    with pytest.raises(InputError, match=words) as e:
        load_views(stored(tmp_path / 's.npz', **changes))
    assert e.value.code == code
