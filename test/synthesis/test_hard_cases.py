"""Objects and hands that give few grasps or none: coded errors or counts that say why."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from oracles import distance_to, object_depth, posed_points

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, HandError, ObjectError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize

SEEDS = 16
DEEPEST = 0.002  # m; the search rejects at 1.5 mm, its grid rounds corners by half a millimetre

ONE_FINGER = """<robot name="one_finger">
<link name="palm"><collision><origin xyz="-0.04 0 -0.01"/>
  <geometry><box size="0.08 0.06 0.02"/></geometry></collision></link>
<link name="proximal"><collision><origin xyz="0.025 0 0" rpy="0 1.5708 0"/>
  <geometry><cylinder radius="0.008" length="0.05"/></geometry></collision></link>
<joint name="knuckle" type="{kind}"><parent link="palm"/><child link="proximal"/>
  <origin xyz="0.008 0 -0.008"/><axis xyz="0 -1 0"/>
  <limit lower="0" upper="1.6" effort="1" velocity="1"/></joint>
<link name="distal"><collision><origin xyz="0.02 0 0" rpy="0 1.5708 0"/>
  <geometry><cylinder radius="0.008" length="0.04"/></geometry></collision></link>
<joint name="tip" type="{kind}"><parent link="proximal"/><child link="distal"/>
  <origin xyz="0.055 0 0"/><axis xyz="0 -1 0"/>
  <limit lower="0" upper="1.6" effort="1" velocity="1"/></joint></robot>"""


def two_pieces():
    ball = trimesh.creation.icosphere(radius=0.025)
    ball.apply_translation([0.12, 0, 0])
    return trimesh.util.concatenate([trimesh.creation.box([0.04, 0.04, 0.04]), ball])


def open_box(*, lids: int = 1):
    """Box of which so many opposite faces are missing."""
    box = trimesh.creation.box([0.06, 0.06, 0.08])
    keep = box.face_normals[:, 2] < 0.5
    keep &= (lids < 2) | (box.face_normals[:, 2] > -0.5)
    return trimesh.Trimesh(box.vertices, box.faces[keep], process=False)


def crossed_sheets():
    """Three faces at each of one edge's ends: no patch closes it, and nothing is inside."""
    vertices = [[0, 0, 0], [0, 0, 0.1], [0.1, 0, 0], [-0.05, 0.08, 0], [-0.05, -0.08, 0]]
    return trimesh.Trimesh(vertices, [[0, 1, 2], [0, 1, 3], [0, 1, 4]], process=False)


def find(hand, mesh, **changes) -> tuple[GraspSet, object]:
    obj = load_object((np.array(mesh.vertices), np.array(mesh.faces)))
    settings = {'seed_count': SEEDS, 'max_grasps': SEEDS, 'iterations': 80, 'device': 'cpu'}
    return synthesize(hand, obj, SynthesisConfig(**settings | changes)), obj


def assert_sound(grasps: GraspSet, hand, obj, *, seed_count: int = SEEDS) -> None:
    """Every candidate is accounted for, and what is returned is finite and only touches."""
    assert len(grasps) + sum(grasps.rejected.values()) == seed_count
    assert min(grasps.rejected.values()) >= 0
    for name in ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze', 'score'):
        assert np.isfinite(getattr(grasps, name)).all(), name
    assert (grasps.contact_count >= 3).all()
    # Of a surface that encloses nothing only its points in the hand tell of an overlap.
    closed = trimesh.Trimesh(obj.vertices, obj.faces).is_watertight
    for n in range(len(grasps)):
        at_grasp = grasps.base_pose[n], grasps.grasp[n]
        at_pregrasp = grasps.pregrasp_base_pose[n], grasps.pregrasp[n]
        assert object_depth(hand, *at_grasp, obj) < DEEPEST
        assert object_depth(hand, *at_pregrasp, obj) < 2e-4
        if closed:
            assert distance_to(obj, posed_points(hand, *at_grasp)[0]).min() > -DEEPEST
            assert distance_to(obj, posed_points(hand, *at_pregrasp)[0]).min() > 0.0


