"""Each joint closes to where fingers come nearer to each other or to the palm, or not at all."""

from __future__ import annotations

import made_hands as made
import numpy as np
import pytest

from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.hand.mirror import mirror_urdf

FLEXING = {f'f{k}_{i}': 1 for k in range(3) for i in range(2)}
THUMB = {'thumb_turn': 0, 'thumb_0': 1, 'thumb_1': 1}
EXPECTED = {
    'jaws that meet at 0': (made.jaws(), {'left': -1}),
    'jaws that meet at their upper limit': (made.jaws(closed_at=1.0), {'left': 1}),
    'jaws of a joint each': (made.jaws(follow=False), {'left': -1, 'right': -1}),
    'jaws with rods behind them': (made.jaws(rod=True), {'left': -1}),
    'jaws and a horn': (made.jaws_with_horn(), {'left': -1, 'horn': 0}),
    'parallel links': (made.linkage(), {'left': 1}),
    'parallel links without the inner one': (made.linkage(loop=False), {'left': 1}),
    'two of one joint': (made.upright(0.8, count=2, links=1), {'finger0_0': 1, 'finger1_0': 1}),
    'one joint each': (made.hand(ranges=(1.6,)), {f'f{k}_0': 1 for k in range(3)} | THUMB),
    'a thick palm': (made.hand(palm=made.THICK), FLEXING | THUMB),
    'joints below the palm face': (made.hand(palm=made.THICK, edge=-0.01), FLEXING | THUMB),
    'curled by half a turn and more': (
        made.hand(ranges=(1.9, 1.9, 1.9), coupled=True),
        {f'f{k}_0': 1 for k in range(3)} | THUMB,
    ),
    'spread joints': (
        made.hand(spread=True),
        FLEXING | THUMB | {f'f{k}_spread': 0 for k in range(3)},
    ),
    'both ways alike': (made.swinging(), {'finger': 0}),
}
each_hand = pytest.mark.parametrize(('urdf', 'expected'), EXPECTED.values(), ids=EXPECTED)


def closing(urdf: str) -> dict[str, int]:
    hand = made.load(urdf)
    names = [name.removesuffix('_joint') for name in hand.joint_names]
    return dict(zip(names, hand.closing.tolist(), strict=True))


@each_hand
def test_signs(urdf, expected):
    assert closing(urdf) == expected


@each_hand
def test_a_joint_counted_the_other_way_closes_with_the_other_sign(urdf, expected):
    other = made.turned_round(urdf)
    assert closing(other) == {name: -sign for name, sign in expected.items()}
    turned, hand = made.load(other), made.load(urdf)
    np.testing.assert_allclose(turned.preshape, -hand.preshape, atol=1e-12)
    np.testing.assert_allclose(
        pose_to_matrix(turned.palm_pose), pose_to_matrix(hand.palm_pose), atol=1e-9
    )


@pytest.mark.parametrize('name', ['jaws of a joint each', 'parallel links', 'spread joints'])
def test_a_mirrored_hand_closes_as_its_image(name):
    urdf, expected = EXPECTED[name]
    image = load_hand_text(mirror_urdf(urdf, 1))
    assert dict(zip(image.joint_names, image.closing, strict=True)) == {
        f'{joint}_joint': sign for joint, sign in expected.items()
    }
    sign = np.array([1.0, -1.0, 1.0])
    palm, mirrored = (pose_to_matrix(h.palm_pose) for h in (made.load(urdf), image))
    for column in (0, 2, 3):  # y points to the other side
        np.testing.assert_allclose(mirrored[:3, column], sign * palm[:3, column], atol=1e-9)


@pytest.mark.parametrize('upper', [0.5, 1.0, 1.6, 2.0])
@pytest.mark.parametrize('links', [1, 2])
def test_upright_fingers_close_inwards_however_far_they_go(upper, links):
    assert set(closing(made.upright(upper, links=links)).values()) == {1}


def test_warnings_name_what_nothing_closes():
    (warning,) = (w for w in made.load(made.swinging()).warnings if 'close' in w)
    assert 'the hand' in warning and "'closing: {finger_joint: 1}'" in warning
    urdf = made.jaws().replace('</robot>', '')
    finger = made.link('stiff', ((0, 0, 0.05), (0.012, 0.012, 0.08)))
    turns = made.joint('stiff', 'base', (0.05, 0, 0.04), (0, 0, 1), (-1.5, 1.5))
    hand = load_hand_text(f'{urdf}{finger}{turns}</robot>')
    (warning,) = hand.warnings
    assert "the finger of 'stiff'" in warning and "'closing: {stiff_joint: 1}'" in warning


def test_what_is_said_is_not_doubted(tmp_path):
    said = tmp_path / 'said.yaml'
    said.write_text('{closing: {finger_joint: 0}, palm: {approach: [0, 0, 1]}}')
    assert load_hand_text(made.swinging(), overrides=said).warnings == ()
