"""The planned hand for RViz: the hand alone, and where each of its links is."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

pytest.importorskip('rclpy')

import numpy as np

from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.geometry import pose_array, pose_message
from dexgrasp_ros.bridge.planned_hand import hand_description, planned_frames
from dexgrasp_ros.hand import load_hand_text

# Below a wrist, a finger that turns about z, and a mesh; above it an arm.
URDF = """<robot name="r"><material name="blue"/>
  <link name="arm"/><link name="palm"><collision><geometry><box size="0.1 0.1 0.02"/></geometry>
  </collision></link><link name="tip"><collision><origin xyz="0.05 0 0"/><geometry>
  <box size="0.1 0.02 0.02"/></geometry></collision></link>
  <joint name="wrist" type="revolute"><parent link="arm"/><child link="palm"/><axis xyz="0 0 1"/>
  <limit lower="-1" upper="1" effort="1" velocity="1"/></joint>
  <joint name="finger" type="revolute"><parent link="palm"/><child link="tip"/><axis xyz="0 0 1"/>
  <origin xyz="0.1 0 0"/><limit lower="-2" upper="2" effort="1" velocity="1"/></joint>
  <transmission name="t"/></robot>"""


@pytest.fixture(scope='module')
def hand():
    return load_hand_text(URDF, root='palm')


def test_the_description_is_that_of_the_hand_alone(hand):
    robot = ElementTree.fromstring(hand_description(hand))
    assert [(e.tag, e.get('name')) for e in robot] == [
        ('material', 'blue'),
        ('link', 'palm'),
        ('link', 'tip'),
        ('joint', 'finger'),
    ]


def test_each_link_stands_where_the_posture_puts_it(hand):
    grasp = Grasp(
        joint_names=['finger'], grasp=[np.pi / 2], pose=pose_message([1, 2, 3, 0, 0, 0, 1])
    )
    grasp.header.frame_id = 'table'
    frames = planned_frames(grasp, hand, 'left/planned').transforms
    assert [(t.header.frame_id, t.child_frame_id) for t in frames] == [
        ('table', 'left/planned/palm'),
        ('table', 'left/planned/tip'),
    ]
    half = np.sqrt(0.5)
    np.testing.assert_allclose(pose_array(frames[0].transform), [1, 2, 3, 0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(
        pose_array(frames[1].transform), [1.1, 2, 3, 0, 0, half, half], atol=1e-12
    )
