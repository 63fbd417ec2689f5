"""Grasp messages become the arrays that they were made from."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip('rclpy')

from scipy.spatial.transform import Rotation

from dexgrasp_msgs.msg import Contact
from dexgrasp_ros.bridge.geometry import header
from dexgrasp_ros.bridge.grasp_arrays import grasp_set as arrays_of
from dexgrasp_ros.bridge.grasps import grasp_messages
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.poses import invert
from dexgrasp_ros.hand import load_hand_text

BAR = """<link name="{0}"><collision><origin xyz="0 0 0.04"/>
    <geometry><box size="0.01 0.01 0.08"/></geometry></collision></link>
  <joint name="{1}" type="revolute"><parent link="palm"/><child link="{0}"/>
    <origin xyz="0 {2} 0.01"/><axis xyz="1 0 0"/>
    <limit lower="-1" upper="1" effort="1" velocity="2"/></joint>"""
URDF = f"""<robot name="pincer"><link name="palm"><collision><geometry>
    <box size="0.02 0.1 0.02"/></geometry></collision></link>
    {BAR.format('finger', 'left', -0.04)}{BAR.format('thumb', 'right', 0.04)}</robot>"""
OBJECT = np.array([0.3, -0.2, 1, *Rotation.from_euler('xyz', [0.4, 2, -1]).as_quat()])


@pytest.fixture
def hand():
    return load_hand_text(URDF, name='pincer')


@pytest.fixture
def messages(grasp_set):
    return grasp_messages(
        grasp_set,
        OBJECT,
        header=header('camera', 7),
        object_id='object_3',
        label=3,
        lift=np.array([0, 0, 0.1]),
    )


def test_messages_and_back_are_the_same_arrays(grasp_set, messages, hand):
    back = arrays_of(messages, hand, invert(OBJECT))
    for field in dataclasses.fields(grasp_set):
        before, after = getattr(grasp_set, field.name), getattr(back, field.name)
        if isinstance(before, np.ndarray):
            np.testing.assert_allclose(after, before, atol=1e-12, err_msg=field.name)
        elif field.name in ('hand', 'hand_frame', 'joint_names', 'link_names', 'locked_joints'):
            assert after == before
    assert back.urdf == hand.urdf


def test_joints_in_another_order_are_put_in_the_hands(messages, hand):
    message = messages[0]
    message.joint_names = message.joint_names[::-1]
    for field in ('pregrasp', 'grasp', 'squeeze', 'joint_stiffness'):
        setattr(message, field, getattr(message, field)[::-1])
    back = arrays_of([message], hand)
    np.testing.assert_allclose(back.grasp, [[0.5, 1.0]])
    np.testing.assert_allclose(back.joint_stiffness, [5, 6])


def test_no_messages_are_an_empty_set(hand):
    empty = arrays_of([], hand)
    assert len(empty) == 0
    assert empty.grasp.shape == (0, 2) and empty.base_pose.shape == (0, 7)
    assert empty.contact_points.shape == (0, 0, 3)


BROKEN = {
    'joints': (lambda g: setattr(g, 'joint_names', ['left', 'up']), ErrorCode.INVALID_INPUT),
    'frame': (lambda g: setattr(g.header, 'frame_id', 'moon'), ErrorCode.INVALID_INPUT),
    'posture': (lambda g: setattr(g, 'squeeze', [0.1]), ErrorCode.WRONG_SHAPE),
    'number': (lambda g: setattr(g, 'pregrasp', [0.1, np.nan]), ErrorCode.OUT_OF_RANGE),
    'pose': (lambda g: setattr(g.pose.orientation, 'w', 7.0), ErrorCode.OUT_OF_RANGE),
    'locked': (lambda g: g.locked_joint_names.append('wrist'), ErrorCode.WRONG_SHAPE),
    'link': (lambda g: g.contacts.append(Contact(link='toe')), ErrorCode.UNKNOWN_LINK),
}


@pytest.mark.parametrize('case', BROKEN)
def test_a_broken_message_is_refused(case, grasp_set, hand):
    spoil, code = BROKEN[case]
    messages = [
        grasp_messages(
            grasp_set.select([i]),
            OBJECT,
            header=header('camera', 7),
            object_id='',
            label=0,
            lift=np.zeros(3),
        )[0]
        for i in (0, 1)
    ]
    spoil(messages[1])
    with pytest.raises(DexGraspError) as caught:
        arrays_of(messages, hand)
    assert caught.value.code == code
