"""The YAML of the cameras: what it may say, and what is said of what it may not."""

import math

import numpy as np
import pytest

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.dataset.render import CameraSettings, read_camera_settings


def read(tmp_path, text, **changes):
    path = tmp_path / 'cameras.yaml'
    path.write_text(text)
    return read_camera_settings(path, **changes)


def test_the_document_of_the_package_has_the_defaults():
    import yaml

    path = find_resource('config/dataset_cameras.yaml')
    assert read_camera_settings(path) == CameraSettings()
    assert set(yaml.safe_load(path.read_text())) == set(CameraSettings().as_dict())


def test_an_empty_document_and_changes(tmp_path):
    assert read(tmp_path, '') == CameraSettings()
    assert read(tmp_path, 'views: 3\nrig: stereo', views=5).views == 5
    assert read(tmp_path, 'rig: stereo').eyes == ('left', 'right')


def test_intrinsics_come_from_either(tmp_path):
    wide = read(tmp_path, 'width: 200\nheight: 100\nhorizontal_fov: 1.2\nvertical_fov: 0.8')
    fx, fy = 100 / math.tan(0.6), 50 / math.tan(0.4)
    np.testing.assert_allclose(wide.intrinsics, [[fx, 0, 99.5], [0, fy, 49.5], [0, 0, 1]])
    square = read(tmp_path, 'horizontal_fov: 1.2').intrinsics
    assert square[0, 0] == square[1, 1] == pytest.approx(320 / math.tan(0.6))
    given = read(tmp_path, 'K: [500, 0, 310, 0, 510, 230, 0, 0, 1]').intrinsics
    np.testing.assert_array_equal(given, [[500, 0, 310], [0, 510, 230], [0, 0, 1]])


@pytest.mark.parametrize(
    ('text', 'code', 'words'),
    [
        ('views: [', ErrorCode.INVALID_INPUT, ('YAML',)),
        ('- views', ErrorCode.WRONG_TYPE, ('views', 'names with values')),
        ('view: 3', ErrorCode.MISSING_KEY, ("'view'", "'views'", "'width'")),
        ('views: many', ErrorCode.WRONG_TYPE, ("'views'", "'many'", 'whole number')),
        ('views: 2.5', ErrorCode.WRONG_TYPE, ("'views'", '2.5')),
        ('views: true', ErrorCode.WRONG_TYPE, ("'views'", 'True')),
        ('views: 0', ErrorCode.OUT_OF_RANGE, ("'views'", '0', '1 to')),
        ('horizontal_fov: .nan', ErrorCode.WRONG_TYPE, ("'horizontal_fov'", 'nan')),
        ('vertical_fov: 4', ErrorCode.OUT_OF_RANGE, ("'vertical_fov'", '4', 'rad')),
        ('rig: triple', ErrorCode.INVALID_INPUT, ("'triple'", "'mono'", "'stereo'")),
        ('rig: 3', ErrorCode.WRONG_TYPE, ("'rig'", '3')),
        ('noise: lots', ErrorCode.INVALID_INPUT, ("'lots'", "'kinect_v1'", "'none'")),
        ('appearance: day', ErrorCode.INVALID_INPUT, ("'day'", "'scene'", "'view'")),
        ('radius: 0.5', ErrorCode.WRONG_TYPE, ("'radius'", '0.5', 'two numbers')),
        ('radius: [0.9, 0.5]', ErrorCode.OUT_OF_RANGE, ("'radius'", '[0.9, 0.5]', '1.5 [m]')),
        ('elevation: [0.5, 2]', ErrorCode.OUT_OF_RANGE, ("'elevation'", '1.571')),
        ('baseline: 0', ErrorCode.OUT_OF_RANGE, ("'baseline'", '0.5')),
        ('K: [1, 2, 3]', ErrorCode.WRONG_TYPE, ("'K'", 'nine numbers')),
        ('K: [500, 1, 3, 0, 500, 2, 0, 0, 1]', ErrorCode.OUT_OF_RANGE, ("'K'", 'fx')),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_the_choices(tmp_path, text, code, words):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert caught.value.code == code
    for word in ('cameras.yaml', *words):
        assert word in str(caught.value)


def test_a_missing_document(tmp_path):
    with pytest.raises(InputError, match='nowhere') as caught:
        read_camera_settings(tmp_path / 'nowhere.yaml')
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND
