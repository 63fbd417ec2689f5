"""`allegro_bench`: the kinematics of the Allegro hand, and the collision shapes of a benchmark."""

import numpy as np

from dexgrasp_ros import load_hand
from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.hand import known_hands, load_hand_text


def depth(hand, link, point):
    """How deep [m] a point of a link's frame is in the boxes of that link; below 0 outside."""
    own = np.flatnonzero(hand.geometry_links == hand.link_names.index(link))
    inside = hand.geometry_sizes[own] - np.abs(np.array(point) - hand.geometry_poses[own, :3])
    return inside.min(axis=1).max()


def test_only_the_shapes_are_others():
    ours, theirs = load_hand('allegro'), load_hand('allegro_bench')
    assert theirs.name == 'allegro_bench' in known_hands()
    assert theirs.joint_names == ours.joint_names and theirs.link_names == ours.link_names
    for field in ('joint_origins', 'joint_axes', 'lower', 'upper', 'effort_limits', 'preshape'):
        np.testing.assert_array_equal(getattr(theirs, field), getattr(ours, field))
    assert not theirs.warnings and theirs.digest != ours.digest


def test_shapes_are_those_of_the_benchmark():
    """Sizes of its MJCF, and the capsule of the thumb 35 mm along z of the distal link."""
    hand = load_hand('allegro_bench')
    kinds = [GeometryType.BOX] * 17 + [GeometryType.CAPSULE] * 4
    assert sorted(hand.geometry_types) == sorted(kinds)
    palm = hand.geometry_links == 0
    np.testing.assert_allclose(hand.geometry_sizes[palm], [[0.0204, 0.0565, 0.0475]])
    np.testing.assert_allclose(hand.geometry_poses[palm, :3], [[-0.0093, 0, -0.0475]])
    tip = hand.link_names.index('link_15.0_tip')
    (capsule,) = np.flatnonzero(hand.geometry_links == tip)
    np.testing.assert_allclose(hand.geometry_sizes[capsule, :2], [0.012, 0.008])
    assert hand.joint_origins[tip, 2] + hand.geometry_poses[capsule, 2] == 0.035


def test_the_notch_at_the_base_of_the_thumb_is_filled():
    """It is 11 mm wide: its middle is 5.5 mm outside of ours, and 5.5 mm inside of theirs."""
    middle = (-0.0179, 0.0204, 0.028)
    assert depth(load_hand('allegro'), 'link_12.0', middle) < -0.005
    assert depth(load_hand('allegro_bench'), 'link_12.0', middle) > 0.005


def test_it_can_be_loaded_from_its_own_text():
    hand = load_hand('allegro_bench')
    again = load_hand_text(hand.urdf, name=hand.name)
    assert again.digest == hand.digest
