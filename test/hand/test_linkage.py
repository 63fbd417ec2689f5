"""Leaves of the tree that are no fingers: links that close a loop, a motor's horn."""

from __future__ import annotations

import made_hands as made
import numpy as np
import pytest

from dexgrasp_ros.synthesis.closing import find_parts
from dexgrasp_ros.synthesis.fingers import fingertips


def roles(hand) -> dict[str, tuple[int, float]]:
    """Finger and contact weight by link."""
    return {
        hand.link_names[link]: (int(finger), float(weight))
        for link, finger, weight in zip(
            hand.geometry_links, hand.group_fingers, hand.group_weights, strict=True
        )
    }


@pytest.mark.parametrize('urdf', [made.linkage(), made.turned_round(made.linkage())])
def test_a_link_that_closes_a_loop_belongs_to_its_finger_and_touches_nothing(urdf):
    hand = made.load(urdf)
    found = roles(hand)
    for number, side in enumerate(('left', 'right')):
        assert found[f'{side}_tip'] == (number, 1.0)
        assert found[side] == (number, 0.5)
        assert found[f'{side}_inner'] == (number, 0.0)
    tips = {hand.link_names[i] for i in hand.geometry_links[fingertips(hand)]}
    assert tips == {'left_tip', 'right_tip'}
    # The jaws, with all their links, are one part that one joint closes.
    parts = find_parts(hand)
    assert set(parts.groups) == {-1, 0} and list(parts.joints) == [0]


def test_a_horn_is_no_finger():
    hand = made.load(made.jaws_with_horn())
    assert roles(hand)['horn'] == (-1, 0.0)
    np.testing.assert_allclose(hand.palm_pose, made.load(made.jaws()).palm_pose, atol=1e-9)


def test_fingers_that_move_together_all_stay_fingers():
    """A motor for all: nothing closes a loop, though no finger but one has a joint of its own."""
    urdf = made.hand(coupled=True, ranges=(1.5, 1.6))
    for k in (1, 2):
        alone = urdf.split(f'name="f{k}_0_joint"')[1].split('</joint>')[0]
        urdf = urdf.replace(
            alone, f'{alone}<mimic joint="f0_0_joint" multiplier="{1 + 0.1 * k}"/>'
        )
    hand = made.load(urdf)
    assert hand.joint_names == (
        'f0_0_joint', 'thumb_turn_joint', 'thumb_0_joint', 'thumb_1_joint',
    )  # fmt: skip
    assert {weight for name, (_, weight) in roles(hand).items() if name[-2:] == '_1'} == {1.0}
    assert len({finger for finger, _ in roles(hand).values()}) == 5  # four and the palm
