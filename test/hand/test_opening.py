"""The width of a gripper's opening against what its drawing says."""

from __future__ import annotations

import numpy as np
import pytest
from grippers import parallel_gripper, swinging_gripper

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.hand.opening import is_gripper, opening_width


def test_jaws_that_slide_are_two_strokes_apart():
    hand = load_hand_text(parallel_gripper())
    q = np.linspace(0.0, 0.04, 6)[:, None]
    np.testing.assert_allclose(opening_width(hand, q), 2 * q[:, 0], atol=1e-6)
    assert opening_width(hand, q.reshape(2, 3, 1)).shape == (2, 3)
    assert opening_width(hand, [0.01]) == pytest.approx(0.02, abs=1e-6)


def test_jaws_that_swing_are_nearest_at_their_tips():
    length = 0.09
    hand = load_hand_text(swinging_gripper(length=length))
    for angle in (0.0, 0.1, 0.2):
        # The inner corner of a tip stands 5 mm inside of its middle line.
        corner = 0.03 - 0.005 * np.cos(angle) - length * np.sin(angle)
        edge = 0.03 - 0.005 * np.cos(angle) - 0.5 * length * np.sin(angle)
        (width,) = opening_width(hand, [[angle]])
        assert 2 * corner - 1e-6 <= width <= 2 * edge + 1e-6


def test_the_frame_of_the_root_does_not_matter():
    turned = parallel_gripper().replace(
        '</robot>',
        '<link name="flange"/><joint name="mount" type="fixed"><parent link="flange"/>'
        '<child link="base"/><origin xyz="0.1 -0.2 0.3" rpy="0.4 1.1 -0.7"/></joint></robot>',
    )
    assert opening_width(load_hand_text(turned), [0.03]) == pytest.approx(0.06, abs=1e-5)


def test_hands_have_none():
    hand = load_hand('barrett')
    assert not is_gripper(hand)
    assert np.isnan(opening_width(hand, hand.preshape))


def test_another_number_of_joints_is_refused():
    with pytest.raises(InputError) as caught:
        opening_width(load_hand_text(parallel_gripper()), [0.0, 0.0])
    assert caught.value.code == ErrorCode.WRONG_SHAPE
