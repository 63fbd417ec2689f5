"""The YAML that says what a URDF does not: what each key does, and what broken ones say."""

from __future__ import annotations

import numpy as np
import pytest

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.hand.overrides import HandOverrides, read_overrides, write_overrides

BAR = (
    '<collision><origin xyz="0 0 0.04"/><geometry><box size="0.01 0.02 0.08"/></geometry>'
    '</collision>'
)


def bar(name: str, parent: str, x: float, z: float, axis: str) -> str:
    return (
        f'<link name="{name}">{BAR}</link><joint name="{name}_joint" type="revolute">'
        f'<parent link="{parent}"/><child link="{name}"/><origin xyz="{x} 0 {z}"/>'
        f'<axis xyz="{axis}"/><limit lower="0" upper="1.5" effort="2" velocity="1"/></joint>'
    )


URDF = (
    '<robot name="pincer"><link name="base"><collision><geometry><box size="0.14 0.04 0.03"/>'
    f'</geometry></collision></link>{bar("left", "base", -0.05, 0.02, "0 1 0")}'
    f'{bar("right", "base", 0.05, 0.02, "0 -1 0")}{bar("tip", "right", 0, 0.09, "0 -1 0")}</robot>'
)


@pytest.fixture
def load(tmp_path):
    def loader(yaml: str):
        (tmp_path / 'my.urdf').write_text(URDF)
        (tmp_path / 'my.yaml').write_text(yaml)
        return load_hand(tmp_path / 'my.urdf')

    return loader


