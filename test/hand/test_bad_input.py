"""Every broken description ends in a coded error that names the element."""

from __future__ import annotations

import re

import pytest

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.hand import load_hand, load_hand_text

SHAPE = '<collision><geometry><box size="0.1 0.1 0.1"/></geometry></collision>'
LIMIT = '<limit lower="0" upper="1" effort="1" velocity="1"/>'


def urdf(*, links: str = '', joint: str = '', kind: str = 'revolute', limit: str = LIMIT) -> str:
    """Two links and a joint, in which one thing can be broken."""
    return (
        f'<robot name="r"><link name="palm">{SHAPE}</link><link name="tip">{SHAPE}</link>{links}'
        f'<joint name="knuckle" type="{kind}"><parent link="palm"/><child link="tip"/>'
        f'<origin xyz="0 0 0.2"/>{limit}</joint>{joint}</robot>'
    )


def joint(name: str, parent: str, child: str) -> str:
    return (
        f'<joint name="{name}" type="revolute"><parent link="{parent}"/>'
        f'<child link="{child}"/>{LIMIT}</joint>'
    )


def test_the_sound_document_loads():
    assert load_hand_text(urdf()).joint_names == ('knuckle',)


CASES = {
    'empty': ('', 'not XML', ErrorCode.INVALID_URDF),
    'not XML': ('hello', 'not XML', ErrorCode.INVALID_URDF),
    'cut off': (urdf()[:90], 'not XML', ErrorCode.INVALID_URDF),
    'other XML': ('<sdf/>', '<sdf>', ErrorCode.INVALID_URDF),
    'entities': ('<!DOCTYPE x [<!ENTITY a "b">]>' + urdf(), 'entities', ErrorCode.INVALID_URDF),
    'no links': ('<robot name="r"/>', 'no <link>', ErrorCode.INVALID_URDF),
    'two roots': (urdf(links='<link name="x"/>'), "'palm', 'x'", ErrorCode.INVALID_URDF),
    'cycle': (urdf(joint=joint('back', 'tip', 'palm')), 'cycle', ErrorCode.INVALID_URDF),
    'self': (
        urdf(links='<link name="x"/>', joint=joint('own', 'x', 'x')),
        "'x' form a cycle",
        ErrorCode.INVALID_URDF,
    ),
    'two parents': (
        urdf(links='<link name="x"/>', joint=joint('more', 'x', 'tip')),
        "'knuckle' and 'more'",
        ErrorCode.INVALID_URDF,
    ),
    'unknown parent': (urdf(joint=joint('j', 'nobody', 'tip')), 'nobody', ErrorCode.INVALID_URDF),
    'unknown type': (urdf(kind='magnetic'), "'magnetic'", ErrorCode.INVALID_URDF),
    'floating': (urdf(kind='floating'), "'floating'", ErrorCode.UNSUPPORTED_HAND),
    'nothing moves': (urdf(kind='fixed'), 'can move', ErrorCode.UNSUPPORTED_HAND),
    'NaN limit': (urdf(limit='<limit lower="nan" upper="1"/>'), 'lower', ErrorCode.INVALID_URDF),
    'word limit': (urdf(limit='<limit lower="0" upper="x"/>'), "'x'", ErrorCode.INVALID_URDF),
    'swapped limits': (
        urdf(limit='<limit lower="1" upper="-1"/>'),
        'knuckle.*swapped',
        ErrorCode.INVALID_URDF,
    ),
    'prismatic without limits': (
        urdf(kind='prismatic', limit=''),
        'knuckle',
        ErrorCode.INVALID_URDF,
    ),
    'zero axis': (
        urdf(limit=LIMIT + '<axis xyz="0 0 0"/>'),
        "'knuckle'.*axis",
        ErrorCode.INVALID_URDF,
    ),
    'short origin': (
        urdf().replace('xyz="0 0 0.2"', 'xyz="0 0"'),
        'xyz.*3 numbers',
        ErrorCode.INVALID_URDF,
    ),
    'infinite origin': (
        urdf().replace('xyz="0 0 0.2"', 'xyz="0 0 inf"'),
        'knuckle',
        ErrorCode.INVALID_URDF,
    ),
    'negative size': (
        urdf().replace('size="0.1 0.1 0.1"', 'size="0.1 -0.1 0.1"'),
        "'palm'",
        ErrorCode.INVALID_URDF,
    ),
    'no size': (urdf().replace('size=', 'siz='), 'size', ErrorCode.INVALID_URDF),
    'empty geometry': (
        urdf().replace('<box size="0.1 0.1 0.1"/>', ''),
        'nothing',
        ErrorCode.INVALID_URDF,
    ),
    'unknown geometry': (urdf().replace('<box', '<cone'), '<cone>', ErrorCode.INVALID_URDF),
    'mesh collision': (
        urdf().replace('<box size="0.1 0.1 0.1"/>', '<mesh filename="a.stl"/>'),
        "'palm'.*a.stl.*no such file",
        ErrorCode.FILE_NOT_FOUND,
    ),
    'no geometry': (urdf().replace(SHAPE, ''), 'collision', ErrorCode.UNSUPPORTED_HAND),
    'same name': (urdf(links='<link name="tip"/>'), "'tip'", ErrorCode.INVALID_URDF),
    'no name': (urdf(links='<link/>'), 'link number 3', ErrorCode.INVALID_URDF),
    'mimic of nothing': (
        urdf(limit=LIMIT + '<mimic joint="ghost"/>'),
        'ghost',
        ErrorCode.INVALID_URDF,
    ),
    'mimic of itself': (
        urdf(
            links='<link name="x"/>',
            joint=joint('free', 'tip', 'x'),
            limit=LIMIT + '<mimic joint="knuckle"/>',
        ),
        'follow each other',
        ErrorCode.INVALID_URDF,
    ),
    'mimic word': (
        urdf(limit=LIMIT + '<mimic joint="knuckle" multiplier="two"/>'),
        'multiplier',
        ErrorCode.INVALID_URDF,
    ),
}


