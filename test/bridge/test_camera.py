import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from dexgrasp_ros.bridge.camera import check_same_camera, depth_frame
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.images import depth_message, label_message
from dexgrasp_ros.bridge.intrinsics import camera_info_message, rectified_intrinsics
from dexgrasp_ros.core.errors import ErrorCode, InputError

K = np.array([[525.0, 0, 319.5], [0, 520.0, 239.5], [0, 0, 1]])


def info(**changes) -> CameraInfo:
    message = camera_info_message(K, (480, 640), Header())
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_the_same_size_gives_the_same_numbers():
    np.testing.assert_allclose(rectified_intrinsics(info(), (480, 640)), K)


def test_the_projection_matrix_wins_and_k_stands_in_for_it():
    P = np.zeros((3, 4))
    P[:, :3] = K * 1.1
    P[2, 2] = 1
    np.testing.assert_allclose(rectified_intrinsics(info(p=P.ravel()), (480, 640)), P[:, :3])
    np.testing.assert_allclose(rectified_intrinsics(info(p=np.zeros(12)), (480, 640)), K)


@pytest.mark.parametrize('changes', [{}, {'binning_x': 2, 'binning_y': 2}])
def test_binning_is_scaled_whether_the_message_says_so_or_not(changes):
    expected = K / 2
    expected[2, 2] = 1
    np.testing.assert_allclose(rectified_intrinsics(info(**changes), (240, 320)), expected)


def test_a_region_of_interest_moves_the_centre():
    message = info()
    message.roi.x_offset, message.roi.y_offset = 100, 50
    message.roi.width, message.roi.height = 200, 160
    expected = K.copy()
    expected[0, 2] -= 100
    expected[1, 2] -= 50
    np.testing.assert_allclose(rectified_intrinsics(message, (160, 200)), expected)


@pytest.mark.parametrize('shape', [(480, 320), (200, 320), (960, 1280), (479, 640)])
def test_any_other_size_is_refused(shape):
    with pytest.raises(InputError) as caught:
        rectified_intrinsics(info(), shape)
    assert caught.value.code == ErrorCode.WRONG_SHAPE


def test_an_uncalibrated_camera_is_refused():
    with pytest.raises(InputError, match='calibrated') as caught:
        rectified_intrinsics(CameraInfo(width=640, height=480), (480, 640))
    assert caught.value.code == ErrorCode.OUT_OF_RANGE


def test_a_frame_has_all_three_messages_and_the_stamp_of_the_depth():
    head = header('camera', 12_000_000_034)
    depth = np.full((480, 640), 0.7, np.float32)
    labels = np.zeros((240, 320), np.int32)
    labels[100:, 100:] = 4
    frame = depth_frame(
        depth_message(depth, head), info(), label_message(labels, Header()), max_depth=2.0
    )
    assert (frame.frame_id, frame.stamp) == ('camera', 12_000_000_034)
    np.testing.assert_allclose(frame.depth, 0.7)
    np.testing.assert_allclose(frame.intrinsics, K)
    assert frame.labels.shape == (480, 640)
    assert (frame.labels == 4).sum() == 4 * (labels == 4).sum()


def test_names_of_frames_are_repeated_in_part():
    with pytest.raises(InputError) as e:
        check_same_camera('camera_info', 'a' * 5000, 'b' * 5000)
    assert 'a' * 201 not in str(e.value) and 'b' * 201 not in str(e.value)


@pytest.mark.parametrize('which', ['info', 'labels'])
@pytest.mark.parametrize('frame_id', ['other', '/camera', 'camera', ''])
def test_messages_of_two_cameras_are_refused(which, frame_id):
    """Of equal size, labels on depth that is not aligned to them would only be a little wrong."""
    head = header('camera', 5)
    depth = depth_message(np.full((480, 640), 0.7, np.float32), head)
    labels = label_message(np.zeros((480, 640), np.int32), head)
    about = info(header=head)
    (about if which == 'info' else labels).header = header(frame_id, 5)
    if frame_id == 'other':
        with pytest.raises(InputError, match=r"'other'.*'camera'.*assume_aligned") as caught:
            depth_frame(depth, about, labels)
        assert caught.value.code == ErrorCode.INVALID_INPUT
    assert depth_frame(depth, about, labels, assume_aligned=True).frame_id == 'camera'
    if frame_id != 'other':
        assert depth_frame(depth, about, labels).frame_id == 'camera'


def test_labels_of_a_larger_colour_image_point_to_aligned_depth():
    depth = depth_message(np.full((480, 640), 0.7, np.float32), header('camera', 5))
    labels = label_message(np.zeros((720, 1280), np.int32), Header())
    with pytest.raises(InputError, match='aligned') as caught:
        depth_frame(depth, info(), labels)
    assert caught.value.code == ErrorCode.WRONG_SHAPE
