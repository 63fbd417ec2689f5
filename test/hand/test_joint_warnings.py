"""What the loader says of joints: other units, followers beyond their limits, lone jaws."""

from __future__ import annotations

import numpy as np
import pytest

from dexgrasp_ros.hand import load_hand_text

BOX = '<collision><geometry><box size="0.02 0.02 0.02"/></geometry></collision>'


def jaws(one: str, other: str, *, kind: str = 'prismatic', more: str = '') -> str:
    """Return a palm with two jaws; `one` and `other` are inside of their joints."""
    links = ''.join(f'<link name="{name}">{BOX}</link>' for name in ('palm', 'a', 'b'))
    joints = ''.join(
        f'<joint name="move_{name}" type="{kind}"><parent link="palm"/><child link="{name}"/>'
        f'<origin xyz="0 {y} 0.03"/>{inside}</joint>'
        for name, y, inside in (('a', 0.03, one), ('b', -0.03, other))
    )
    return f'<robot name="r">{links}{joints}{more}</robot>'


def inside(axis: str, lower: object, upper: object, more: str = '') -> str:
    bounds = f'lower="{lower}" upper="{upper}"'
    return f'<axis xyz="{axis}"/><limit {bounds} effort="1" velocity="1"/>{more}'


FOLLOWS = '<mimic joint="move_a"/>'


def said(text: str, word: str) -> list[str]:
    return [w for w in load_hand_text(text).warnings if word in w]


@pytest.mark.parametrize(
    ('lower', 'upper', 'odd'),
    [(0, 90, True), (-17, 40, True), (-90, 0, True), (-np.pi, np.pi, False),
     (-6.2832, 6.2832, False), (0, 'inf', False)],
)  # fmt: skip
def test_limits_beyond_a_turn_may_be_degrees(lower, upper, odd):
    text = jaws(inside('1 0 0', lower, upper), inside('1 0 0', 0, 1), kind='revolute')
    lines = said(text, 'degrees')
    assert len(lines) == odd
    assert all("'move_a'" in line and 'move_b' not in line for line in lines)


def test_slides_of_many_metres_may_be_millimetres():
    (line,) = said(jaws(inside('0 1 0', 0, 40), inside('0 -1 0', 0, 0.04)), 'millimetres')
    assert "'move_a' 0 to 40" in line and 'move_b' not in line
    assert not said(jaws(inside('0 1 0', 0, 0.04), inside('0 -1 0', 0, 0.04)), 'millimetres')


def test_a_hand_in_millimetres_is_told_so():
    text = jaws(inside('0 1 0', 0, 0.04), inside('0 -1 0', 0, 0.04))
    for metres, millimetres in (('0.02 0.02 0.02', '20 20 40'), ('0.03', '30')):
        text = text.replace(metres, millimetres)
    (line,) = said(text, 'millimetres')
    assert "the shapes of 'a', 'b', 'palm' are up to 40 m long" in line


def test_a_palm_in_millimetres_swallows_no_fingers():
    text = jaws(inside('0 1 0', 0, 0.04), inside('0 -1 0', 0, 0.04))
    text = text.replace('0.02 0.02 0.02', '120 40 30', 1)
    (line,) = said(text, 'millimetres')
    assert "the shapes of 'palm' are up to 120 m long" in line


@pytest.mark.parametrize(
    ('factor', 'offset', 'limits', 'leaves'),
    [(1, 0, (0, 1), False), (2, 0, (0, 1), True), (0.5, 0, (0, 1), False), (-1, 0, (-1, 0), False),
     (-1, 0, (0, 1), True), (1, 0.2, (0, 1), True), (0.3443, 0, (0, 0.344), False)],
)  # fmt: skip
def test_a_follower_that_leaves_its_limits_is_named(factor, offset, limits, leaves):
    mimic = f'<mimic joint="move_a" multiplier="{factor}" offset="{offset}"/>'
    text = jaws(inside('1 0 0', 0, 1), inside('1 0 0', *limits, mimic), kind='revolute')
    lines = said(text, 'follows')
    assert len(lines) == leaves
    for line in lines:
        ends = sorted((offset, factor + offset))
        assert "'move_b' follows 'move_a'" in line
        assert f'{ends[0]:.4g} to {ends[1]:.4g}' in line
        assert f'{limits[0]:g} to {limits[1]:g}' in line


def test_a_follower_of_an_endless_joint_leaves_any_limits_and_may_have_none():
    leader = '<axis xyz="1 0 0"/>'
    assert said(jaws(leader, inside('1 0 0', 0, 1, FOLLOWS), kind='revolute'), 'follows')
    assert not said(jaws(leader, leader + FOLLOWS, kind='revolute'), 'follows')


MIRRORED = {
    'against each other': (('0 1 0', 0, 0.04), ('0 -1 0', 0, 0.04), 'follows: move_a}'),
    'along one axis': (('0 1 0', 0, 0.04), ('0 1 0', -0.04, 0), 'multiplier: -1}'),
}


@pytest.mark.parametrize('kind', ['prismatic', 'revolute'])
@pytest.mark.parametrize(('one', 'other', 'advice'), MIRRORED.values(), ids=MIRRORED)
def test_jaws_that_mirror_each_other_are_to_be_coupled(one, other, advice, kind):
    text = jaws(inside(*one), inside(*other), kind=kind)
    (line,) = said(text, 'couplings')
    assert advice in line
    # What it says is YAML that does it.
    yaml = line[line.index('couplings:') :]
    own = f'<dexgrasp_ros>\n{yaml}\n</dexgrasp_ros></robot>'
    coupled = load_hand_text(text.replace('</robot>', own))
    assert coupled.joint_names == ('move_a',)
    assert not any('couplings' in w for w in coupled.warnings)


@pytest.mark.parametrize(
    'text',
    [
        jaws(inside('0 1 0', 0, 0.04), inside('0 -1 0', 0, 0.04, FOLLOWS)),
        jaws(inside('0 1 0', 0, 0.04), inside('1 0 0', 0, 0.04)),
        jaws(inside('0 1 0', 0, 0.04), inside('0 -1 0', 0, 0.02)),
        jaws(inside('0 1 0', 0, 0.04), inside('0 1 0', 0, 0.04)),
        jaws('<axis xyz="1 0 0"/>', '<axis xyz="-1 0 0"/>', kind='revolute'),
    ],
    ids=['coupled', 'across', 'unequal', 'side by side', 'endless'],
)
def test_other_jaws_are_left_alone(text):
    assert not said(text, 'couplings')


def test_a_slide_on_a_slide_is_no_pair_of_jaws():
    tower = jaws(inside('0 1 0', 0, 0.04), inside('0 -1 0', 0, 0.04))
    assert not said(tower.replace('<parent link="palm"/><child link="b"/>',
                                  '<parent link="a"/><child link="b"/>'), 'couplings')  # fmt: skip
