"""What a lens did is taken back: the oracle is a view of one scene without the lens."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

from box_view import LENSES, SIZE, K, Lens, view_of_box

from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.clouds import cloud_frame
from dexgrasp_ros.bridge.geometry import cloud_message, header
from dexgrasp_ros.bridge.images import depth_message, label_message
from dexgrasp_ros.bridge.intrinsics import camera_info_message
from dexgrasp_ros.bridge.rectification import rectification
from dexgrasp_ros.core.errors import ErrorCode, InputError

HEAD = header('camera', 7)


def info_of(lens: Lens, shape=SIZE, **changes):
    message = camera_info_message(K, shape, HEAD)
    message.distortion_model, message.d = lens.model, list(lens.coefficients)
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@pytest.fixture(scope='module')
def ideal():
    return view_of_box()


@pytest.fixture(scope='module', params=LENSES.values(), ids=LENSES.keys())
def lens(request):
    return request.param


@pytest.fixture(scope='module')
def bent(lens):
    """What the lens shows."""
    return view_of_box(rays=lens.rays())


def frame_of(view, lens, **options):
    return depth_frame(
        depth_message(view['depth'], HEAD),
        info_of(lens),
        label_message(view['seg'], HEAD),
        **options,
    )


def agreement(found, expected, pixels=1.0):
    """Share of pixels whose depth is that of the other image up to so many pixels beside it."""
    both = (found > 0) & (expected > 0)
    slope = np.hypot(*np.gradient(expected))
    return (np.abs(found - expected) <= pixels * slope + 1e-5)[both].mean()


def test_a_rectified_frame_is_what_a_camera_without_the_lens_sees(ideal, bent, lens):
    frame = frame_of(bent, lens)
    np.testing.assert_array_equal(frame.intrinsics, K)
    shown = frame.depth > 0
    assert shown[60:180, 80:240].all() and shown.mean() > 0.75
    assert agreement(frame.depth, ideal['depth']) > 0.998
    assert (frame.labels == ideal['seg'])[shown].mean() > 0.997
    # As it came it is not.
    assert agreement(bent['depth'], ideal['depth']) < 0.9
    assert not frame.labels[~shown].any()


def test_labels_of_the_rectified_image_go_back_to_the_one_that_came(ideal, bent, lens):
    way = rectification(info_of(lens), SIZE)
    again = way.distorted(way.rectified(bent['seg']))
    assert (again != bent['seg']).sum() < 0.15 * (bent['seg'] > 0).sum() ** 0.5 * 4
    colors = np.dstack([bent['seg'].astype(np.uint8)] * 3)
    np.testing.assert_array_equal(way.rectified(colors)[..., 1], way.rectified(bent['seg']))
    v, u = np.nonzero(bent['seg'])
    box = way.rectified_box((int(u.min()), int(v.min()), int(np.ptp(u)) + 1, int(np.ptp(v)) + 1))
    v, u = np.nonzero(ideal['seg'])
    about = np.array([u.min(), v.min(), np.ptp(u) + 1, np.ptp(v) + 1])
    # A box about a bent shape is larger than one about the shape.
    assert np.abs(np.array(box) - about).max() <= 8


def test_a_new_projection_matrix_is_the_rectified_camera(ideal, lens, bent):
    """As calibration gives it: a smaller image of the scene, so that all of it is seen."""
    info = info_of(lens)
    P = np.zeros((3, 4))
    P[:, :3] = K * [[0.8], [0.8], [1]]
    P[:2, 2] = K[:2, 2]
    info.p = P.ravel()
    frame = depth_frame(depth_message(bent['depth'], HEAD), info, None)
    np.testing.assert_array_equal(frame.intrinsics, P[:, :3])
    v, u = np.indices(SIZE)
    rays = np.stack([(u - P[0, 2]) / P[0, 0], (v - P[1, 2]) / P[1, 1], np.ones(SIZE)], -1)
    assert agreement(frame.depth, view_of_box(rays=rays)['depth'], 1.5) > 0.998


def test_a_cropped_image_is_rectified_about_the_same_axis(ideal, lens, bent):
    info = info_of(lens)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 40, 30, 240, 180
    part = depth_message(np.ascontiguousarray(bent['depth'][30:210, 40:280]), HEAD)
    frame = depth_frame(part, info, None)
    assert agreement(frame.depth, ideal['depth'][30:210, 40:280]) > 0.998


def test_an_organised_cloud_is_rectified_as_its_image_is(ideal, bent, lens):
    points = lens.rays() * np.where(bent['depth'] > 0, bent['depth'], np.nan)[..., None]
    cloud = cloud_message(points.reshape(-1, 3), HEAD)
    height, width = SIZE
    cloud.height, cloud.width, cloud.row_step = height, width, 12 * width
    labels = label_message(bent['seg'], HEAD)
    frame = cloud_frame(cloud, info_of(lens), labels)
    expected = frame_of(bent, lens)
    np.testing.assert_allclose(frame.depth, expected.depth, rtol=1e-6)
    np.testing.assert_array_equal(frame.labels, expected.labels)
    # One row of points needs no rectification, its labels do.
    cloud.height, cloud.width, cloud.row_step = 1, height * width, 12 * height * width
    row = cloud_frame(cloud, info_of(lens), labels)
    np.testing.assert_array_equal(row.labels, expected.labels)
    assert agreement(row.depth, ideal['depth']) > 0.99


@pytest.mark.parametrize('changes', [{'d': []}, {'d': [0.0] * 8}, {'distortion_model': 'unheard'}])
def test_an_image_without_distortion_stays_as_it_is(ideal, changes):
    straight = info_of(Lens('plumb_bob', (0.0,) * 5), **changes)
    assert rectification(straight, SIZE) is None
    frame = depth_frame(depth_message(ideal['depth'], HEAD), straight, None)
    np.testing.assert_array_equal(frame.depth, ideal['depth'])


def test_who_says_that_images_are_rectified_is_believed(ideal):
    lens = LENSES['plumb_bob']
    assert rectification(info_of(lens), SIZE, assume_rectified=True) is None
    frame = frame_of(ideal, lens, assume_rectified=True)
    np.testing.assert_array_equal(frame.depth, ideal['depth'])


def test_nothing_is_shown_twice_where_a_polynomial_turns_back():
    """r (1 - 1.2 r²) is largest at r = 0.527, well inside of the corners of the image."""
    way = rectification(info_of(Lens('plumb_bob', (-1.2, 0.0, 0.0, 0.0))), SIZE)
    v, u = np.indices(SIZE)
    r = np.hypot((u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1])
    assert (way.source[r < 0.51] >= 0).all() and (way.source[r > 0.54] < 0).all()


TURNED = [0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ('changes', 'code', 'words'),
    [
        ({'distortion_model': 'ftheta'}, ErrorCode.INVALID_INPUT, "'equidistant', 'plumb_bob'"),
        ({'distortion_model': ''}, ErrorCode.INVALID_INPUT, 'assume_rectified'),
        ({'d': [0.1] * 16}, ErrorCode.INVALID_INPUT, '16 coefficients'),
        (
            {'distortion_model': 'equidistant', 'd': [0.1] * 8},
            ErrorCode.INVALID_INPUT,
            'expected 4',
        ),
        ({'d': [float('nan')] * 5}, ErrorCode.INVALID_INPUT, 'finite'),
        ({'r': TURNED}, ErrorCode.INVALID_INPUT, 'rotation R'),
        ({'k': [0.0] * 9}, ErrorCode.OUT_OF_RANGE, 'calibrated'),
        ({'width': 333}, ErrorCode.WRONG_SHAPE, '333'),
    ],
)
def test_a_lens_that_is_not_understood_is_refused(changes, code, words):
    with pytest.raises(InputError, match=words) as caught:
        rectification(info_of(LENSES['plumb_bob'], **changes), SIZE)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ('model', 'given'),
    [('plumb_bob', 2), ('rational_polynomial', 7), ('equidistant', 3), ('equidistant', 8)],
)
def test_coefficients_that_are_left_out_or_filled_up_are_zero(model, given):
    few = (0.05, 0.01)
    whole = rectification(info_of(Lens(model, (*few, 0.0, 0.0))), SIZE)
    other = rectification(info_of(Lens(model, (*few, *[0.0] * (given - 2)))), SIZE)
    np.testing.assert_array_equal(whole.source, other.source)


def test_a_box_outside_of_what_is_rectified_is_refused():
    way = rectification(info_of(LENSES['plumb_bob']), SIZE)
    with pytest.raises(InputError, match='no pixel'):
        way.rectified_box((400, 10, 20, 20))


@pytest.mark.parametrize('shape', [(1, 320), (240, 1)])
def test_an_image_of_one_row_or_column_is_refused(lens, shape):
    with pytest.raises(InputError, match='at least two each way') as caught:
        rectification(info_of(lens), shape)
    assert caught.value.code == ErrorCode.WRONG_SHAPE
