"""Pre-grasp, straight way and grasp of an arm that can be worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('pinocchio')

from arms import arm_with, joint, planar_arm
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import SynthesisError
from dexgrasp_ros.core.poses import compose, invert, matrix_to_pose
from dexgrasp_ros.hand import (
    InverseKinematics,
    InverseKinematicsConfig,
    Reachability,
    find_arm,
    load_hand_text,
)
from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.reachability import straight_way

IDENTITY = np.array([0.0, 0, 0, 0, 0, 0, 1])


@pytest.fixture(scope='module')
def solver():
    return InverseKinematics(find_arm(load_hand_text(arm_with('barrett'))))


def hand_at(solver, q):
    """Pose [7] of the hand's root link in the base for joint positions."""
    return compose(
        matrix_to_pose(solver.flange_matrix(np.asarray(q, float))), solver.arm.hand_pose
    )


BENT = np.array([0.3, 0.6, 0.0, 1.2, 0.0, 0.9, 0.0])


def test_a_grasp_before_the_arm_is_reached_and_its_postures_lead_there(solver):
    grasp = hand_at(solver, BENT)
    pregrasp = np.add(grasp, [0.0, 0.0, 0.08, 0, 0, 0, 0])
    obj = np.array([0.2, -0.1, 0.4, *Rotation.from_euler('xyz', [0.3, 0.2, 0.1]).as_quat()])
    grasps = compose(invert(obj), np.stack([grasp, pregrasp]))  # in the object's frame
    reach = Reachability(solver, obj)
    assert reach(grasps[:1], grasps[1:]).tolist() == [True]
    ((before, at),) = reach.postures(grasps[:1], grasps[1:])
    for q, wanted in ((before, pregrasp), (at, grasp)):
        assert (q >= solver.arm.chain.lower).all() and (q <= solver.arm.chain.upper).all()
        np.testing.assert_allclose(hand_at(solver, q)[:3], wanted[:3], atol=1e-3)
    # A centimetre takes half a radian at most, so 8 cm of them could be far, but are not here.
    assert np.abs(at - before).max() < 0.5


def test_out_of_reach_at_either_end_counts_as_out_of_reach(solver):
    near = hand_at(solver, BENT)
    far = np.add(near, [2.0, 0, 0, 0, 0, 0, 0])
    reach = Reachability(solver, IDENTITY)
    assert reach(np.stack([near, near, far]), np.stack([near, far, near])).tolist() == [
        True,
        False,
        False,
    ]
    assert reach(np.empty((0, 7)), np.empty((0, 7))).tolist() == []


def test_the_present_posture_decides_between_solutions(solver):
    grasp = hand_at(solver, BENT)[None]
    ((_, at),) = Reachability(solver, IDENTITY, present=BENT).postures(grasp, grasp)
    np.testing.assert_allclose(at, BENT, atol=1e-9)


SLIDES = (
    '<robot name="gantry"><link name="base"/><link name="x"/><link name="tool"/>'
    + joint('slide', 'prismatic', 'base', 'x', axis='1 0 0', limit='lower="-1" upper="1"')
    + joint('turn', 'revolute', 'x', 'tool', limit='lower="-1.5" upper="1.5"')
)


def test_ends_that_can_be_reached_do_not_help_where_the_way_cannot():
    """Slide and turn keep y at 0, so a straight line through y > 0 is out of reach."""
    text = planar_arm().split('<link name="palm"')
    hand = SLIDES + joint('mount', 'fixed', 'tool', 'palm') + '<link name="palm"' + text[1]
    solver = InverseKinematics(find_arm(load_hand_text(hand, root='palm')))
    reach = Reachability(solver, IDENTITY)
    ends = [np.array([x, 0, 0, 0, 0, 0, 1.0]) for x in (-0.3, 0.3)]
    assert reach(ends[:1], ends[1:]).tolist() == [True]
    beside = np.add(ends[1], [0, 0.05, 0, 0, 0, 0, 0])
    assert reach(beside[None], ends[0][None]).tolist() == [False]


def test_a_way_on_which_joints_would_jump_is_not_taken():
    """Past the shoulder of a planar arm the elbow has to flip, however near the two ends are."""
    arm = find_arm(load_hand_text(planar_arm(), root='palm'))
    solver = InverseKinematics(arm, InverseKinematicsConfig(path_step=0.5))
    # Folded to 0.05 rad from straight, then as much on the other side: one step of 50 cm.
    start, end = (tree_matrices(arm.chain, np.array([s, -2 * s]))[-1] for s in (0.7, -0.7))
    hands = [compose(matrix_to_pose(m), arm.hand_pose) for m in (start, end)]
    assert all(Reachability(solver, IDENTITY)(h[None], h[None]).all() for h in hands)
    assert not Reachability(solver, IDENTITY)(hands[1][None], hands[0][None]).any()


def test_places_of_a_straight_way_are_close_and_its_ends_exact():
    start = np.array([0.1, 0.2, 0.3, 0, 0, 0, 1.0])
    end = np.array([0.1, 0.2, 0.335, *Rotation.from_euler('z', 0.05).as_quat()])
    way = straight_way(start, end, step=0.01)
    assert len(way) == 5
    np.testing.assert_allclose(matrix_to_pose(way[[0, -1]]), [start, end], atol=1e-12)
    np.testing.assert_allclose(np.diff(way[:, 2, 3]), 0.00875, atol=1e-12)
    turned = np.array([0.1, 0.2, 0.3, *Rotation.from_euler('z', 0.95).as_quat()])
    assert len(straight_way(start, turned, step=0.01)) == 11  # 0.1 rad apart
    assert len(straight_way(start, start, step=0.01)) == 2


def test_a_stop_ends_the_work(solver):
    reach = Reachability(solver, IDENTITY, should_stop=lambda: True)
    with pytest.raises(SynthesisError):
        reach(IDENTITY[None], IDENTITY[None])
