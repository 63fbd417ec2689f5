"""What comes before the palm, on hands made for it."""

from __future__ import annotations

import numpy as np
import pytest
from made_hands import joint, link, load, robot

from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.hand.moving_joints import locked_joints

# A palm of 8 cm, whose face is up, with a finger at each end.
PALM = ((0, 0, 0.01), (0.08, 0.04, 0.02))
FINGERS = (
    link('left', ((0, 0, 0.03), (0.012, 0.02, 0.06))),
    link('right', ((0, 0, 0.03), (0.012, 0.02, 0.06))),
)
FLANGE = ((0, 0, -0.02), (0.05, 0.05, 0.02))


def fingers_on(palm: str) -> str:
    """Two fingers that bend towards each other."""
    return joint('left', palm, (-0.034, 0, 0.02), (0, 1, 0), (0, 1.2)) + joint(
        'right', palm, (0.034, 0, 0.02), (0, -1, 0), (0, 1.2)
    )


def fixed(child: str, parent: str, at: tuple[float, float, float] = (0, 0, 0)) -> str:
    place = ' '.join(map(str, at))
    return (
        f'<joint name="{child}_joint" type="fixed"><parent link="{parent}"/>'
        f'<child link="{child}"/><origin xyz="{place}"/></joint>'
    )


def links_before(hand) -> set[str]:
    return {hand.link_names[i] for i in hand.geometry_links[hand.group_before_palm]}


def forearm(kind: str = 'revolute') -> str:
    """Forearm, wrist and palm; a watch on the forearm."""
    return robot(
        link('forearm', ((0, 0, -0.1), (0.05, 0.05, 0.1))),
        link('watch', ((0, 0, 0), (0.06, 0.06, 0.01))),
        link('wrist', ((0, 0, -0.02), (0.03, 0.03, 0.03))),
        link('palm', PALM),
        *FINGERS,
        fixed('watch', 'forearm', (0, 0, -0.1)),
        joint('wrist', 'forearm', (0, 0, -0.02), (1, 0, 0), (-0.5, 0.5), kind=kind),
        joint('palm', 'wrist', (0, 0, 0), (0, 1, 0), (-0.5, 0.5), kind=kind),
        fingers_on('palm'),
    )


@pytest.mark.parametrize('locked', [None, {'wrist_joint': 0.2, 'palm_joint': 0.0}])
def test_a_forearm_is_before_the_palm_whether_the_wrist_moves_or_not(locked):
    hand = load_hand_text(forearm(), locked_joints=locked)
    assert links_before(hand) == {'forearm', 'watch', 'wrist'}
    assert (hand.group_weights[hand.group_before_palm] == 0.0).all()
    assert (hand.group_weights[~hand.group_before_palm] > 0.0).all()
    assert locked_joints(hand) == (locked or {})


def test_a_flange_that_a_fixed_joint_joins_is_before_the_palm():
    flange = robot(
        link('flange', FLANGE), link('palm', PALM), *FINGERS, fixed('palm', 'flange'),
        fingers_on('palm'),
    )  # fmt: skip
    hand = load(flange)
    assert links_before(hand) == {'flange'}
    alone = load(robot(link('palm', PALM), *FINGERS, fingers_on('palm')))
    np.testing.assert_allclose(hand.palm_pose, alone.palm_pose, atol=1e-3)
    assert not alone.group_before_palm.any()


def test_a_palm_of_several_links_is_one():
    """Fingers on a frame without geometry, or on a small block: the face is on what carries it."""
    frame = robot(
        link('base', PALM), link('frame'), *FINGERS, fixed('frame', 'base'), fingers_on('frame')
    )
    block = robot(
        link('base', PALM), link('block', ((0, 0, 0.004), (0.076, 0.01, 0.008))), *FINGERS,
        fixed('block', 'base'), fingers_on('block'),
    )  # fmt: skip
    beside = robot(
        link('base'), link('left_half', ((-0.02, 0, 0.01), (0.04, 0.04, 0.02))),
        link('right_half', ((0.02, 0, 0.01), (0.04, 0.04, 0.02))), *FINGERS,
        fixed('left_half', 'base'), fixed('right_half', 'base'),
        joint('left', 'left_half', (-0.034, 0, 0.02), (0, 1, 0), (0, 1.2)),
        joint('right', 'right_half', (0.034, 0, 0.02), (0, -1, 0), (0, 1.2)),
    )  # fmt: skip
    for urdf in (frame, block, beside):
        assert links_before(load(urdf)) == set()


def test_a_contact_weight_lets_it_touch(tmp_path):
    said = tmp_path / 'said.yaml'
    said.write_text('contact_weights: {wrist: 0.1}')
    hand = load_hand_text(forearm(), overrides=said)
    idle = hand.group_before_palm & (hand.group_weights == 0.0)
    assert {hand.link_names[i] for i in hand.geometry_links[idle]} == {'forearm', 'watch'}


@pytest.mark.parametrize(
    ('name', 'before'),
    [
        ('allegro', set()),
        ('barrett', set()),
        ('shadow', {'rh_forearm', 'rh_wrist'}),
        ('shadow_left', {'rh_forearm', 'rh_wrist'}),
    ],
)
def test_the_hands_of_the_package(name, before):
    hand = load_hand(name)
    assert links_before(hand) == before
    locked = {'rh_WRJ1': 0.0, 'rh_WRJ2': 0.0} if before else {}
    assert locked_joints(hand) == locked
