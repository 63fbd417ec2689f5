"""Nothing depends on names or on how the root frame stands."""

from __future__ import annotations

from xml.etree import ElementTree

import made_hands as made
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import load_hand_text

MOUNT = np.array([0.1, 0.2, 0.3])
TURN = Rotation.from_euler('xyz', [0.4, -0.9, 2.0])


def renamed_and_turned(text: str) -> str:
    """Every link and joint under another name, below a new root that stands askew."""
    robot = ElementTree.fromstring(text)
    robot.set('name', 'other')
    links = {e.get('name'): f'part {7 * i % 101}' for i, e in enumerate(robot.findall('link'))}
    joints = {e.get('name'): f'axis.{5 * i % 103}' for i, e in enumerate(robot.findall('joint'))}
    root = set(links) - {e.find('child').get('link') for e in robot.findall('joint')}
    for element in robot.iter():
        # A link and a joint may have the same name.
        names = {'link': links, 'joint': joints}.get(element.tag, {})
        if element.get('name') in names:
            element.set('name', names[element.get('name')])
        if element.get('link') is not None:
            element.set('link', links[element.get('link')])
        if element.tag == 'mimic':
            element.set('joint', joints[element.get('joint')])
    ElementTree.SubElement(robot, 'link', name='mount')
    weld = ElementTree.SubElement(robot, 'joint', name='weld', type='fixed')
    ElementTree.SubElement(weld, 'parent', link='mount')
    ElementTree.SubElement(weld, 'child', link=links[root.pop()])
    angles = ' '.join(f'{a:.15f}' for a in TURN.as_euler('xyz'))
    ElementTree.SubElement(weld, 'origin', xyz=' '.join(map(str, MOUNT)), rpy=angles)
    return ElementTree.tostring(robot, encoding='unicode')


@pytest.mark.parametrize(
    'name', ['allegro', 'barrett', pytest.param('shadow', marks=pytest.mark.slow)]
)
def test_names_and_root_frame_change_nothing_else(name):
    text = find_resource(f'urdf/{name}.urdf').read_text()
    check_that_nothing_else_changes(text)


@pytest.mark.parametrize('urdf', [made.linkage(), made.upright(1.3), made.hand(spread=True)])
def test_nor_for_linkages_upright_fingers_and_thumbs(urdf):
    check_that_nothing_else_changes(urdf)


def check_that_nothing_else_changes(text: str) -> None:
    hand, other = load_hand_text(text), load_hand_text(renamed_and_turned(text))
    assert not set(hand.link_names) & set(other.link_names)
    assert not set(hand.joint_names) & set(other.joint_names)
    np.testing.assert_allclose(other.preshape, hand.preshape, atol=1e-9)
    for field in ('closing', 'lower', 'upper', 'group_weights', 'group_fingers', 'points'):
        np.testing.assert_array_equal(getattr(other, field), getattr(hand, field), err_msg=field)
    np.testing.assert_array_equal(other.self_collision_pairs, hand.self_collision_pairs)
    moved = compose(np.concatenate([MOUNT, TURN.as_quat()]), hand.palm_pose)
    np.testing.assert_allclose(pose_to_matrix(other.palm_pose), pose_to_matrix(moved), atol=1e-6)