def test_every_key_acts(load):
    hand = load("""
palm: {position: [0.01, 0.0, 0.02], approach: [0, 0, 2], forward: [0, 1, 0]}
closing: {left_joint: -1}
preshape: {right_joint: 0.7}
contact_weights: {base: 0.0, tip: 0.3}
ignored_collisions: [[left, right]]
joint_stiffness: {left_joint: 9.5}
couplings: {tip_joint: {follows: right_joint, multiplier: 0.5, offset: 0.1}}
""")
    palm = pose_to_matrix(hand.palm_pose)
    np.testing.assert_allclose(palm[:3, 3], [0.01, 0, 0.02])
    np.testing.assert_allclose(palm[:3, 2], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(palm[:3, 0], [0, 1, 0], atol=1e-12)
    assert hand.joint_names == ('left_joint', 'right_joint')
    tip = hand.link_names.index('tip')
    assert (hand.coordinates[tip], hand.multipliers[tip], hand.offsets[tip]) == (1, 0.5, 0.1)
    assert hand.closing[0] == -1
    assert hand.preshape[0] == pytest.approx(0.6 * 1.5)  # 40 % of the way from the upper limit
    assert hand.preshape[1] == 0.7
    weights = dict(zip(hand.group_names, hand.group_weights, strict=True))
    assert weights['base'] == 0.0 and weights['tip'] == 0.3 and weights['left'] == 1.0
    assert hand.joint_stiffness[0] == 9.5 and hand.joint_stiffness[1] == 5.0
    groups = [hand.group_names.index(n) for n in ('left', 'right', 'tip')]
    pairs = {tuple(sorted(p)) for p in hand.self_collision_pairs.tolist()}
    assert (groups[0], groups[1]) not in pairs and (groups[0], groups[2]) in pairs


def test_locked_joints_and_root(load):
    hand = load('locked_joints: {tip_joint: 0.4}')
    assert 'tip_joint' not in hand.joint_names
    assert hand.offsets[hand.link_names.index('tip')] == 0.4
    below = load('{root: right, locked_joints: [left_joint]}')
    assert below.hand_frame == 'right' and below.joint_names == ('tip_joint',)


def test_arguments_replace_what_the_file_says(load, tmp_path):
    load('locked_joints: [tip_joint]')
    hand = load_hand(tmp_path / 'my.urdf', locked_joints={})
    assert 'tip_joint' in hand.joint_names
    (tmp_path / 'other.yaml').write_text('preshape: {tip_joint: 0.2}')
    hand = load_hand(tmp_path / 'my.urdf', overrides=tmp_path / 'other.yaml')
    assert hand.preshape[hand.joint_names.index('tip_joint')] == 0.2


def test_the_text_carries_its_overrides(load):
    hand = load('{preshape: {tip_joint: 0.3}, locked_joints: {left_joint: 0.2}}')
    again = load_hand_text(hand.urdf)
    assert again.joint_names == hand.joint_names
    np.testing.assert_array_equal(again.preshape, hand.preshape)
    np.testing.assert_array_equal(again.offsets, hand.offsets)
    # Without overrides and meshes the text is what came.
    assert load_hand_text(URDF).urdf == URDF


BROKEN = {
    'no YAML': ('{a: [', 'not YAML', ErrorCode.INVALID_INPUT),
    'a list': ('[1, 2]', 'names with values', ErrorCode.WRONG_TYPE),
    'unknown key': ('preshap: {}', "'preshap'.*'preshape'", ErrorCode.MISSING_KEY),
    'unknown palm key': ('palm: {axis: [0, 0, 1]}', "'axis'.*'approach'", ErrorCode.MISSING_KEY),
    'no direction': ('palm: {approach: [0, 0, 0]}', 'approach.*length', ErrorCode.WRONG_TYPE),
    'two numbers': ('palm: {position: [0, 0]}', 'three numbers', ErrorCode.WRONG_TYPE),
    'word': ('preshape: {tip_joint: half}', "'tip_joint'.*number", ErrorCode.WRONG_TYPE),
    'integer of nothing': ("preshape: {j: !!int ''}", 'not YAML', ErrorCode.INVALID_INPUT),
    'truth of nothing': ('preshape: {j: !!bool x}', 'not YAML', ErrorCode.INVALID_INPUT),
    'time of nothing': ('preshape: {j: !!timestamp x}', 'not YAML', ErrorCode.INVALID_INPUT),
    'beyond floats': (f'preshape: {{j: {"9" * 400}}}', 'a number', ErrorCode.WRONG_TYPE),
    'beyond reading': (f'preshape: {{j: {"9" * 4000}}}', '4000 dig', ErrorCode.INVALID_INPUT),
    'deep': ('[' * 60 + ']' * 60, 'stand in each other', ErrorCode.INVALID_INPUT),
    'in itself': ('&a [*a]', 'refers to itself', ErrorCode.INVALID_INPUT),
    'references without end': (
        '[&a0 [x, x], ' + ', '.join(f'&a{i} [{f"*a{i - 1}, " * 10}]' for i in range(1, 9)) + ']',
        'more than 2000000 values',
        ErrorCode.INVALID_INPUT,
    ),
    'NaN': ('preshape: {tip_joint: .nan}', 'number', ErrorCode.WRONG_TYPE),
    'sign': ('closing: {tip_joint: 2}', '1, -1 or 0', ErrorCode.WRONG_TYPE),
    'weight': ('contact_weights: {tip: 3}', '0 to 1', ErrorCode.WRONG_TYPE),
    'stiffness': ('joint_stiffness: {tip_joint: 0}', 'more than 0', ErrorCode.WRONG_TYPE),
    'pair': ('ignored_collisions: [left]', 'pairs', ErrorCode.WRONG_TYPE),
    'coupling': ('couplings: {tip_joint: {}}', "'follows'", ErrorCode.WRONG_TYPE),
    'unknown joint': ('preshape: {j: 0}', "'j'.*'left_joint'", ErrorCode.INVALID_INPUT),
    'follows nobody': (
        'couplings: {tip_joint: {follows: j}}',
        "'j'.*'left_joint'",
        ErrorCode.INVALID_INPUT,
    ),
    'follows itself': (
        'couplings: {tip_joint: {follows: tip_joint}}',
        'follow each other',
        ErrorCode.INVALID_URDF,
    ),
    'unknown link': ('contact_weights: {arm: 0}', "'arm'.*'base'", ErrorCode.UNKNOWN_LINK),
    'unknown root': ('root: arm', "'arm'.*'base'", ErrorCode.UNKNOWN_LINK),
    'outside': ('preshape: {tip_joint: 2}', "'tip_joint'.*0 to 1.5", ErrorCode.OUT_OF_RANGE),
}


@pytest.mark.parametrize(('yaml', 'words', 'code'), BROKEN.values(), ids=BROKEN.keys())
def test_broken_overrides(load, yaml, words, code):
    with pytest.raises(HandError, match=words) as caught:
        load(yaml)
    assert caught.value.code == code


def test_a_missing_file_is_named():
    with pytest.raises(HandError, match=r'none\.yaml') as caught:
        load_hand('allegro', overrides='none.yaml')
    assert caught.value.code == ErrorCode.FILE_NOT_FOUND


def test_a_file_for_another_robot_of_the_same_name_does_not_count():
    hand = load_hand_text(URDF.replace('"pincer"', '"shadow"'))
    assert len(hand.joint_names) == 3
    assert any('shadow.yaml' in w and 'another robot' in w for w in hand.warnings)


def test_writing_and_reading_is_the_identity():
    text = """
root: base
palm: {approach: [0, 0, 1]}
closing: {a: 1}
ignored_collisions: [[a, b]]
locked_joints: {a: 0.0, b: null}
couplings: {c: {follows: a, multiplier: 2, offset: 0}}
"""
    said = read_overrides(text, 'text')
    assert read_overrides(write_overrides(said), 'text') == said
    assert read_overrides('', 'text') == HandOverrides()


def test_the_wrist_of_shadow_is_locked():
    hand = load_hand('shadow')
    assert len(hand.joint_names) == 18
    assert len(load_hand('shadow', locked_joints=[]).joint_names) == 20
