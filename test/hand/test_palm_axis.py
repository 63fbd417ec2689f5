"""The palm's frame: z leaves the face that grasps, whatever the fingers do on their way there."""

from __future__ import annotations

import re

import made_hands as made
import numpy as np
import pytest

from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import load_hand_text

UP, FRONT = (0.0, 0.0, 1.0), (0.0, 1.0, 0.0)
EXPECTED = {
    'flat': (made.hand(), FRONT),
    'thick': (made.hand(palm=made.THICK), FRONT),
    # A heel or a bevel of 45° at the wrist, which the fingers point at as they curl.
    'heel': (made.hand(palm=made.HEEL, ranges=(2.1, 2.2), coupled=True), FRONT),
    'bevel': (made.hand(palm=made.BEVEL), FRONT),
    'bevel, fingers that curl far': (made.hand(palm=made.BEVEL, ranges=(2.0, 2.0)), FRONT),
    'curled by half a turn': (made.hand(ranges=(1.6, 1.6)), FRONT),
    'curled farther': (made.hand(ranges=(1.9, 1.9, 1.9), coupled=True), FRONT),
    'jaws': (made.jaws(), UP),
    'linkage': (made.linkage(), UP),
    **{f'upright, {u} rad': (made.upright(u), UP) for u in (0.5, 0.8, 1.0, 1.3, 1.6, 2.0)},
    **{f'upright, {u} rad, one joint': (made.upright(u, links=1), UP) for u in (0.5, 2.0)},
}


@pytest.mark.parametrize(('urdf', 'axis'), EXPECTED.values(), ids=EXPECTED)
def test_approach_axis(urdf, axis):
    hand = made.load(urdf)
    np.testing.assert_allclose(pose_to_matrix(hand.palm_pose)[:3, 2], axis, atol=1e-6)
    assert hand.warnings == ()


def test_the_centre_lies_on_the_face():
    center = made.load(made.hand(palm=made.HEEL)).palm_pose[:3]
    np.testing.assert_allclose(center[:2], [0.0, 0.0], atol=1e-3)
    assert 0.03 < center[2] < 0.06


@pytest.mark.parametrize(
    'urdf', [made.jaws(), made.jaws(follow=False), made.linkage(), made.upright(0.8, count=2)]
)
def test_x_lies_along_the_motion_of_two_jaws(urdf):
    hand = made.load(urdf)
    along = (1.0, 0.0, 0.0) if 'plate' in hand.link_names else (0.0, 1.0, 0.0)
    assert abs(pose_to_matrix(hand.palm_pose)[:3, 0] @ along) > 0.999


def test_x_points_to_the_first_finger_where_tips_cancel():
    hand = made.load(made.upright(0.8))
    np.testing.assert_allclose(pose_to_matrix(hand.palm_pose)[:3, 0], [1, 0, 0], atol=1e-6)


def test_a_palm_without_surface_faces_the_closing_fingers_with_a_warning():
    urdf = re.sub(r'(<link name="plate">).*?(</link>)', r'\1\2', made.upright(1.3))
    hand = load_hand_text(urdf)
    assert pose_to_matrix(hand.palm_pose)[:3, 2] @ UP > 0.9
    assert any("'palm: {approach: " in warning for warning in hand.warnings)


def test_fingers_that_bend_both_ways_leave_it_open_which_side_grasps(tmp_path):
    """Without a thumb; the YAML in the warning turns the palm round, and settles it."""
    parts = [made.link('palm', ((0, 0, 0.045), (0.09, 0.02, 0.09)))]
    for k, x in enumerate((-0.03, 0.0, 0.03)):
        parts.append(made.link(f'f{k}', ((0, 0, 0.04), (0.014, 0.014, 0.08))))
        parts.append(made.joint(f'f{k}', 'palm', (x, 0, 0.095), (1, 0, 0), (-1.5, 1.5)))
    urdf = made.robot(*parts)
    hand = load_hand_text(urdf)
    (warning,) = (w for w in hand.warnings if 'approach' in w)
    said = tmp_path / 'said.yaml'
    said.write_text(re.search("'(palm: .*})'", warning)[1])
    other = load_hand_text(urdf, overrides=said)
    axes = [pose_to_matrix(h.palm_pose)[:3, 2] for h in (hand, other)]
    assert axes[0] @ axes[1] < 0.8
    assert not any('approach' in w for w in other.warnings)
