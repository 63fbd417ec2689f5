"""Descriptions in other encodings, with namespaces, of URDF 1.1, and what is no URDF at all."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from arms import FINGERS

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import find_arm, load_hand, load_hand_text
from dexgrasp_ros.hand.arm import hand_root

# A name that no two of the encodings write with the same bytes.
NAMED = f'<robot name="grip">{FINGERS}</robot>'.replace('"left"', '"zurück"')
CHINESE = NAMED.replace('zurück', '左')
JOINTS = ('turn_left', 'turn_right')


def declared(encoding: str, text: str = NAMED) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'


BYTES = {
    'UTF-8 without a word': (NAMED.encode(), 'zurück'),
    'UTF-8 with a mark': (declared('utf-8').encode('utf-8-sig'), 'zurück'),
    'Latin-1': (declared('ISO-8859-1').encode('latin-1'), 'zurück'),
    'Windows': (declared('windows-1252').encode('cp1252'), 'zurück'),
    'Chinese': (declared('GB2312', CHINESE).encode('gb2312'), '左'),
    'UTF-16 with a mark': (declared('utf-16').encode('utf-16'), 'zurück'),
    'UTF-16 without a mark': (declared('utf-16').encode('utf-16-be'), 'zurück'),
    'UTF-32': (NAMED.encode('utf-32'), 'zurück'),
    'UTF-8 that says UTF-16': (declared('utf-16').encode(), 'zurück'),
    'an empty line first': (b'\r\n' + declared('utf-8').encode(), 'zurück'),
}


@pytest.mark.parametrize(('content', 'name'), BYTES.values(), ids=BYTES)
def test_the_encoding_is_the_declared_one(tmp_path, content, name):
    (tmp_path / 'grip.urdf').write_bytes(content)
    hand = load_hand(tmp_path / 'grip.urdf')
    assert name in hand.link_names
    assert load_hand_text(content).link_names == hand.link_names
    # What is stored with grasps, and written as UTF-8, says of itself that it is.
    (tmp_path / 'stored.urdf').write_text(hand.urdf, encoding='utf-8')
    assert load_hand(tmp_path / 'stored.urdf').link_names == hand.link_names


@pytest.mark.parametrize(
    'content',
    [NAMED.encode('latin-1'), declared('klingon').encode(), declared('utf-8').encode('latin-1')],
)
def test_what_is_not_in_its_encoding_is_told_how_to_name_it(tmp_path, content):
    (tmp_path / 'grip.urdf').write_bytes(content)
    for load in (lambda: load_hand(tmp_path / 'grip.urdf'), lambda: load_hand_text(content)):
        with pytest.raises(HandError, match='encoding="latin-1"') as caught:
            load()
        assert caught.value.code == ErrorCode.INVALID_URDF


def prefixed(text: str, prefix: str) -> str:
    return text.replace('</', f'</{prefix}:').replace('<', f'<{prefix}:').replace(
        f'<{prefix}:/{prefix}:', f'</{prefix}:'
    )  # fmt: skip


PLAIN = f'<robot name="grip">{FINGERS}</robot>'
NAMESPACES = {
    'of the root': PLAIN.replace('<robot ', '<robot xmlns="http://www.ros.org" '),
    'with a prefix': prefixed(PLAIN, 'urdf').replace(' name', ' xmlns:urdf="x" name', 1),
    'never declared': prefixed(PLAIN, 'urdf'),
    'of some tags': PLAIN.replace('<box', '<drake:box').replace('<limit', '<u:limit a:b="1"'),
    'left over from xacro': PLAIN.replace(' name', ' xmlns:xacro="http://ros.org/xacro" name', 1),
}


@pytest.mark.parametrize('text', NAMESPACES.values(), ids=NAMESPACES)
def test_namespaces_mean_nothing(text):
    plain, hand = load_hand_text(PLAIN), load_hand_text(text)
    assert hand.joint_names == JOINTS and hand.name == 'grip'
    np.testing.assert_array_equal(hand.upper, plain.upper)
    np.testing.assert_array_equal(hand.points, plain.points)
    assert load_hand_text(hand.urdf).joint_names == JOINTS
    assert find_arm(hand) is None
    assert hand_root(text) == 'palm'


def test_the_overrides_of_a_document_with_namespaces_count():
    own = '<dexgrasp_ros>\njoint_stiffness: {turn_left: 7.0}\n</dexgrasp_ros></robot>'
    text = prefixed(PLAIN.replace('</robot>', own), 'u')
    assert load_hand_text(text).joint_stiffness.tolist() == [7.0, 5.0]
    commented = PLAIN.replace('</robot>', f'<!-- {own[:-8]} a & b --></robot>')
    assert load_hand_text(commented).joint_stiffness.tolist() == [5.0, 5.0]


def test_a_quaternion_is_read_as_the_angles_that_it_stands_for():
    angles = PLAIN.replace('xyz="0.04 0 0.01"', 'xyz="0.04 0 0.01" rpy="0 0 0.5"')
    quaternion = angles.replace('rpy="0 0 0.5"', f'quat_xyzw="0 0 {np.sin(0.25)} {np.cos(0.25)}"')
    hands = [load_hand_text(text) for text in (angles, quaternion)]
    origins = [pose_to_matrix(hand.joint_origins) for hand in hands]
    np.testing.assert_allclose(*origins, atol=1e-12)
    for wrong in ('0 0 0 0', '0 0 1', 'a b c d', '0 0 0 1" rpy="0 0 1'):
        with pytest.raises(HandError, match='quat_xyzw') as caught:
            load_hand_text(angles.replace('rpy="0 0 0.5"', f'quat_xyzw="{wrong}"'))
        assert caught.value.code == ErrorCode.INVALID_URDF


XACRO = 'xmlns:xacro="http://www.ros.org/wiki/xacro"'
OTHERS = {
    'MJCF': ('<mujoco model="hand"><worldbody/></mujoco>', 'MJCF.*URDF'),
    'SDFormat': ('<sdf version="1.9"><model name="hand"/></sdf>', 'SDFormat.*URDF'),
    'a web page': ('<!DOCTYPE html><html><body>hand</body></html>', 'web page'),
    'a web page in XML': ('<html xmlns="http://www.w3.org/1999/xhtml"/>', 'web page'),
    'an include of xacro': (
        PLAIN.replace('</robot>', f'<xacro:include {XACRO} filename="x"/></robot>'),
        'xacro.*<xacro:include>.*xacro FILE',
    ),
    'a macro without a namespace': (
        PLAIN.replace('</robot>', '<xacro:finger n="1"/></robot>'),
        'xacro.*<xacro:finger>',
    ),
    'a property of xacro': (
        PLAIN.replace('0.1 0.1 0.02', '${w} ${w} 0.02'),
        r"not expanded by xacro.*'palm'.*\$\{w\}.*\.xacro",
    ),
    'a name from xacro': (PLAIN.replace('"left"', '"${prefix}left"'), r'\$\{prefix\}'),
    'an argument of xacro': (PLAIN.replace('upper="1"', 'upper="$(arg u)"'), r'\$\(arg u\)'),
    'nested deeply': (
        PLAIN.replace('<geometry>', '<a>' * 2000 + '</a>' * 2000 + '<geometry>', 1),
        'stand in each other',
    ),
}


@pytest.mark.parametrize(('text', 'words'), OTHERS.values(), ids=OTHERS)
def test_what_is_no_urdf_is_named_for_what_it_is(tmp_path, text, words):
    (tmp_path / 'grip.urdf').write_text(text)
    for load in (
        lambda: load_hand(tmp_path / 'grip.urdf'),
        lambda: load_hand_text(text),
        lambda: hand_root(text),
    ):
        with pytest.raises(HandError, match=words) as caught:
            load()
        assert caught.value.code == ErrorCode.INVALID_URDF
        assert '\n' not in str(caught.value)


def test_what_plugins_say_is_not_looked_at():
    plugin = '<gazebo><plugin><param v="${x}" w="$(find y)"/></plugin></gazebo></robot>'
    assert load_hand_text(PLAIN.replace('</robot>', plugin)).joint_names == JOINTS


LONG = {
    'robots': f'<!--{"<robot " * 20000}-->',
    'meshes': f'<!--{"<mesh " * 20000}-->',
    'overrides': f'<!--{"<dexgrasp_ros>" * 20000}-->',
    'spaces': ' ' * 200000,
}
STIFF = '<dexgrasp_ros>\njoint_stiffness: {turn_left: 7.0}\n</dexgrasp_ros></robot>'


@pytest.mark.parametrize('filler', LONG.values(), ids=LONG)
def test_long_comments_and_gaps_are_read_once(filler):
    """Searches that began anew at each word of them took more time than a test has."""
    text = PLAIN.replace('</robot>', f'{filler}{STIFF}')
    declared = f'<?xml version="1.0"{" " * 200000}?>{filler}{PLAIN.replace("</robot>", STIFF)}'
    for document in (text, declared):
        hand = load_hand_text(document)
        assert hand.joint_stiffness[0] == 7.0
        assert load_hand_text(hand.urdf).joint_stiffness[0] == 7.0


def test_what_is_in_comments_stays_as_it_is(tmp_path):
    """The path of a mesh has two dashes here, which may not stand in a comment."""
    folder = tmp_path / 'a--b'
    folder.mkdir()
    trimesh.creation.box([0.02, 0.02, 0.08]).export(folder / 'x.stl')
    commented = '<!-- <mesh filename="x.stl"/> <dexgrasp_ros> -->'
    text = PLAIN.replace('</robot>', f'{commented}{STIFF}')
    (folder / 'grip.urdf').write_text(
        text.replace('<box size="0.02 0.02 0.08"/>', '<mesh filename="x.stl"/>')
    )
    hand = load_hand(folder / 'grip.urdf')
    assert commented in hand.urdf
    again = load_hand_text(hand.urdf)
    np.testing.assert_array_equal(again.points, hand.points)
    assert again.joint_stiffness[0] == 7.0
