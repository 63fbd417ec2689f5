"""The closing simulation on hands and objects whose motion can be worked out on paper."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from closing_scenes import (
    AWAY,
    BODY,
    RADIUS,
    TOUCH,
    brick,
    close,
    closing_of,
    gripper,
    inclined_pads,
    jaw,
    palms,
    small_pad,
    sphere,
    telescope,
    wedge,
)

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.synthesis.search import Search

STIFFNESS = 8000.0  # N/m: the URDF's 40 N at 5 mm
ARMATURE = 0.1  # kg, of a jaw's motor
DAMPING = 0.01 * STIFFNESS  # N s/m
MASS = 0.1  # kg, of the object
BEFORE, AFTER = TOUCH - 0.01, TOUCH - 0.001  # m: an open jaw, and one before it squeezes


@pytest.fixture(scope='module')
def ball():
    return sphere()


@pytest.fixture(scope='module')
def pair():
    return gripper(jaw('left', side=1), jaw('right', side=-1))


@pytest.fixture(scope='module')
def pusher():
    return gripper(jaw('left', side=1))


def normal_forces(outcome) -> np.ndarray:
    """[N, jaws] of the jaws; the first group is the body."""
    return np.einsum('ngi,ngi->ng', outcome.force, outcome.normal)[:, 1:]


def squeezed(hand, obj, depth, **settings):
    """Close both jaws of `hand`, targets `depth` [m] beyond contact in the end."""
    ones = np.ones(len(hand.joint_names))
    return close(
        hand,
        obj,
        pregrasp=BEFORE * ones,
        grasp=AFTER * ones,
        squeeze=(TOUCH + np.asarray(depth)) * ones,
        **settings,
    )


def test_the_hands_are_what_the_answers_assume(pair):
    assert list(pair.joint_stiffness) == [STIFFNESS, STIFFNESS]
    assert list(pair.effort_limits) == [40.0, 40.0]
    assert AWAY - TOUCH == pytest.approx(RADIUS)


# --- one body that pushes ----------------------------------------------------------------------


def pushed(way: float, gap: float, duration: float) -> float:
    """Travel of a free ball pushed by one motor: the equations of motion in tiny steps.

    The motor follows a ramp of `way` [m] in half of `duration` [s] that starts `gap` before the
    ball, then a target that stands still. Impacts are plastic, and nothing is ever pulled.
    """
    steps = 200_000
    h = duration / steps
    x = u = y = v = 0.0
    for k in range(steps):
        target = way * min(1.0, 2.0 * (k + 1) / steps)
        force = STIFFNESS * (target - x) - DAMPING * u
        u += h * force / ARMATURE
        if x - gap >= y and u > v:
            u = v = (ARMATURE * u + MASS * v) / (ARMATURE + MASS)
        x += h * u
        y += h * v
    return y


def test_a_pushed_ball_moves_as_newton_says(pusher, ball):
    way, gap = 0.02, 0.01
    outcome = close(
        pusher,
        ball,
        pregrasp=[TOUCH - gap],
        grasp=[TOUCH - gap + way],
        squeeze=[TOUCH - gap + way],
        simulation_step=0.0005,
    )
    expected = pushed(way, gap, 0.8)
    assert expected > 0.03  # it flies on after the motor has stopped
    assert outcome.displacement[0] == pytest.approx(expected, rel=0.01)
    assert outcome.rotation[0] < 1e-3
    # The body, in the frame of a ball that moves by +y, goes by -y, whatever the frame's turn.
    moved = outcome.palm[0, :3] - pusher.palm_pose[:3]
    assert moved[1] == pytest.approx(-expected, rel=0.01)
    assert outcome.normal_force[0] == 0.0


def test_the_step_of_the_search_is_fine_enough(pusher, ball):
    way = {'pregrasp': [BEFORE], 'grasp': [TOUCH + 0.01], 'squeeze': [TOUCH + 0.01]}
    coarse, fine = (
        close(pusher, ball, simulation_step=h, **way).displacement[0] for h in (0.008, 0.0005)
    )
    assert coarse == pytest.approx(fine, rel=0.05)


def test_a_moving_palm_pushes_and_leaves(pair, ball):
    """A rigid palm gives the ball its own velocity, which the ball keeps."""
    config = SynthesisConfig(device='cpu')
    search = Search(pair, ball, config)
    gap, way = 0.01, 0.02
    touch = BODY - RADIUS
    closing = closing_of(
        search,
        palms(pair, [0, 0, touch - gap + way]),
        pregrasp_palm=palms(pair, [0, 0, touch - gap]),
        **{key: [-0.01, -0.01] for key in ('pregrasp', 'grasp', 'squeeze')},
    )
    outcome = search.simulate(closing)
    expected = way - gap + way * config.squeezing_time / config.closing_time
    # A step earlier or later is 0.4 mm.
    assert outcome.displacement[0] == pytest.approx(expected, abs=2e-4)


def test_a_push_off_the_middle_turns_what_it_moves():
    """With hardly any friction m v = p and I ω = d p; then neither changes any more."""
    obj, arm = brick(), 0.02
    hand = gripper(jaw('left', side=1, pads=small_pad(arm)))
    way = {'pregrasp': [TOUCH - 0.005], 'grasp': [TOUCH + 0.001], 'squeeze': [TOUCH + 0.001]}
    ends = [
        close(hand, obj, friction=0.01, squeezing_time=seconds, **way)
        for seconds in (0.4, 0.8, 1.2)
    ]
    travel, turn = (
        np.diff([getattr(end, name)[0] for end in ends]) for name in ('displacement', 'rotation')
    )
    assert travel.min() > 1e-3
    np.testing.assert_allclose(travel[1], travel[0], rtol=1e-3)
    np.testing.assert_allclose(turn[1], turn[0], rtol=1e-3)
    inertia = obj.inertia[2, 2] / obj.mass
    np.testing.assert_allclose(turn / travel, arm / inertia, rtol=0.1)


def test_a_finger_that_does_not_reach_moves_nothing(pusher, ball):
    outcome = close(pusher, ball, pregrasp=[BEFORE], grasp=[BEFORE], squeeze=[AFTER])
    assert outcome.displacement[0] == 0.0
    assert outcome.rotation[0] == 0.0
    assert not outcome.force.any()
    # The controller follows its ramp: what its damping holds back is 0.01 s of the way.
    rate = (AFTER - BEFORE) / 0.4
    assert outcome.q[0, 0] == pytest.approx(AFTER - 0.01 * rate, abs=1e-6)


# --- two that squeeze --------------------------------------------------------------------------


def test_opposed_jaws_hold_by_what_their_controllers_give(pair, ball):
    depth = 0.002
    outcome = squeezed(pair, ball, depth)
    assert outcome.displacement[0] < 1e-4
    assert outcome.rotation[0] < 1e-3
    forces = normal_forces(outcome)[0]
    np.testing.assert_allclose(forces, STIFFNESS * (TOUCH + depth - outcome.q[0]), rtol=1e-3)
    np.testing.assert_allclose(forces, STIFFNESS * depth, rtol=0.01)
    assert np.linalg.norm(outcome.force[0].sum(axis=0)) < 1e-3
    np.testing.assert_allclose(outcome.normal[0, 1:], [[0, 1, 0], [0, -1, 0]], atol=0.02)


def test_force_ends_at_the_effort_limit(pair, ball):
    outcome = squeezed(pair, ball, 0.02)  # 160 N, if there were no limit
    np.testing.assert_allclose(normal_forces(outcome)[0], 40.0, rtol=0.01)
    assert outcome.displacement[0] < 2e-4


def test_the_weaker_jaw_gives_way(ball):
    hand = gripper(jaw('left', side=1, effort=5.0), jaw('right', side=-1, effort=8.0))
    outcome = squeezed(hand, ball, 0.02)
    weak, strong = hand.joint_stiffness
    # Both move at the speed of the ramp, 21 mm in 0.4 s: the weaker one's damping resists too.
    rate = 0.021 / 0.4
    expected = 5.0 + 0.01 * weak * rate
    np.testing.assert_allclose(normal_forces(outcome)[0], expected, rtol=0.01)
    behind = (expected + 0.01 * strong * rate) / strong
    assert outcome.q[0, 1] == pytest.approx(TOUCH + 0.02 - behind, abs=5e-5)
    assert outcome.displacement[0] == pytest.approx(outcome.q[0, 1] - TOUCH, abs=5e-5)


def test_a_ball_off_the_middle_comes_to_where_both_press_alike(pair, ball):
    outcome = squeezed(pair, ball, [0.001, 0.003])
    assert outcome.displacement[0] == pytest.approx(0.001, rel=0.03)
    np.testing.assert_allclose(normal_forces(outcome)[0], 16.0, rtol=0.02)


def test_jaws_of_one_motor_share_its_force(ball):
    mimic = '<mimic joint="left_joint"/>'
    hand = gripper(jaw('left', side=1), jaw('right', side=-1, mimic=mimic))
    assert len(hand.joint_names) == 1
    outcome = squeezed(hand, ball, 0.002)
    total = STIFFNESS * (TOUCH + 0.002 - outcome.q[0, 0])
    assert total == pytest.approx(16.0, rel=0.02)
    np.testing.assert_allclose(normal_forces(outcome)[0], total / 2, rtol=1e-3)
    limited = squeezed(hand, ball, 0.02)
    np.testing.assert_allclose(normal_forces(limited)[0], 20.0, rtol=0.02)


def test_stages_of_one_motor_share_its_work(ball):
    """The pad goes twice as far as the motor, so it presses half as hard."""
    hand = gripper(telescope('left', side=1), telescope('right', side=-1))
    depth = 0.002
    outcome = close(
        hand,
        ball,
        pregrasp=np.full((1, 2), BEFORE / 2),
        grasp=np.full((1, 2), AFTER / 2),
        squeeze=np.full((1, 2), TOUCH / 2 + depth),
    )
    np.testing.assert_allclose(outcome.q[0], TOUCH / 2, atol=3e-5)
    forces = np.einsum('ngi,ngi->ng', outcome.force, outcome.normal)[0, 1:]
    np.testing.assert_allclose(forces, STIFFNESS * depth / 2, rtol=0.02)
    assert outcome.displacement[0] < 1e-4


def test_a_grown_surface_stops_the_jaws_by_as_much_sooner(pair, ball):
    as_is, grown, shrunk = (
        squeezed(pair, ball, 0.002, growth=growth) for growth in (0.0, 0.001, -0.001)
    )
    np.testing.assert_allclose(as_is.q - grown.q, 0.001, atol=3e-5)
    np.testing.assert_allclose(shrunk.q - as_is.q, 0.001, atol=3e-5)
    np.testing.assert_allclose(normal_forces(grown), STIFFNESS * 0.003, rtol=0.01)


# --- friction ----------------------------------------------------------------------------------


@pytest.mark.parametrize('degrees', [10, 20, 30])
def test_a_squeezed_wedge_slips_out_where_friction_is_too_small(degrees):
    """It is held if and only if its half angle is below the angle of friction."""
    angle = np.radians(degrees)
    obj = wedge(angle)
    hand = gripper(
        jaw('left', side=1, pads=inclined_pads(-angle)),
        jaw('right', side=-1, pads=inclined_pads(-angle)),
    )
    slipped, held = (
        squeezed(hand, obj, 0.002, friction=share * np.tan(angle)) for share in (0.9, 1.2)
    )
    # Jaws that close on their targets by 2 mm each drive it out by this much at least.
    assert slipped.displacement[0] > 0.9 * 0.002 / np.tan(angle)
    assert slipped.normal_force[0] < 1.0
    assert held.displacement[0] < 5e-4
    assert held.rotation[0] < 3e-3
    assert np.linalg.norm(held.force[0].sum(axis=0)) < 0.02
    # The jaws' forces are horizontal, at the half angle to the normals of the sides.
    tangential = np.linalg.norm(held.force[0].sum(axis=0) - held.force[0], axis=1)
    assert tangential.max() > 1.0
    per_jaw = held.force[0, 1:].reshape(2, 4, 3).sum(axis=1)
    assert abs(per_jaw[0, 1]) == pytest.approx(STIFFNESS * 0.002, rel=0.12)
    assert abs(per_jaw[0, 2]) < 0.12 * abs(per_jaw[0, 1])


def test_forces_stay_in_their_cones(pair, ball):
    outcome = squeezed(pair, ball, 0.002, friction=0.3)
    forces = outcome.force[0, 1:]
    normal = normal_forces(outcome)[0]
    across = np.linalg.norm(forces - normal[:, None] * outcome.normal[0, 1:], axis=1)
    assert (normal >= 0.0).all()
    assert (across <= 0.3 * normal + 1e-4).all()


# --- overlap -----------------------------------------------------------------------------------


def test_overlap_at_the_start_is_pushed_apart_gently(pusher, pair, ball):
    depth = 0.003
    deep = TOUCH + depth
    alone = close(pusher, ball, pregrasp=[deep], grasp=[deep], squeeze=[deep])
    # Nothing slows the ball: it keeps at most the speed at which overlap is resolved.
    speed = depth / 0.02
    assert depth < alone.displacement[0] < 1.05 * speed * 0.8
    both = close(pair, ball, pregrasp=[[deep] * 2], grasp=[[deep] * 2], squeeze=[[deep] * 2])
    assert both.displacement[0] < 1e-3
    np.testing.assert_allclose(both.q[0], TOUCH, atol=1e-4)


def test_a_ball_full_of_jaws_stays_finite(pair, ball):
    """Both jaws beyond its middle, from where there is no right way out."""
    q = np.full((1, 2), AWAY)
    outcome = close(pair, ball, pregrasp=q, grasp=q, squeeze=q)
    for f in dataclasses.fields(outcome):
        assert np.isfinite(getattr(outcome, f.name)).all(), f.name
    assert outcome.displacement[0] < 2.0
