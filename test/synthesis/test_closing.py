"""Which fingers open together, and where a plan from a simulated closing touches."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from closing_scenes import AWAY, IDLE, close, gripper, jaw

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize
from dexgrasp_ros.synthesis.closing import find_parts, replan_closing
from dexgrasp_ros.synthesis.overlap import deepest_points
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


# --- where links touch that the simulation sees nothing of ---------------------------------------

BEAD = 0.008  # m, radius of a ball
# The first plate's points, 4.7 and 4.3 mm apart, have none in the middle of its face: there the
# bead sinks in by 0.35 mm, and into the second plate, which lies 0.25 mm deeper. The first covers
# all of that one's points but those near its ends, farther from the bead than is simulated.
COVERED = BOX.format('0 -0.005 0', '0.033 0.01 0.013')
COVERED += BOX.format('0 -0.00525 0', '0.08 0.01 0.008')
LEFT, RIGHT = 2, 4  # groups of the second plates


@pytest.fixture(scope='module')
def covered():
    return gripper(
        jaw('left', side=1, pads=COVERED),
        jaw('right', side=-1, pads=COVERED),
        IDLE,
    )


@pytest.fixture(scope='module')
def bead():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=BEAD)
    return load_object((ball.vertices, ball.faces))


def test_contacts_that_only_the_object_tells_have_place_and_normal(covered, bead):
    touch, config = AWAY - BEAD, SynthesisConfig(device='cpu')
    ends = {'pregrasp': touch - 0.01, 'grasp': touch - 0.001, 'squeeze': touch + 0.002}
    outcome = close(covered, bead, **{name: [q, q] for name, q in ends.items()})
    hidden = [LEFT, RIGHT]
    assert not outcome.touching[0, hidden].any()
    search = Search(covered, bead, config)
    planned = replan_closing(search, covered, config, outcome).in_contact
    assert (planned.distance[0, hidden] < 0.0).all()
    # The poles of the bead, but for the gaps between its points.
    np.testing.assert_allclose(planned.point[0, hidden, 1], [-BEAD, BEAD], atol=2e-4)
    np.testing.assert_allclose(planned.point[0, hidden][:, [0, 2]], 0.0, atol=1e-3)
    np.testing.assert_allclose(planned.normal[0, hidden], [[0, 1, 0], [0, -1, 0]], atol=0.1)
    np.testing.assert_allclose(np.linalg.norm(planned.normal[0, 1:5], axis=1), 1.0, atol=1e-6)
    # What the simulation presses on is taken from there.
    pressed = outcome.touching[0]
    assert pressed.sum() == 2
    np.testing.assert_array_equal(planned.point[0, pressed], outcome.point[0, pressed])
    np.testing.assert_array_equal(planned.normal[0, pressed], outcome.normal[0, pressed])


def test_deepest_points_are_those_of_the_face_that_is_inside():
    """A box that the left jaw's pad, turned or not, has entered by 2 mm."""
    hand = gripper(jaw('left', side=1), jaw('right', side=-1))
    solid = trimesh.creation.box([0.05, 0.04, 0.03])
    obj = load_object((solid.vertices, solid.faces))
    pose = np.array([[0.0, 0, 0, 0, 0, 0, 1], [0.0, 0, 0, 0, 0, 1, 0]])  # half a turn about z
    palm = compose(pose, np.broadcast_to(hand.palm_pose, pose.shape))
    joints = np.full((2, 2), AWAY - 0.018)
    points, normals = deepest_points(hand, obj, palm, joints, np.array([1, 1]))
    np.testing.assert_allclose(points[:, 1], [-0.02, 0.02], atol=1e-6)
    assert (np.abs(points[:, [0, 2]]) < 0.009).all()  # beside the pad nothing is inside
    np.testing.assert_allclose(normals, [[0, 1, 0], [0, -1, 0]], atol=1e-6)


def test_deepest_points_of_no_states(covered, bead):
    none = np.empty(0, dtype=np.int64)
    points, normals = deepest_points(covered, bead, np.empty((0, 7)), np.empty((0, 2)), none)
    assert points.shape == normals.shape == (0, 3)
