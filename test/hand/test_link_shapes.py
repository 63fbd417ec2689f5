"""What links are made of: capsules, and visuals that cannot be drawn."""

from __future__ import annotations

import re

import numpy as np
import pytest
from arms import FINGERS

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.hand import load_hand, load_hand_text, mirror_hand

PLAIN = f'<robot name="grip">{FINGERS}</robot>'
RADIUS, LENGTH = 0.01, 0.06  # m
CAPSULE = PLAIN.replace(
    '<box size="0.02 0.02 0.08"/>', f'<capsule radius="{RADIUS}" length="{LENGTH}"/>', 1
)


def test_a_capsule_has_half_balls_beyond_its_length():
    hand = load_hand_text(CAPSULE)
    group = hand.group_names.index('left')
    assert hand.geometry_types[group] == GeometryType.CAPSULE
    np.testing.assert_allclose(hand.geometry_sizes[group], [RADIUS, LENGTH / 2, 0])
    assert hand.geometry_types[hand.group_names.index('right')] == GeometryType.BOX
    clusters = slice(*hand.group_clusters[group : group + 2])
    points = hand.points[slice(*hand.cluster_points[[clusters.start, clusters.stop]])]
    points = points - hand.geometry_poses[group, :3]
    axis = np.clip(points[:, 2], -LENGTH / 2, LENGTH / 2)
    np.testing.assert_allclose(
        np.hypot(np.hypot(points[:, 0], points[:, 1]), points[:, 2] - axis), RADIUS, atol=1e-6
    )
    (drawn,) = [mesh for mesh in hand.meshes if hand.link_names[mesh.link] == 'left']
    np.testing.assert_allclose(np.ptp(drawn.vertices[:, 2]), LENGTH + 2 * RADIUS, rtol=1e-3)
    stored = load_hand_text(mirror_hand(hand).urdf)
    assert stored.geometry_types[group] == GeometryType.CAPSULE


def test_capsules_are_drawn_too():
    shape = CAPSULE[CAPSULE.index('<capsule') :].partition('</geometry>')[0]
    text = PLAIN.replace(
        '<link name="palm">',
        f'<link name="palm"><visual><geometry>{shape}</geometry></visual>'
        '<visual><geometry><cylinder radius="0.01" length="0.06"/></geometry></visual>',
    )
    hand = load_hand_text(text)
    heights = [np.ptp(m.vertices[:, 2]) for m in hand.meshes if m.link == 0]
    np.testing.assert_allclose(heights, [LENGTH + 2 * RADIUS, LENGTH], rtol=1e-3)
    assert load_hand_text(PLAIN).warnings == hand.warnings


@pytest.mark.parametrize('size', ['radius="0.01"', 'radius="0.01" length="-1"', 'length="1"'])
def test_a_capsule_has_two_sizes(size):
    with pytest.raises(HandError, match=r"'left'.*<capsule>") as caught:
        load_hand_text(CAPSULE.replace(f'radius="{RADIUS}" length="{LENGTH}"', size))
    assert caught.value.code == ErrorCode.INVALID_URDF


BALL = '<collision><geometry><sphere radius="0.01"/></geometry></collision>'
RED = '<material name="m"><color rgba="red"/></material>'
LOST_VISUALS = {
    'no file': ('<geometry><mesh filename="none.stl"/></geometry>', r'none\.stl'),
    'an unknown format': ('<geometry><mesh filename="a.xyzzy"/></geometry>', r'a\.xyzzy'),
    'an unknown shape': ('<geometry><plane normal="0 0 1"/></geometry>', '<plane>'),
    'no shape': ('<geometry/>', 'nothing'),
    'no geometry': ('<origin/>', 'nothing'),
    'no scale': ('<geometry><mesh filename="a" scale="0 0 0"/></geometry>', '0 0 0'),
    'a word for a number': ('<geometry><mesh filename="a" scale="mm"/></geometry>', 'mm'),
    'no size': ('<geometry><box/></geometry>', 'size'),
    'no place': ('<origin xyz="0 0"/><geometry><sphere radius="1"/></geometry>', 'xyz'),
    'no colour': (f'<geometry><sphere radius="1"/></geometry>{RED}', 'red'),
}


@pytest.mark.parametrize(('inside', 'words'), LOST_VISUALS.values(), ids=LOST_VISUALS)
def test_a_visual_that_cannot_be_drawn_costs_a_warning(tmp_path, inside, words):
    (tmp_path / 'a.xyzzy').write_bytes(b'x')
    visual = f'<link name="left"><visual>{inside}</visual>'
    (tmp_path / 'grip.urdf').write_text(PLAIN.replace('<link name="left">', visual))
    whole, hand = load_hand_text(PLAIN), load_hand(tmp_path / 'grip.urdf')
    np.testing.assert_array_equal(hand.points, whole.points)
    (warning,) = set(hand.warnings) - set(whole.warnings)
    assert "'left'" in warning and 'not drawn' in warning and re.search(words, warning)
    assert load_hand_text(mirror_hand(hand).urdf).joint_names == hand.joint_names


def test_a_visual_above_the_hand_is_nothing_to_warn_of():
    arm = f'<link name="arm"><visual><geometry/></visual>{BALL}</link>'
    mount = '<joint name="m" type="fixed"><parent link="arm"/><child link="palm"/></joint>'
    text = PLAIN.replace('</robot>', f'{arm}{mount}</robot>')
    assert load_hand_text(text, root='palm').warnings == load_hand_text(PLAIN).warnings


def test_a_visual_that_a_link_is_made_of_must_be_right():
    text = PLAIN.replace('collision>', 'visual>').replace('box size="0.1', 'plane size="0.1')
    with pytest.raises(HandError, match=r"'palm'.*<plane>"):
        load_hand_text(text)
