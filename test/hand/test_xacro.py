"""Hands that are written in xacro."""

from __future__ import annotations

import numpy as np
import pytest
from arms import FINGERS, SIMPLE_ARM

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import attach, load_hand, load_hand_text

XACRO = '<robot name="grip" xmlns:xacro="http://www.ros.org/wiki/xacro">{}</robot>'
LENGTH = '<xacro:arg name="length" default="0.08"/>'
SIZED = FINGERS.replace('size="0.02 0.02 0.08"', 'size="0.02 0.02 $(arg length)"')


@pytest.mark.parametrize('file', ['grip.urdf.xacro', 'grip.xacro'])
def test_a_xacro_file_is_the_hand_that_it_expands_to(tmp_path, file):
    (tmp_path / 'fingers.xacro').write_text(XACRO.format(SIZED))
    (tmp_path / file).write_text(
        XACRO.format(LENGTH + '<xacro:include filename="fingers.xacro"/>')
    )
    (tmp_path / 'grip.yaml').write_text('joint_stiffness: {turn_left: 7.0}\n')
    plain = load_hand_text(f'<robot name="grip">{FINGERS}</robot>')
    hand = load_hand(tmp_path / file)
    assert (hand.name, hand.joint_names) == ('grip', plain.joint_names)
    assert hand.joint_stiffness[hand.joint_names.index('turn_left')] == 7.0
    np.testing.assert_array_equal(hand.points, plain.points)
    # What is stored with grasps needs neither the file nor xacro.
    assert 'xacro:' not in hand.urdf
    assert load_hand_text(hand.urdf).joint_stiffness.tolist() == hand.joint_stiffness.tolist()


def test_the_files_of_the_package_load_as_they_are():
    file = find_resource('urdf/hand_on_arm.urdf.xacro')
    assert load_hand(file, root='base_link').joint_names == load_hand('allegro').joint_names


def test_a_hand_in_xacro_is_attached_to_an_arm(tmp_path):
    file = tmp_path / 'grip.urdf.xacro'
    file.write_text(XACRO.format(LENGTH + SIZED))
    joined = load_hand_text(attach(SIMPLE_ARM, file, flange='flange'))
    assert joined.joint_names == load_hand(file).joint_names


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (XACRO.format(SIZED), 'length'),
        (XACRO.format('<xacro:include filename="nowhere.xacro"/>'), 'nowhere.xacro'),
        (XACRO.format('<link name="${1 / 0}"/>'), 'division by zero'),
        ('no XML', 'syntax error'),
        (XACRO.format(''), 'no <link>'),
    ],
)
def test_what_xacro_cannot_expand_is_refused_in_one_line(tmp_path, content, words):
    file = tmp_path / 'grip.urdf.xacro'
    file.write_text(content)
    with pytest.raises(HandError, match=words) as caught:
        load_hand(file)
    assert caught.value.code == ErrorCode.INVALID_URDF
    assert '\n' not in str(caught.value)
