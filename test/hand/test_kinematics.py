"""Kinematics against published check values and Pinocchio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kinematics_oracle import assert_agrees_with_pinocchio
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.hand import jacobian, link_poses, load_hand, load_hand_text

# Fingertip frames of the Allegro hand, published with the kinematics (4 digits).
TIPS = ('link_3.0_tip', 'link_7.0_tip', 'link_11.0_tip', 'link_15.0_tip')
AT_ZERO = [
    (0, 0.0564, 0.1454),
    (0, 0, 0.1482),
    (0, -0.0564, 0.1454),
    (-0.0132, 0.1797, -0.0871),
]
AT_HALF = [
    (0.0850, 0.0973, 0.0814),
    (0.0850, 0.0464, 0.0880),
    (0.0850, -0.0049, 0.0894),
    (0.0791, 0.1193, -0.0199),
]


@pytest.fixture(scope='module')
def allegro() -> HandModel:
    return load_hand('allegro')


@pytest.mark.parametrize(('q', 'expected'), [(0.0, AT_ZERO), (0.5, AT_HALF)])
def test_allegro_tips_stand_where_published(allegro, q, expected):
    poses = link_poses(allegro, np.full(16, q))
    tips = [poses[allegro.link_names.index(name), :3] for name in TIPS]
    np.testing.assert_allclose(tips, expected, atol=1e-4)


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
def test_hands_of_the_package_agree_with_pinocchio(name):
    hand = load_hand(name)
    generator = np.random.default_rng(1)
    for _ in range(5):
        q = generator.uniform(hand.lower, hand.upper)
        assert_agrees_with_pinocchio(hand, q, generator.normal(size=3) * 0.05)


@st.composite
def random_trees(draw: st.DrawFn) -> str:
    """URDFs of two to eight joints of every kind, some of which follow others."""
    count = draw(st.integers(2, 8))
    number = st.floats(-1.0, 1.0).map(lambda x: round(x, 3))
    triple = st.tuples(number, number, number)
    direction = triple.filter(lambda v: np.linalg.norm(v) > 0.2)
    parts = [f'<link name="l{i}"/>' for i in range(1, count)]
    shape = '<collision><geometry><sphere radius="0.01"/></geometry></collision>'
    parts += [f'<link name="l0">{shape}</link><link name="l{count}">{shape}</link>']
    free = []
    for i in range(count):
        parent = draw(st.integers(0, i))
        kinds = ['revolute', 'continuous', 'prismatic', 'fixed'] if free else ['revolute']
        kind = draw(st.sampled_from(kinds))
        mimic = ''
        if free and kind in ('revolute', 'prismatic') and draw(st.booleans()):
            leader = draw(st.sampled_from(free))
            mimic = (
                f'<mimic joint="{leader}" multiplier="{draw(number)}" offset="{draw(number)}"/>'
            )
        if kind != 'fixed':
            free.append(f'j{i}')
        xyz, rpy, axis = (' '.join(map(str, draw(s))) for s in (triple, triple, direction))
        limit = '<limit lower="-1" upper="1.5" effort="1" velocity="1"/>'
        parts.append(
            f'<joint name="j{i}" type="{kind}"><parent link="l{parent}"/><child link="l{i + 1}"/>'
            f'<origin xyz="{xyz}" rpy="{rpy}"/><axis xyz="{axis}"/>{limit}{mimic}</joint>'
        )
    return f'<robot name="tree">{"".join(parts)}</robot>'


@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=random_trees(), seed=st.integers(0, 1000))
def test_generated_trees_agree_with_pinocchio(text, seed):
    hand = load_hand_text(text)
    generator = np.random.default_rng(seed)
    q = generator.uniform(-1.0, 1.5, len(hand.joint_names))
    assert_agrees_with_pinocchio(hand, q, generator.normal(size=3) * 0.1)


def test_many_postures_and_base_poses_at_once(allegro):
    generator = np.random.default_rng(2)
    q = generator.uniform(allegro.lower, allegro.upper, (3, 16))
    base = np.concatenate([generator.normal(size=(3, 3)), Rotation.random(3, rng=3).as_quat()], 1)
    together = link_poses(allegro, q, base)
    assert together.shape == (3, len(allegro.link_names), 7)
    for i in range(3):
        alone = compose(base[i], link_poses(allegro, q[i]))
        np.testing.assert_allclose(pose_to_matrix(together[i]), pose_to_matrix(alone), atol=1e-12)
    assert jacobian(allegro, q, 5, np.zeros(3)).shape == (3, 6, 16)


def test_chain_of_mimic_joints_has_the_product_of_multipliers():
    hand = load_hand_text(
        """<robot name="chain"><link name="a"/>
        <link name="d"><collision><geometry><sphere radius="0.01"/></geometry></collision></link>
        <link name="b"/><link name="c"/>
        <joint name="3" type="revolute"><parent link="c"/><child link="d"/>
          <mimic joint="2" multiplier="-2" offset="0.1"/></joint>
        <joint name="2" type="revolute"><parent link="b"/><child link="c"/>
          <mimic joint="1" multiplier="0.5" offset="0.3"/></joint>
        <joint name="1" type="revolute"><parent link="a"/><child link="b"/>
          <limit lower="0" upper="1" effort="1" velocity="1"/></joint></robot>"""
    )
    assert hand.joint_names == ('1',)
    link = hand.link_names.index('d')
    assert hand.multipliers[link] == pytest.approx(-1.0)
    assert hand.offsets[link] == pytest.approx(-2 * 0.3 + 0.1)
    # All about x: the angles add up, q + (0.5 q + 0.3) - (q + 0.5).
    angle = Rotation.from_quat(link_poses(hand, [0.8])[link, 3:]).as_rotvec()
    np.testing.assert_allclose(angle, [0.5 * 0.8 - 0.2, 0, 0], atol=1e-12)


def test_a_slide_on_a_slide_that_it_follows_moves_by_both():
    slides = ''.join(
        f'<joint name="{n}" type="prismatic"><parent link="{n - 1}"/><child link="{n}"/>'
        f'<axis xyz="1 0 0"/><limit lower="0" upper="1" effort="1" velocity="1"/>{mimic}</joint>'
        for n, mimic in ((1, ''), (2, '<mimic joint="1" multiplier="2"/>'))
    )
    ball = '<collision><geometry><sphere radius="0.01"/></geometry></collision>'
    hand = load_hand_text(
        f'<robot name="slides"><link name="0"/><link name="1"/><link name="2">{ball}</link>'
        f'{slides}</robot>'
    )
    link = hand.link_names.index('2')
    np.testing.assert_allclose(link_poses(hand, [0.1])[link, :3], [0.3, 0, 0], atol=1e-12)
    moves = jacobian(hand, [0.1], link, np.zeros(3))
    np.testing.assert_allclose(moves[:, 0], [3, 0, 0, 0, 0, 0], atol=1e-12)


def test_wrong_number_of_joints_is_refused(allegro):
    with pytest.raises(InputError, match='16') as caught:
        link_poses(allegro, np.zeros(15))
    assert caught.value.code == ErrorCode.WRONG_SHAPE
