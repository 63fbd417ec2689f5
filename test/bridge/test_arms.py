"""Flange poses and arm postures in messages."""

import numpy as np
import pytest

pytest.importorskip('rclpy')

from scipy.spatial.transform import Rotation

from dexgrasp_ros.bridge.arms import add_arm_postures, add_flange
from dexgrasp_ros.bridge.geometry import header, pose_array
from dexgrasp_ros.bridge.grasps import grasp_messages
from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import attach, find_arm, load_hand_text

OFFSET = np.array([0.02, 0.01, 0.05, *Rotation.from_euler('xyz', [0.2, 0.4, 0.8]).as_quat()])
ARM = find_resource('urdf/arms/simple_arm.urdf')
FIELDS = {'pose': 'flange_pose', 'pregrasp_pose': 'flange_pregrasp_pose'}
FIELDS['lift_pose'] = 'flange_lift_pose'


@pytest.fixture(scope='module')
def arm():
    return find_arm(load_hand_text(attach(ARM, 'barrett', flange='flange', origin=OFFSET)))


@pytest.fixture
def grasps(grasp_set):
    pose = np.array([0.0, 0, 1, *Rotation.from_euler('x', 1.0).as_quat()])
    head = header('arm_base', 7)
    lift = np.array([0, 0, 0.1])
    return grasp_messages(grasp_set, pose, header=head, object_id='o', label=3, lift=lift)


def test_the_flange_with_the_offset_is_the_hand(grasps, arm):
    assert grasps[0].flange_frame == ''
    add_flange(grasps, arm)
    for grasp in grasps:
        assert grasp.flange_frame == 'flange'
        for field, flange_field in FIELDS.items():
            back = compose(pose_array(getattr(grasp, flange_field)), OFFSET)
            hand = pose_array(getattr(grasp, field))
            np.testing.assert_allclose(pose_to_matrix(back), pose_to_matrix(hand), atol=1e-9)


def test_postures_come_with_the_names_of_their_joints(grasps, arm):
    q = np.arange(7) / 10
    add_arm_postures(grasps, arm, [(q, q + 1), None])
    assert list(grasps[0].arm_joint_names) == [f'arm_joint_{i}' for i in range(1, 8)]
    assert list(grasps[0].arm_pregrasp) == q.tolist()
    assert list(grasps[0].arm_grasp) == (q + 1).tolist()
    assert not grasps[1].arm_joint_names and not grasps[1].arm_grasp


def test_no_grasps_are_no_trouble(arm):
    add_flange([], arm)
    add_arm_postures([], arm, [])
