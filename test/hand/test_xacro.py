"""Hands that are written in xacro."""

from __future__ import annotations

import numpy as np
import pytest
from arms import FINGERS, SIMPLE_ARM
from xacro import substitution_args

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


def test_arguments_are_given_by_name(tmp_path):
    file = tmp_path / 'grip.urdf.xacro'
    file.write_text(XACRO.format(LENGTH + SIZED))
    for given, length in ((None, 0.08), ({'length': 0.12}, 0.12), ({'length': '0.1'}, 0.1)):
        hand = load_hand(file, xacro_args=given)
        own = hand.geometry_links == hand.link_names.index('left')  # in pieces
        volume = 8.0 * hand.geometry_sizes[own].prod(axis=1).sum()
        assert volume == pytest.approx(0.02 * 0.02 * length)
    (tmp_path / 'needs.xacro').write_text(XACRO.format(SIZED))  # no default
    assert load_hand(tmp_path / 'needs.xacro', xacro_args={'length': 0.1}).name == 'needs'


def test_arguments_that_are_missing_or_unknown_are_named(tmp_path):
    file = tmp_path / 'grip.urdf.xacro'
    file.write_text(XACRO.format(SIZED))
    with pytest.raises(HandError, match='--xacro-args length:=VALUE') as caught:
        load_hand(file)
    assert caught.value.code == ErrorCode.INVALID_URDF
    assert '\n' not in str(caught.value)
    file.write_text(XACRO.format(LENGTH + SIZED))
    with pytest.raises(HandError, match="no argument 'lenght'; it has 'length'") as caught:
        load_hand(file, xacro_args={'lenght': 0.1})
    assert caught.value.code == ErrorCode.INVALID_INPUT
    (tmp_path / 'plain.urdf').write_text(f'<robot name="grip">{FINGERS}</robot>')
    for source in (tmp_path / 'plain.urdf', 'allegro'):
        with pytest.raises(HandError, match=r"no xacro file.*'length'") as caught:
            load_hand(source, xacro_args={'length': 0.1})
        assert caught.value.code == ErrorCode.INVALID_INPUT


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A hand whose macros are in another package, which no index of ament knows."""
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    macros, hand = tmp_path / 'src' / 'parts', tmp_path / 'src' / 'my_hand' / 'urdf'
    (macros / 'urdf').mkdir(parents=True)
    hand.mkdir(parents=True)
    (macros / 'package.xml').write_text('<package><name>finger_parts</name></package>')
    (macros / 'urdf' / 'fingers.xacro').write_text(XACRO.format(FINGERS))
    include = '<xacro:include filename="$(find finger_parts)/urdf/fingers.xacro"/>'
    (hand / 'grip.xacro').write_text(XACRO.format(include))
    return tmp_path / 'src'


def test_packages_are_found_without_ros(workspace):
    before = substitution_args._eval_find
    hand = load_hand(workspace / 'my_hand' / 'urdf' / 'grip.xacro')
    assert hand.joint_names == ('turn_left', 'turn_right')
    assert substitution_args._eval_find is before


def test_a_package_that_is_nowhere_is_named(workspace):
    (workspace / 'parts' / 'package.xml').unlink()
    with pytest.raises(HandError, match=r"'finger_parts' .*source its workspace") as caught:
        load_hand(workspace / 'my_hand' / 'urdf' / 'grip.xacro')
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND
    assert '\n' not in str(caught.value)


def test_a_file_of_macros_alone_says_so(tmp_path):
    file = tmp_path / 'grip.xacro'
    file.write_text(XACRO.format(f'<xacro:macro name="grip">{FINGERS}</xacro:macro>'))
    with pytest.raises(HandError, match="no <link>; it only defines the macros 'grip'"):
        load_hand(file)


def test_the_encoding_of_a_xacro_file_counts(tmp_path):
    text = f'<?xml version="1.0" encoding="latin-1"?>{XACRO.format(LENGTH + SIZED)}'
    (tmp_path / 'grip.xacro').write_bytes(text.replace('"left"', '"zurück"').encode('latin-1'))
    assert 'zurück' in load_hand(tmp_path / 'grip.xacro').link_names
