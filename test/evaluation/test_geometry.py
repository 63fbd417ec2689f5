"""Geometry of a hand on an object, where it can be worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from toy_hands import grasp_set

from dexgrasp_ros import evaluate
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.evaluation.geometry import (
    CONTACT_DISTANCE,
    TIP_CAP,
    GraspGeometry,
    fingertip_links,
)
from dexgrasp_ros.hand import link_poses, load_hand, load_hand_text
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.object import load_object
from dexgrasp_ros.object.true_surface import TrueSurface


def press(gap: float, *, thin: bool = False):
    """Return two plates of 4 cm, and a box between them at ±`gap`; the lower plate is the palm."""
    hand = load_hand_text(
        """<robot name="press"><link name="palm"><collision><origin xyz="0 0 -0.035"/><geometry>
        <box size="0.04 0.04 0.01"/></geometry></collision></link><link name="plate"><collision>
        <geometry><box size="0.04 0.04 0.01"/></geometry></collision></link>
        <joint name="slide" type="prismatic"><parent link="palm"/><child link="plate"/>
        <origin xyz="0 0 0.035"/><axis xyz="0 0 1"/>
        <limit lower="-0.03" upper="0.03" effort="10" velocity="1"/></joint></robot>"""
    )
    height = 2 * (0.03 - gap)
    mesh = trimesh.creation.box([0.06, 0.06, height])
    if thin:  # A tray with a floor of 1 mm.
        mesh = mesh.difference(
            trimesh.creation.box([0.058, 0.058, height])
            .apply_translation([0, 0, 0.001])
        )  # fmt: skip
    return hand, load_object((mesh.vertices, mesh.faces))


@pytest.mark.parametrize(
    ('gap', 'counts'), [(0.0005, [2, 2, 2]), (0.0015, [0, 2, 2]), (0.004, [0, 0, 2])]
)
def test_two_plates_at_a_distance(gap, counts):
    hand, obj = press(gap)
    lie = GraspGeometry(hand, obj).measure(np.r_[0, 0, 0, 0, 0, 0, 1.0], np.zeros(1))
    assert lie.contact_count.tolist() == counts
    assert lie.penetration == 0.0
    assert lie.tip_distance == pytest.approx(gap, abs=1e-5)
    # 2 · 16 cm² face the plates; around them a rim of √(t² - gap²), rounded at the corners.
    for threshold, area, count in zip((1e-3, 2e-3, 5e-3), lie.contact_area, counts, strict=True):
        rim = np.sqrt(max(threshold**2 - gap**2, 0.0))
        expected = 2 * (0.04**2 + 4 * 0.04 * rim + np.pi * rim**2) if count else 0.0
        assert area == pytest.approx(expected, rel=0.05)
    assert len(lie.points) == (2 if gap < 0.002 else 0)
    if len(lie.points):
        np.testing.assert_allclose(lie.normals, [[0, 0, 1.0], [0, 0, -1.0]], atol=1e-4)


def test_a_far_plate_counts_as_the_cap():
    hand, obj = press(0.0005)
    lie = GraspGeometry(hand, obj).measure(np.r_[0, 0, 0, 0, 0, 0, 1.0], np.array([0.03]))
    assert lie.tip_distance == TIP_CAP


def test_penetration_is_the_deeper_of_both():
    hand, obj = press(0.0005)
    lie = GraspGeometry(hand, obj).measure(np.r_[0, 0, 0, 0, 0, 0, 1.0], np.array([-0.003]))
    assert lie.penetration == pytest.approx(0.0025, abs=1e-5)


def test_a_wall_inside_a_link_is_seen():
    """The floor of the tray, 1 mm thick, lies 4 mm deep in the palm: the hand's points miss it."""
    hand, obj = press(0.0005, thin=True)
    lie = GraspGeometry(hand, obj).measure(np.r_[0, 0, 0.0045, 0, 0, 0, 1.0], np.array([0.02]))
    assert lie.penetration == pytest.approx(0.004, abs=2e-4)


