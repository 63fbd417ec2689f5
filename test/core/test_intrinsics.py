"""Matrices that are saved in place of intrinsics: refused, or warned of with what helps."""

import numpy as np
import pytest

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.intrinsics import check_intrinsics, intrinsics_doubts

SHAPE = (480, 640)
K = np.array([[600.0, 0.0, 319.5], [0.0, 600.0, 239.5], [0.0, 0.0, 1.0]])


def changed(places):
    made = K.copy()
    for place, value in places.items():
        made[place] = value
    return made


def scaled(x, y=None):
    return np.diag([x, x if y is None else y, 1.0]) @ K


@pytest.mark.parametrize(
    ('matrix', 'code', 'words'),
    [
        (K.T, ErrorCode.INVALID_INPUT, 'transposed'),
        (changed({(2, 2): 0.0}), ErrorCode.INVALID_INPUT, r'expected \[\[fx, 0, cx\]'),
        (2.0 * K, ErrorCode.INVALID_INPUT, 'expected'),
        (changed({(0, 1): 60.0}), ErrorCode.INVALID_INPUT, 'expected'),
        (scaled(1 / 640, 1 / 480), ErrorCode.OUT_OF_RANGE, 'normalised: multiply its first row'),
        (changed({(1, 1): -600.0}), ErrorCode.OUT_OF_RANGE, 'positive'),
        (changed({(0, 0): np.nan}), ErrorCode.OUT_OF_RANGE, 'finite'),
        (changed({(0, 2): np.inf}), ErrorCode.OUT_OF_RANGE, 'finite'),
        (changed({(0, 0): 0.01, (1, 1): 0.01}), ErrorCode.OUT_OF_RANGE, '90° off the axis'),
        (changed({(0, 0): 1e300, (1, 1): 1e300}), ErrorCode.OUT_OF_RANGE, 'focal lengths 1e'),
        (changed({(0, 2): -1e9}), ErrorCode.OUT_OF_RANGE, 'Is it of this image'),
    ],
)
def test_what_cannot_be_intrinsics_is_refused(matrix, code, words):
    with pytest.raises(InputError, match=words) as e:
        check_intrinsics(matrix, SHAPE)
    assert e.value.code == code


@pytest.mark.parametrize(
    ('matrix', 'words'),
    [
        (scaled(2.0), 'of an image of 1280 × 960: multiply its first two rows by 0.5'),
        (scaled(0.5), 'of an image of 320 × 240: multiply its first two rows by 2'),
        (scaled(1.5), 'of an image of 959 × 720: multiply'),
        (changed({(0, 2): 0.0, (1, 2): 0.0}), 'seems to have none: (319.5, 239.5) is usual'),
        (changed({(0, 2): 239.5, (1, 2): 319.5}), 'cx and cy seem to be swapped'),
        (
            changed({(0, 0): 319.5, (1, 1): 239.5, (0, 2): 600.0, (1, 2): 600.0}),
            'focal lengths and principal point seem to be swapped',
        ),
        (changed({(0, 0): 6000.0, (1, 1): 6000.0}), 'unusual'),
        (changed({(0, 0): 100.0, (1, 1): 100.0}), 'unusual'),
        (changed({(1, 1): 1200.0}), '2 times as long as wide'),
    ],
)
def test_what_this_image_hardly_has_is_warned_of(matrix, words):
    check_intrinsics(matrix, SHAPE)
    (warning,) = intrinsics_doubts(matrix, SHAPE)
    assert words in warning


@pytest.mark.parametrize(
    'matrix',
    [
        K,
        changed({(0, 2): 310.3, (1, 2): 236.6}),  # calibrated
        changed({(0, 0): 1066.8, (1, 1): 1067.5}),
        changed({(0, 1): 1e-9}),
    ],
)
def test_true_intrinsics_pass(matrix):
    check_intrinsics(matrix, SHAPE)
    assert intrinsics_doubts(matrix, SHAPE) == []
