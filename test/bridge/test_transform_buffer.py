import threading

import numpy as np
import pytest

pytest.importorskip('rclpy')

from scipy.spatial.transform import Rotation

from dexgrasp_ros.bridge import transform_buffer
from dexgrasp_ros.bridge.transform_buffer import TransformBuffer
from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.core.poses import pose_to_matrix

SECOND = 1_000_000_000


def pose(x=0.0, y=0.0, z=0.0, yaw=0.0):
    return np.array([x, y, z, *Rotation.from_euler('z', yaw).as_quat()])


def robot():
    """World → base → camera, and world → table; the base moves and turns from 1 s to 2 s."""
    buffer = TransformBuffer()
    buffer.add('world', 'base', SECOND, pose(0, 0, 0, 0), fixed=False)
    buffer.add('world', 'base', 2 * SECOND, pose(2, 0, 0, np.pi / 2), fixed=False)
    buffer.add('base', 'camera', 0, pose(1, 0, 0.5), fixed=True)
    buffer.add('world', 'table', 0, pose(5, 0, 0), fixed=True)
    return buffer


def test_a_chain_is_composed_and_interpolated():
    found = robot().lookup('world', 'camera', 1_500_000_000)
    c = np.cos(np.pi / 4)
    np.testing.assert_allclose(found[:3], [1 + c, c, 0.5], atol=1e-12)
    np.testing.assert_allclose(Rotation.from_quat(found[3:]).magnitude(), np.pi / 4)


def test_siblings_meet_at_their_common_parent_and_the_way_back_is_the_inverse():
    buffer = robot()
    there = buffer.lookup('table', 'camera', SECOND)
    back = buffer.lookup('camera', 'table', SECOND)
    np.testing.assert_allclose(there[:3], [-4, 0, 0.5], atol=1e-12)
    np.testing.assert_allclose(pose_to_matrix(there) @ pose_to_matrix(back), np.eye(4), atol=1e-12)


def test_a_frame_in_itself_is_at_the_origin_even_when_nobody_knows_it():
    np.testing.assert_allclose(
        TransformBuffer().lookup('camera', 'camera', 7), [0, 0, 0, 0, 0, 0, 1]
    )


def test_stamp_zero_is_the_newest_and_fixed_transforms_hold_for_ever():
    buffer = robot()
    np.testing.assert_allclose(buffer.lookup('world', 'base', 0)[:3], [2, 0, 0], atol=1e-12)
    assert buffer.lookup('world', 'table', 900 * SECOND)[0] == 5


def test_the_newest_transform_comes_with_its_stamp():
    buffer = robot()
    found, stamp = buffer.newest('table', 'camera')
    assert stamp == 2 * SECOND
    np.testing.assert_array_equal(found, buffer.lookup('table', 'camera', stamp))
    assert buffer.newest('world', 'table')[1] == 0  # for ever
    with pytest.raises(PerceptionError) as caught:
        buffer.newest('world', 'moon')
    assert caught.value.code == ErrorCode.TRANSFORM_UNAVAILABLE


@pytest.mark.parametrize(
    ('target', 'source', 'stamp', 'words'),
    [
        ('world', 'camera', 3 * SECOND, ['world', 'camera', '3.000000000', '2.000000000']),
        ('world', 'camera', SECOND // 2, ['0.500000000', '1.000000000']),
        ('world', 'gripper', SECOND, ['gripper', "'table'"]),
    ],
)
def test_a_failure_names_both_frames_the_stamp_and_what_there_is(target, source, stamp, words):
    with pytest.raises(PerceptionError) as caught:
        robot().lookup(target, source, stamp)
    assert caught.value.code == ErrorCode.TRANSFORM_UNAVAILABLE
    for word in words:
        assert word in str(caught.value)


def test_a_failure_does_not_repeat_names_without_end():
    with pytest.raises(PerceptionError) as caught:
        robot().lookup('world', 'a' * 100_000, SECOND)
    assert len(str(caught.value)) < 1000


def test_a_lookup_waits_for_the_transform_that_comes():
    buffer = robot()
    later = threading.Timer(
        0.1, lambda: buffer.add('world', 'base', 3 * SECOND, pose(4), fixed=False)
    )
    later.start()
    assert buffer.lookup('world', 'base', 3 * SECOND, timeout=30)[0] == 4
    later.join()


def test_a_waiting_lookup_can_be_stopped():
    with pytest.raises(PerceptionError):
        robot().lookup('world', 'base', 9 * SECOND, timeout=1e6, should_stop=lambda: True)


def test_old_poses_are_forgotten_and_a_clock_that_starts_anew_is_followed():
    buffer = TransformBuffer(history=1.0)
    for s in range(10):
        buffer.add('a', 'b', s * SECOND, pose(s), fixed=False)
    with pytest.raises(PerceptionError):
        buffer.lookup('a', 'b', 5 * SECOND)
    buffer.add('a', 'b', SECOND, pose(-1), fixed=False)
    assert buffer.lookup('a', 'b', 0)[0] == -1


def test_a_loop_of_frames_ends():
    buffer = TransformBuffer()
    buffer.add('a', 'b', 0, pose(1), fixed=True)
    buffer.add('b', 'a', 0, pose(1), fixed=True)
    with pytest.raises(PerceptionError):
        buffer.lookup('c', 'a', 0)


def test_frames_without_an_end_are_refused_and_those_that_are_there_move_on(monkeypatch):
    monkeypatch.setattr(transform_buffer, '_MOST_FRAMES', 100)
    buffer = TransformBuffer()
    for i in range(100):
        buffer.add(f'{i + 1}', f'{i}', 0, pose(x=1.0), fixed=True)  # one long chain
    with pytest.raises(InputError, match='100 frames already') as info:
        buffer.add('0', 'more', 0, pose(), fixed=True)
    assert info.value.code == ErrorCode.OUT_OF_RANGE
    buffer.add('1', '0', 0, pose(x=3.0), fixed=True)
    assert buffer.lookup('2', '0', 0)[0] == 4.0