def test_a_shift_of_hand_and_object_changes_nothing():
    hand, obj = press(0.0015)
    moved = load_object((obj.vertices + np.array([0.2, -0.1, 0.05]), obj.faces))
    lie = GraspGeometry(hand, moved).measure(np.r_[0.2, -0.1, 0.05, 0, 0, 0, 1.0], np.zeros(1))
    assert lie.contact_count.tolist() == [0, 2, 2]


def test_fingertips_of_allegro_are_the_four_last_links():
    hand = load_hand('allegro')
    names = [hand.link_names[k] for k in fingertip_links(hand)]
    assert len(set(names)) == 4
    children = set(hand.link_parents.tolist())
    for k in fingertip_links(hand):
        below = [c for c in children if hand.link_parents[c] == k]
        assert not any((hand.geometry_links == c).any() for c in below)


def test_self_penetration_is_that_of_the_exact_primitives():
    """Balls of 10 mm radius on levers of 50 mm, 40 mm apart: they meet when both turn in."""
    fingers = ''.join(
        f"""<link name="f{k}"><collision><origin xyz="0 0 0.05"/><geometry>
        <sphere radius="0.01"/></geometry></collision></link>
        <joint name="j{k}" type="revolute"><parent link="palm"/><child link="f{k}"/>
        <origin xyz="{x} 0 0"/><axis xyz="0 1 0"/>
        <limit lower="-1" upper="1" effort="1" velocity="1"/></joint>"""
        for k, x in enumerate((-0.02, 0.02))
    )
    hand = load_hand_text(
        f"""<robot name="balls"><link name="palm"><collision><origin xyz="0 0 -0.02"/><geometry>
        <box size="0.04 0.04 0.01"/></geometry></collision></link>{fingers}</robot>"""
    )
    box = trimesh.creation.box([0.02, 0.02, 0.02])
    obj = load_object((box.vertices + np.array([0, 0, 0.2]), box.faces))
    turn = np.arcsin(0.013 / 0.05)  # 13 mm each: 14 mm remain, 6 mm deep
    found = evaluate(
        grasp_set(hand, [0, 0, 0, 0, 0, 0, 1.0], [[turn, -turn], [0.0, 0.0]]), object=obj
    )
    assert found.self_penetration[0] == pytest.approx(0.006, abs=1e-6)
    assert found.self_penetration[1] == 0.0


def test_groups_and_points_that_are_passed_over_change_nothing():
    """An Allegro hand at random about a box; all groups, and each point, is the oracle."""
    hand = load_hand('allegro')
    mesh = trimesh.creation.box([0.05, 0.06, 0.07])
    obj = load_object((mesh.vertices, mesh.faces))
    geometry, rng = GraspGeometry(hand, obj), np.random.default_rng(0)
    measure, group = TrueSurface(obj).distance, point_groups(hand)
    for _ in range(6):
        pose = np.r_[rng.normal(0.0, 0.08, 3), Rotation.random(rng=rng).as_quat()]
        q = hand.lower + rng.uniform(size=len(hand.lower)) * (hand.upper - hand.lower)
        lie = geometry.measure(pose, q)
        links = pose_to_matrix(link_poses(hand, q, pose))[hand.geometry_links[group]]
        points = np.einsum('pij,pj->pi', links[:, :3, :3], hand.points) + links[:, :3, 3]
        gap = np.full(len(hand.group_names), np.inf)
        np.minimum.at(gap, group, measure(points)[0])
        assert lie.groups.tolist() == np.flatnonzero(gap < CONTACT_DISTANCE).tolist()
        assert lie.penetration >= max(0.0, -gap.min()) - 1e-6
        if len(lie.points):
            np.testing.assert_allclose(measure(lie.points)[0], 0.0, atol=1e-6)
