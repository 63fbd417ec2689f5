"""An arm with a hand and no root: what is said, and that the arm's joints are no fingers."""

from __future__ import annotations

import re

import pytest
from arms import FINGERS, arm_with, joint

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.hand.arm import hand_root

BOUNDS = 'lower="-1" upper="1"'
SHAPE = '<collision><geometry><box size="0.05 0.05 0.05"/></geometry></collision>'


def chain(names: str, first: str, prefix: str = '') -> str:
    """Links one after the other below `first`; those in brackets are tied and have no shape."""
    text, above = '', first
    for word in names.split():
        name, tied = prefix + word.strip('()'), word.startswith('(')
        text += f'<link name="{name}">{"" if tied else SHAPE}</link>'
        kind = 'fixed' if tied else 'revolute'
        text += joint(f'{name}_joint', kind, above, name, limit=BOUNDS, axis='0 1 0')
        above = name
    return text


def renamed_fingers(prefix: str) -> str:
    return re.sub(r'"(palm|left|right|turn_left|turn_right)"', rf'"{prefix}\1"', FINGERS)


def robot(*parts: str, base: str = 'base') -> str:
    return f'<robot name="r"><link name="{base}">{SHAPE}</link>{"".join(parts)}</robot>'


def mounted(above: str, prefix: str = '') -> str:
    palm = f'{prefix}palm'
    return renamed_fingers(prefix) + joint(f'{palm}_mount', 'fixed', above, palm)


SIX = 'l1 l2 l3 l4 l5 l6'
ARMS = {
    'a flange without a shape is above the hand': (
        robot(chain(f'{SIX} (flange)', 'base'), mounted('flange')),
        '--root palm, perhaps flange',
    ),
    'the hand is tied to the last link': (
        robot(chain(SIX, 'base'), mounted('l6')),
        r'--root palm\.',
    ),
    'a wrist of the hand below its mount': (
        robot(
            chain(f'{SIX} (flange)', 'base'),
            f'<link name="forearm">{SHAPE}</link>',
            joint('mount', 'fixed', 'flange', 'forearm'),
            chain('wrist', 'forearm'),
            FINGERS,
            joint('wrist_2', 'revolute', 'wrist', 'palm', limit=BOUNDS),
        ),
        '--root forearm, perhaps flange, wrist, palm',
    ),
    'three joints': (robot(chain('l1 l2 l3', 'base'), mounted('l3')), '--root palm'),
    'the last joint moves the palm': (
        robot(
            chain('l1 l2 l3 l4', 'base'),
            FINGERS,
            joint('roll', 'continuous', 'l4', 'palm'),
        ),
        r'--root palm\.',
    ),
    'one jaw': (robot(chain('l1 l2 l3 l4 gripper jaw', 'base')), r'--root gripper \(if .* jaw'),
    'wheels beside the arm': (
        robot(*(chain(n, 'base') for n in ('wheel_1', 'wheel_2', SIX)), mounted('l6')),
        '--root palm',
    ),
    'two arms': (
        robot(
            chain('waist', 'base'),
            *(chain(SIX, 'waist', prefix=side) + mounted(f'{side}l6', side) for side in 'ab'),
        ),
        '--root apalm or --root bpalm',
    ),
}  # fmt: skip


@pytest.mark.parametrize(('text', 'words'), ARMS.values(), ids=ARMS)
def test_an_arm_is_refused_and_the_hands_root_named(text, words):
    for load in (load_hand_text, hand_root):
        with pytest.raises(HandError, match=words) as caught:
            load(text)
        assert caught.value.code == ErrorCode.UNKNOWN_LINK
        assert '\n' not in str(caught.value) and 'l1_joint' in str(caught.value)
    typed = re.search(r'--root (\w+)', str(caught.value))[1]
    hand = load_hand_text(text, root=typed)
    assert hand.hand_frame == typed
    assert not any(re.search(r'l\d_joint', name) for name in hand.joint_names)


def test_whoever_means_it_takes_all_of_it():
    """And grasps in a file are of the same hand."""
    text, _ = ARMS['three joints']
    whole = load_hand_text(text, root='base')
    assert load_hand_text(whole.urdf).joint_names == whole.joint_names
    assert any(re.search(r'l\d_joint', name) for name in whole.joint_names)


def test_a_root_that_is_said_elsewhere_is_enough(tmp_path):
    text = robot(chain(SIX, 'base'), mounted('l6'))
    (tmp_path / 'r.urdf').write_text(text)
    with pytest.raises(HandError, match='--root palm'):
        load_hand(tmp_path / 'r.urdf')
    (tmp_path / 'r.yaml').write_text('root: palm\n')
    assert load_hand(tmp_path / 'r.urdf').joint_names == ('turn_left', 'turn_right')
    assert load_hand_text(arm_with('barrett')).hand_frame == 'base_link'


def test_joints_that_are_locked_or_follow_are_not_counted(tmp_path):
    text = robot(chain('l1 l2 l3', 'base'), mounted('l3'))
    locked = 'locked_joints: [l1_joint]'
    own = f'<dexgrasp_ros>\n{locked}\n</dexgrasp_ros></robot>'
    wrist = ('l2_joint', 'l3_joint', 'turn_left', 'turn_right')
    assert load_hand_text(text.replace('</robot>', own)).joint_names == wrist
    follows = text.replace('<child link="l3"/>', '<child link="l3"/><mimic joint="l2_joint"/>')
    assert len(load_hand_text(follows).joint_names) == 4


@pytest.mark.parametrize(
    'text',
    [
        robot(chain('wrist_1 wrist_2', 'base'), mounted('wrist_2')),
        robot(chain('j1 j2 j3 j4', 'base')),
        robot(chain('a1 a2 a3 a4 a5', 'base'), chain('b1 b2 b3 b4', 'base')),
        robot(*map(chain, ('thumb', 'k1 k2 k3', 'x', 'y'), ('base', 'base', 'k3', 'k3'))),
    ],
    ids=['a wrist', 'one finger', 'long fingers', 'a finger that branches'],
)  # fmt: skip
def test_hands_are_not_taken_for_arms(text):
    assert load_hand_text(text).hand_frame == hand_root(text) == 'base'
