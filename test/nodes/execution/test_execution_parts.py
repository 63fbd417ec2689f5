"""What an execution is made of: the way to a grasp, tracking, and the state of the joints."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import JointState

from dexgrasp_msgs.msg import Contact, Grasp
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.trajectories import travel_time, turn_angle
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.nodes.execution.approach import approach_poses
from dexgrasp_ros.nodes.execution.joint_feed import JointFeed
from dexgrasp_ros.nodes.execution.motion import FingerMotion, WristMotion
from dexgrasp_ros.nodes.execution.plan import checked_postures

SECOND = 10**9
LEVEL = np.array([0.0, 0, 0, 1])
UP, PALM = np.array([0.0, 0, 0.1]), np.array([1.0, 0, 0])


def pose(x, y, z, turn=LEVEL):
    return np.array([x, y, z, *turn])


def about_z(angle):
    return np.array([0, 0, np.sin(angle / 2), np.cos(angle / 2)])


def approach(start, grasp, pregrasp, **changes):
    """Way to a grasp of something at the origin."""
    options = {'center': np.zeros(3), 'lift': UP, 'palm_axis': PALM, 'distance': 0.1} | changes
    return approach_poses(start, pregrasp, grasp, **options)


def nearest(start, poses):
    """Distance of the way through `poses` to the origin."""
    places = np.concatenate([start[None], poses])[:, :3]
    shares = np.linspace(0, 1, 200)[:, None]
    return min(
        np.linalg.norm(a + shares * (b - a), axis=1).min() for a, b in itertools.pairwise(places)
    )


def test_the_last_stretch_comes_straight_from_behind_the_pregrasp():
    poses = approach(pose(-0.6, 0, 0.2), pose(-0.1, 0, 0), pose(-0.15, 0, 0))
    np.testing.assert_allclose(poses[:, :3], [[-0.25, 0, 0], [-0.15, 0, 0]], atol=1e-12)


def test_a_pregrasp_at_the_grasp_is_come_to_from_between_the_back_of_the_palm_and_up():
    quarter = about_z(np.pi / 2)  # the palm looks along y
    there = pose(0, -0.1, 0, quarter)
    poses = approach(pose(0, -0.5, 0), there, there)
    half = 0.1 * np.sqrt(0.5)
    np.testing.assert_allclose(poses[-2, :3], [0, -0.1 - half, half], atol=1e-12)
    # Without a lift nobody says what is up, and a palm that looks up comes from below.
    poses = approach(pose(0, -0.5, 0), there, there, lift=np.zeros(3))
    np.testing.assert_allclose(poses[-2, :3], [0, -0.2, 0], atol=1e-12)
    below = pose(0, 0, -0.1)
    poses = approach(pose(0, 0, -0.5), below, below, palm_axis=np.array([0.0, 0, 1]))
    np.testing.assert_allclose(poses[-2, :3], [0, 0, -0.2], atol=1e-12)


@pytest.mark.parametrize('side', [0.6, 0.3])
def test_from_the_other_side_the_wrist_goes_over_the_object(side):
    start = pose(side, 0.02, 0, about_z(1.0))
    poses = approach(start, pose(-0.1, 0, 0), pose(-0.15, 0, 0))
    # Up, over, down, and on.
    assert len(poses) == 4
    np.testing.assert_allclose(poses[0, :2], start[:2], atol=1e-12)
    np.testing.assert_allclose(poses[1, :2], [-0.25, 0], atol=1e-12)
    assert poses[0, 2] == pytest.approx(poses[1, 2])
    # Never closer than the pre-grasp, where the open hand is known to be clear.
    assert nearest(start, poses) >= 0.15 - 1e-9
    assert nearest(start, poses[2:]) < 0.05  # as the straight way would be


def test_without_a_lift_the_way_over_goes_backwards():
    start = pose(0.6, 0.02, 0)
    poses = approach(start, pose(-0.1, 0, 0), pose(-0.15, 0, 0), lift=np.zeros(3))
    assert np.isfinite(poses).all()
    np.testing.assert_allclose(poses[-1, :3], [-0.15, 0, 0], atol=1e-12)


def test_turns_and_times_of_a_way():
    a, b = pose(0, 0, 0), pose(0.3, 0.4, 0, -about_z(0.5))  # the same turn with the other sign
    assert turn_angle(a, b) == pytest.approx(0.5)
    assert turn_angle(a, pose(0, 0, 0, about_z(1e-7))) == pytest.approx(1e-7, rel=1e-6)
    assert travel_time(a[None], b, 0.1, 10.0) == pytest.approx(5.0)
    assert travel_time(a[None], b, 10.0, 0.1) == pytest.approx(5.0)
    assert travel_time(np.stack([a, b]), b, 0.1, 10.0) == pytest.approx(5.0)


def test_a_joint_may_be_as_late_as_the_delay_and_not_later():
    motion = FingerMotion(
        starts=np.array([[0.0, 1.0]]), target=np.array([1.0, 0.0]), begin=10, length=2
    )
    # At 11 s, half way; half a second before, a quarter.
    for q, off in (
        ([0.5, 0.5], [0, 0]),
        ([0.25, 0.75], [0, 0]),
        ([0.15, 0.5], [0.1, 0]),
        ([0.5, 0.3], [0, 0.2]),
    ):
        np.testing.assert_allclose(motion.errors(np.array(q), 11.0, 0.5), off, atol=1e-12)
    np.testing.assert_allclose(
        motion.errors(np.array([1.1, 0.0]), 99.0, 0.5), [0.1, 0], atol=1e-12
    )


def test_a_joint_may_start_from_where_it_is_or_from_where_it_was_sent():
    motion = FingerMotion(
        starts=np.array([[0.2], [0.6]]), target=np.array([-0.4]), begin=0, length=1
    )
    for q, off in ((0.6, 0.0), (0.2, 0.0), (0.7, 0.1), (0.1, 0.1)):
        assert motion.errors(np.array([q]), 0.0, 0.0) == pytest.approx([off])
    assert motion.strays(np.array([0.3])) == 0
    assert motion.strays(np.array([-0.5])) == pytest.approx([0.1])


def test_a_wrist_is_where_its_way_leads_it():
    motion = WristMotion(
        starts=pose(0, 0, 0)[None],
        poses=np.stack([pose(0.1, 0, 0), pose(0.1, 0, 0, about_z(1.0))]),
        times=np.array([1.0, 3.0]),
        begin=5.0,
    )
    at = {5.5: pose(0.05, 0, 0), 7.0: pose(0.1, 0, 0, about_z(0.5)), 99.0: motion.poses[-1]}
    for now, place in at.items():
        np.testing.assert_allclose(motion.errors(place, now, 0.0), 0.0, atol=1e-6)
    off = motion.errors(pose(0.1, 0.02, 0, about_z(0.2)), 7.0, 0.0)
    np.testing.assert_allclose(off, [[0.02, 0.3]] * len(off), atol=1e-6)


def state(stamp, effort=(), **positions):
    return JointState(
        header=header('', stamp),
        name=list(positions),
        position=list(positions.values()),
        effort=effort,
    )


def test_a_state_is_put_together_from_messages_with_some_of_the_joints():
    feed = JointFeed(('a', 'b'))
    feed.take(state(10 * SECOND, elbow=3.0, b=2.0))
    assert feed.age(10 * SECOND) == np.inf
    with pytest.raises(DexGraspError, match="'a' never came") as caught:
        feed.read(10 * SECOND, 1.0)
    assert caught.value.code == ErrorCode.STALE_DATA
    feed.take(state(11 * SECOND, effort=[0.5], a=1.0))
    feed.take(state(99 * SECOND, elbow=3.0))
    reading = feed.read(11 * SECOND, 1.0)
    assert reading.positions.tolist() == [1.0, 2.0]
    np.testing.assert_equal(reading.efforts, [0.5, np.nan])
    # The oldest joint counts.
    with pytest.raises(DexGraspError, match=r"'b' is 1\.10 s old"):
        feed.read(11 * SECOND + SECOND // 10, 1.0)


def test_where_no_state_has_come_the_reason_is_told():
    feed = JointFeed(('a',), lambda: 'Nobody publishes it.')
    with pytest.raises(DexGraspError, match=r'never came.*Nobody publishes it\.'):
        feed.read(10 * SECOND, 1.0)


def test_a_state_from_the_future_is_as_good_as_an_old_one():
    feed = JointFeed(('a', 'b'))
    feed.take(state(10 * SECOND, a=1.0))
    feed.take(state(600 * SECOND, b=2.0))
    assert feed.age(11 * SECOND) == -589.0
    with pytest.raises(DexGraspError, match=r"'b' is 589\.00 s ahead") as caught:
        feed.read(11 * SECOND, 2.0)
    assert caught.value.code == ErrorCode.STALE_DATA


def test_a_position_that_is_no_number_leaves_the_one_before():
    feed = JointFeed(('a',))
    feed.take(state(1 * SECOND, a=1.0))
    feed.take(state(2 * SECOND, a=float('nan')))
    assert feed.age(3 * SECOND) == 2.0
    assert feed.read(3 * SECOND, 5.0).positions == [1.0]


def test_contacts_without_an_end_are_counted_and_not_looked_at():
    endless = Grasp(contacts=[Contact(link='x' * 300)] * 1001)
    with pytest.raises(DexGraspError, match='1001 contacts; expected at most 1000') as info:
        checked_postures(endless, None)
    assert info.value.code == ErrorCode.INVALID_COMMAND
