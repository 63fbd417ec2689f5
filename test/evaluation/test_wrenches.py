"""ε and volume of wrench hulls: cases worked out on paper, and an independent oracle."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog, minimize

from dexgrasp_ros.evaluation import contact_wrenches, hull_quality

AXES = np.vstack([np.eye(3), -np.eye(3)])


def quality(points, normals, friction, *, edges=8, length=1.0):
    wrenches = contact_wrenches(
        points, normals, friction=friction, center=np.zeros(3), length=length, edges=edges
    )
    return (*hull_quality(wrenches), wrenches)


def random_contacts(count, seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, 3))
    normals = -points + 0.3 * rng.normal(size=points.shape)
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def reach(wrenches, direction):
    """Farthest point of the hull in a direction, by a linear programme over its corners."""
    count = len(wrenches)
    solved = linprog(
        np.r_[np.zeros(count), -1.0],
        A_eq=np.vstack([np.c_[wrenches.T, -direction], np.r_[np.ones(count), 0.0]]),
        b_eq=np.r_[np.zeros(6), 1.0],
        bounds=[(0, None)] * count + [(None, None)],
    )
    return solved.x[-1]


def least_support(wrenches, rng):
    """min over |u| = 1 of max_i w_i·u, which is ε, by descent from many starts."""
    best = np.inf
    for _ in range(40):
        u = rng.normal(size=6)
        u /= np.linalg.norm(u)
        solved = minimize(
            lambda v: v[6],
            np.r_[u, (wrenches @ u).max()],
            jac=lambda v: np.eye(7)[6],
            method='SLSQP',
            constraints=[
                {'type': 'ineq', 'fun': lambda v: v[6] - wrenches @ v[:6],
                 'jac': lambda v: np.c_[-wrenches, np.ones(len(wrenches))]},
                {'type': 'eq', 'fun': lambda v: v[:6] @ v[:6] - 1,
                 'jac': lambda v: np.r_[2 * v[:6], 0]},
            ],
        )  # fmt: skip
        if solved.success:
            best = min(best, solved.x[6])
    return best


@pytest.mark.parametrize('d', [0.3, 1.0, 1.7])
def test_twelve_pushes_on_a_cube_are_three_rectangles(d):
    """Frictionless pushes ±e_x at y = ±d and so on round.

    Wrenches are (±1, ±d) in the planes (f_x, τ_z), (f_y, τ_x), (f_z, τ_y). For the union of bodies
    in orthogonal planes h(u) = max_i h_i(u_i), so ε = min(1, d) / √3; and the volume is
    Π (area_i · 2!) / 6! = (8 d)³ / 720.
    """
    points, normals = [], []
    for axis in range(3):
        for push in (1.0, -1.0):
            for side in (d, -d):
                points.append(-push * np.eye(3)[axis] + side * np.eye(3)[(axis + 1) % 3])
                normals.append(push * np.eye(3)[axis])
    epsilon, volume, _ = quality(points, normals, 0.0)
    assert epsilon == pytest.approx(min(1.0, d) / np.sqrt(3), rel=1e-6)
    assert volume == pytest.approx((8 * d) ** 3 / 720, rel=1e-6)


@pytest.mark.parametrize(
    'points',
    [AXES[:1], AXES[[0, 3]], AXES[:3]],
    ids=['one contact', 'two opposite ones: nothing stops the turn about their line', 'an octant'],
)
def test_contacts_that_cannot_hold_a_sphere_have_no_quality(points):
    assert quality(points, -points, 0.6)[0] == 0.0


def test_frictionless_contacts_never_turn_a_sphere():
    assert quality(AXES, -AXES, 0.0)[:2] == (0.0, 0.0)


def test_three_contacts_on_an_equator_hold_a_sphere_only_with_friction():
    """At 120° each, forces along -z come only from friction: h(-e_z) = h(e_z) = μ."""
    angle = 2 * np.pi * np.arange(3) / 3
    points = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    epsilon, volume, wrenches = quality(points, -points, 0.6)
    assert (wrenches @ [0, 0, 1.0, 0, 0, 0]).max() == pytest.approx(0.6)
    assert 0.0 < epsilon <= 0.6
    assert volume > 0.0


def test_six_contacts_on_a_sphere_with_square_cones():
    """h(u) along a pure torque (1, 1, 1)/√3 is μ/√3: each contact gives μ in one axis of three.

    From below: h ≥ max(|f|∞, μ |τ|∞) for every u, whose least on the unit sphere is
    μ / √(3 (1 + μ²)).
    """
    friction = 0.5
    epsilon, _, wrenches = quality(AXES, -AXES, friction, edges=4)
    u = np.r_[0, 0, 0, 1, 1, 1] / np.sqrt(3)
    assert (wrenches @ u).max() == pytest.approx(friction / np.sqrt(3))
    assert friction / np.sqrt(3 * (1 + friction**2)) <= epsilon <= friction / np.sqrt(3)


@pytest.mark.parametrize(('count', 'seed'), [(4, 0), (7, 1), (10, 2)])
def test_epsilon_is_what_an_independent_oracle_finds(count, seed):
    points, normals = random_contacts(count, seed)
    epsilon, _, wrenches = quality(points, normals, 0.6)
    assert epsilon > 0
    rng = np.random.default_rng(0)
    for direction in rng.normal(size=(20, 6)):
        assert reach(wrenches, direction / np.linalg.norm(direction)) >= epsilon - 1e-9
    assert least_support(wrenches, rng) == pytest.approx(epsilon, rel=1e-4)


def test_torques_scale_with_the_length():
    points, normals = random_contacts(7, 1)
    one = quality(points, normals, 0.6)
    other = quality(3 * points, normals, 0.6, length=3.0)
    assert other[:2] == pytest.approx(one[:2])
    assert quality(points, normals, 0.6, length=2.0)[1] == pytest.approx(one[1] / 8)


def test_wrenches_lie_on_the_friction_cone():
    points, normals = random_contacts(5, 3)
    wrenches = contact_wrenches(points, normals, friction=0.6, center=np.zeros(3), length=1.0)
    force = wrenches[:, :3].reshape(5, -1, 3)
    along = np.einsum('cei,ci->ce', force, normals)
    np.testing.assert_allclose(along, 1.0)
    np.testing.assert_allclose(
        np.linalg.norm(force - along[..., None] * normals[:, None], axis=-1), 0.6
    )
    np.testing.assert_allclose(np.cross(np.repeat(points, 8, axis=0), wrenches[:, :3]),
                               wrenches[:, 3:], atol=1e-12)  # fmt: skip


def test_a_hull_whose_facets_have_many_corners():
    """The cube of side 2 in six dimensions: 12 facets of 32 corners each, at a distance of 1."""
    corners = np.stack(np.meshgrid(*[[-1.0, 1.0]] * 6), axis=-1).reshape(-1, 6)
    assert hull_quality(corners) == pytest.approx((1.0, 64.0))
