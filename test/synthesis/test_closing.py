"""Which fingers open together."""

from __future__ import annotations

import numpy as np
import trimesh

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize
from dexgrasp_ros.synthesis.closing import find_parts
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds

BOX = '<collision><origin xyz="{0}"/><geometry><box size="{1}"/></geometry></collision>'
LIMIT = '<limit lower="0" upper="0.04" effort="40" velocity="0.1"/>'
# Two jaws that one motor closes, and behind them a third finger on a joint of its own.
JAWS = f"""
<robot name="jaws">
  <link name="body">{BOX.format('0 0 0.01', '0.06 0.12 0.02')}</link>
  <link name="left">{BOX.format('0 0 0.05', '0.03 0.01 0.1')}</link>
  <link name="right">{BOX.format('0 0 0.05', '0.03 0.01 0.1')}</link>
  <link name="thumb">{BOX.format('0 0 0.04', '0.01 0.02 0.08')}</link>
  <joint name="close" type="prismatic"><parent link="body"/><child link="left"/>
    <origin xyz="0 0.05 0.02"/><axis xyz="0 -1 0"/>{LIMIT}</joint>
  <joint name="follow" type="prismatic"><parent link="body"/><child link="right"/>
    <origin xyz="0 -0.05 0.02"/><axis xyz="0 1 0"/>{LIMIT}<mimic joint="close"/></joint>
  <joint name="press" type="prismatic"><parent link="body"/><child link="thumb"/>
    <origin xyz="-0.04 0 0.02"/><axis xyz="1 0 0"/>{LIMIT}</joint>
</robot>"""


def test_jaws_of_one_motor_are_one_part():
    hand = load_hand_text(JAWS)
    parts = find_parts(hand)
    of = dict(zip((hand.link_names[i] for i in hand.geometry_links), parts.groups, strict=True))
    assert of['left'] == of['right'] >= 0
    assert of['thumb'] not in (of['left'], -1)
    assert of['body'] == -1
    assert list(parts.joints) == [of['left'], of['thumb']]


def test_the_search_moves_what_slides_by_millimetres():
    """Steps are in radians; 3 cm at once would be all of a jaw's way."""
    hand = load_hand_text(JAWS)
    box = trimesh.creation.box([0.04, 0.05, 0.05])
    obj = load_object((box.vertices, box.faces))
    config = SynthesisConfig(seed_count=16, iterations=1, device='cpu')
    search = Search(hand, obj, config)
    start = make_seeds(search, hand, obj, config)
    moved = np.abs(search.optimize(*start)[1] - start[1])
    assert 0.001 < moved.max() <= 0.1 * config.step_joint + 1e-6


def test_a_spread_joins_no_fingers():
    hand = load_hand('barrett')
    parts = find_parts(hand)
    assert len(set(parts.groups)) == 4  # three fingers and the palm
    assert parts.joints[hand.joint_names.index('bh_j11_joint')] == -1
    assert set(parts.joints) == {-1, 0, 1, 2}


def test_independent_fingers_stay_apart(allegro):
    parts = find_parts(allegro)
    np.testing.assert_array_equal(parts.groups, allegro.group_fingers)
    assert sorted(np.bincount(parts.joints)) == [4, 4, 4, 4]


def test_jaws_open_before_they_squeeze():
    hand = load_hand_text(JAWS)
    box = trimesh.creation.box([0.04, 0.05, 0.05])
    obj = load_object((box.vertices, box.faces))
    grasps = synthesize(hand, obj, SynthesisConfig(seed_count=256, max_grasps=4))
    assert len(grasps) >= 1
    close = hand.joint_names.index('close')
    assert (grasps.pregrasp[:, close] < grasps.grasp[:, close]).all()
    assert (grasps.grasp[:, close] < grasps.squeeze[:, close]).all()
