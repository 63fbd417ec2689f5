import numpy as np
import pytest

pytest.importorskip('rclpy')

from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from dexgrasp_ros.bridge.geometry import header, pose_array
from dexgrasp_ros.bridge.grasps import (
    duration,
    grasp_messages,
    grasp_poses,
    joint_targets,
    joint_trajectory,
    lift_displacement,
    merged,
    wrist_trajectory,
)
from dexgrasp_ros.core.errors import CommandError
from dexgrasp_ros.core.poses import compose, transform_points

# The object stands one metre before the camera, upside down.
OBJECT = np.array([0.0, 0, 1, *Rotation.from_euler('x', 180, degrees=True).as_quat()])


@pytest.fixture
def grasps(grasp_set):
    return grasp_messages(
        grasp_set,
        OBJECT,
        header=header('camera', 7),
        object_id='object_3',
        label=3,
        lift=np.array([0, 0, 0.1]),
    )


def seconds(message):
    return message.sec + message.nanosec / 1e9


def vector(message):
    return [message.x, message.y, message.z]


def test_poses_and_contacts_are_in_the_frame_of_the_header(grasp_set, grasps):
    for i, grasp in enumerate(grasps):
        pose = compose(OBJECT, grasp_set.base_pose[i])
        np.testing.assert_allclose(pose_array(grasp.pose), pose, atol=1e-12)
        np.testing.assert_allclose(
            pose_array(grasp.pregrasp_pose), compose(OBJECT, grasp_set.pregrasp_base_pose[i])
        )
        np.testing.assert_allclose(
            pose_array(grasp.lift_pose)[:3] - pose[:3], [0, 0, 0.1], atol=1e-12
        )
        np.testing.assert_allclose(pose_array(grasp.lift_pose)[3:], pose[3:])
    first = grasps[0].contacts[0]
    point = transform_points(OBJECT, grasp_set.contact_points[0, :1])[0]
    np.testing.assert_allclose(vector(first.point), point, atol=1e-12)
    np.testing.assert_allclose(vector(first.normal), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(vector(first.force), [0, 9, 0], atol=1e-12)


def test_padding_is_no_contact(grasps):
    assert [c.link for c in grasps[0].contacts] == ['finger', 'thumb']
    assert [c.link for c in grasps[1].contacts] == ['thumb']


def test_joints_go_out_with_their_names(grasps):
    grasp = grasps[0]
    assert (grasp.object_label, grasp.object_id, grasp.hand_frame) == (3, 'object_3', 'palm')
    assert list(grasp.joint_names) == ['left', 'right']
    target = joint_targets(grasp)
    assert dict(zip(target.name, target.position, strict=True)) == {'left': 0.5, 'right': 1.0}
    assert list(grasp.squeeze) == [0.6, 1.2]
    assert np.isnan(grasp.quality.epsilon)


def test_merging_sorts_by_score_and_an_empty_list_stays_a_message(grasps):
    array = merged(Header(frame_id='camera'), grasps[::-1])
    assert [g.quality.score for g in array.grasps] == [0.9, 0.8]
    assert [p.position.x for p in grasp_poses(array).poses] == [0.1, 0.0]
    assert grasp_poses(merged(Header(), [])).poses == []


def test_a_trajectory_is_as_fast_as_its_slowest_joint(grasps):
    trajectory = joint_trajectory(
        grasps[0], np.array([1.0, 0.0]), {'left': 2.0, 'right': 1.0}, header=Header()
    )
    assert list(trajectory.joint_names) == ['left', 'right']
    # 1 rad at 2 rad/s; then 1 rad at 1 rad/s against 0.5 at 2; then 0.2 at 1 against 0.1 at 2.
    times = [seconds(p.time_from_start) for p in trajectory.points]
    np.testing.assert_allclose(times, [0.5, 1.5, 1.7])
    slow = joint_trajectory(
        grasps[0],
        np.array([1.0, 0.0]),
        {'left': 2.0, 'right': 1.0},
        header=Header(),
        speed_scale=0.5,
    )
    np.testing.assert_allclose([seconds(p.time_from_start) for p in slow.points], [1, 3, 3.4])


@pytest.mark.parametrize('limits', [{'left': 1.0}, {'left': 1.0, 'right': 0.0}])
def test_a_joint_without_a_velocity_limit_does_not_move(grasps, limits):
    with pytest.raises(CommandError, match='right'):
        joint_trajectory(grasps[0], np.zeros(2), limits, header=Header())


def test_a_posture_of_nan_does_not_move(grasps):
    with pytest.raises(CommandError):
        joint_trajectory(
            grasps[0], np.array([np.nan, 0]), {'left': 1.0, 'right': 1.0}, header=Header()
        )


def test_the_wrist_goes_by_pregrasp_and_grasp_to_the_lift(grasps):
    trajectory = wrist_trajectory(grasps[0], linear_speed=0.1, angular_speed=1.0)
    assert list(trajectory.joint_names) == ['palm']
    times = [seconds(p.time_from_start) for p in trajectory.points]
    np.testing.assert_allclose(times, [0, 0.5, 1.5], atol=1e-8)  # 5 cm, then 10 cm
    end = trajectory.points[-1].transforms[0]
    np.testing.assert_allclose(pose_array(end), pose_array(grasps[0].lift_pose))


def test_the_lift_leaves_the_plane_or_goes_up():
    tilted = np.array([0, 0.6, 0.8, 0.3])
    np.testing.assert_allclose(lift_displacement('camera', tilted, 0.1), [0, 0.06, 0.08])
    np.testing.assert_allclose(lift_displacement('world', None, 0.1), [0, 0, 0.1])
    np.testing.assert_allclose(lift_displacement('a_optical_frame', None, 0.1), [0, -0.1, 0])


def test_durations_are_never_cut_short_nor_overflow():
    assert (duration(1.9999999999).sec, duration(1.9999999999).nanosec) == (2, 0)
    assert (duration(0.25).sec, duration(0.25).nanosec) == (0, 250_000_000)