def test_a_box_of_a_metre_is_too_large_for_any_hand(allegro):
    grasps, obj = find(allegro, trimesh.creation.box([1.0, 1.0, 1.0]))
    assert_sound(grasps, allegro, obj)
    assert len(grasps) == 0
    # All contacts push the same way: most of every test wrench is left.
    assert grasps.rejected['residual'] == SEEDS


def test_a_needle_is_held_by_its_surface_or_not_at_all(allegro):
    """Two millimetres across: as thin as the spacing of the hand's points and of the grid."""
    grasps, obj = find(allegro, trimesh.creation.cylinder(0.001, 0.15))
    assert_sound(grasps, allegro, obj)
    assert sum(grasps.rejected.values()) > 0


def test_a_sheet_is_not_swallowed(allegro):
    """Thinner than the grid's spacing can be: the grid alone would not see it."""
    grasps, obj = find(allegro, trimesh.creation.box([0.2, 0.2, 0.0005]))
    assert obj.distance.spacing > 0.0005
    assert_sound(grasps, allegro, obj)
    # Links do end in it, and only its own points tell; these grasps must not be returned.
    assert grasps.rejected['penetration'] > 0
    assert len(grasps) < SEEDS // 2


def test_two_pieces_are_one_body_and_that_is_said(allegro):
    grasps, obj = find(allegro, two_pieces(), max_grasps=6)
    assert_sound(grasps, allegro, obj)
    assert any('2 separate pieces' in warning for warning in obj.warnings)


def test_a_missing_face_is_closed(allegro):
    grasps, obj = find(allegro, open_box(), max_grasps=6)
    assert_sound(grasps, allegro, obj)
    assert any('closed' in warning for warning in obj.warnings)
    # No hand reaches into what is now solid.
    for n in range(len(grasps)):
        points, _ = posed_points(allegro, grasps.base_pose[n], grasps.grasp[n])
        inside = (np.abs(points) < np.array([0.03, 0.03, 0.04]) - DEEPEST).all(axis=1)
        assert not inside.any()


def test_a_tube_of_a_box_is_closed_at_both_ends(allegro):
    grasps, obj = find(allegro, open_box(lids=2), iterations=40, max_grasps=6)
    assert_sound(grasps, allegro, obj)
    np.testing.assert_allclose(obj.mass, 500 * 0.06 * 0.06 * 0.08, rtol=1e-3)


def test_sheets_that_enclose_nothing_give_an_error_or_no_nonsense(allegro):
    try:
        grasps, obj = find(allegro, crossed_sheets(), iterations=40)
    except ObjectError as error:
        assert error.code == ErrorCode.INVALID_MESH
    else:
        assert_sound(grasps, allegro, obj)
        assert any('not closed' in warning for warning in obj.warnings)


@pytest.mark.parametrize(
    'mesh',
    [
        trimesh.creation.cylinder(0.025, 0.1),
        trimesh.creation.box([0.3, 0.3, 0.3]),
        trimesh.creation.icosphere(radius=0.004),
    ],
    ids=['can', 'large box', 'pea'],
)
def test_a_hand_of_one_finger(mesh):
    hand = load_hand_text(ONE_FINGER.format(kind='revolute'))
    grasps, obj = find(hand, mesh)
    assert_sound(grasps, hand, obj)
    # A finger of two bodies and a palm: a few hooks at best.
    assert len(grasps) <= SEEDS // 4
    assert sum(grasps.rejected[reason] for reason in ('residual', 'contacts')) >= SEEDS // 2


def test_a_hand_that_cannot_move_is_refused():
    with pytest.raises(HandError, match='can move') as caught:
        load_hand_text(ONE_FINGER.format(kind='fixed'))
    assert caught.value.code == ErrorCode.UNSUPPORTED_HAND