@pytest.mark.parametrize(('text', 'words', 'code'), CASES.values(), ids=CASES.keys())
def test_broken_description(text, words, code):
    with pytest.raises(HandError, match=words) as caught:
        load_hand_text(text)
    assert caught.value.code == code


def test_unknown_hand_lists_the_hands():
    with pytest.raises(HandError, match="'allegro'") as caught:
        load_hand('hook')
    assert caught.value.code == ErrorCode.UNKNOWN_HAND


def test_missing_file(tmp_path):
    with pytest.raises(HandError, match='no file') as caught:
        load_hand(tmp_path / 'none.urdf')
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND


def test_file_that_is_no_text(tmp_path):
    path = tmp_path / 'binary.urdf'
    path.write_bytes(b'\xff\xfe\x00\x80')
    with pytest.raises(HandError) as caught:
        load_hand(path)
    assert caught.value.code == ErrorCode.INVALID_URDF


def test_unknown_root_lists_the_links():
    with pytest.raises(HandError, match="'palm', 'tip'") as caught:
        load_hand_text(urdf(), root='elbow')
    assert caught.value.code == ErrorCode.UNKNOWN_LINK


def test_unknown_locked_joint_lists_the_joints():
    with pytest.raises(HandError, match=r"'wrist'.*'knuckle'") as caught:
        load_hand_text(urdf(), locked_joints=['wrist'])
    assert caught.value.code == ErrorCode.INVALID_INPUT


def test_missing_drawing_is_only_a_warning():
    visual = '<visual><geometry><mesh filename="package://none/x.stl"/></geometry></visual>'
    hand = load_hand_text(urdf().replace(SHAPE, SHAPE + visual, 1))
    assert any('x.stl' in warning for warning in hand.warnings)


@pytest.mark.parametrize('source', ['x' * 300, 'x' * 100_000, f'/tmp/{"x" * 300}.urdf', 'a\0b'])
def test_a_name_that_no_file_can_have(source):
    with pytest.raises(HandError, match='no name that a file can have') as info:
        load_hand(source)
    assert info.value.code in (ErrorCode.UNKNOWN_HAND, ErrorCode.FILE_NOT_FOUND)
    assert len(str(info.value)) < 600


@pytest.mark.parametrize('name', ['robot', 'link', 'joint'])
def test_an_endless_name_in_a_description(name):
    text = re.sub(rf'(<{name} name=")[^"]*', rf'\g<1>{"x" * 300_000}', urdf(), count=1)
    with pytest.raises(HandError, match=f'element <{name}> has name=.x+') as info:
        load_hand_text(text)
    assert info.value.code == ErrorCode.INVALID_URDF
    assert len(str(info.value)) < 400
