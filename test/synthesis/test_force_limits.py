"""Squeezes of things that break: forces that can be worked out on paper, planned and simulated."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import trimesh
from grippers import parallel_gripper

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import closing, synthesize
from dexgrasp_ros.synthesis.force_limits import excess, relief, squeeze_force, weight_warnings

CONFIG = SynthesisConfig(seed_count=32, max_grasps=2, random_seed=2, device='cpu')
RADIUS = 0.02  # m
# Two contacts against each other along x, of 10 N with 3 N of friction, and of 10 N.
NORMAL = np.array([[[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]])
FORCE = np.array([[[10.0, 3.0, 0.0], [-10.0, 0.0, 0.0]]])


def limited(**limits):
    return dataclasses.replace(CONFIG, **limits)


@pytest.mark.parametrize(
    ('limits', 'times'),
    [
        ({}, 0.0),
        ({'max_force': 5.0}, 20.0 / 5.0),
        ({'max_force': 40.0}, 0.5),
        ({'max_contact_force': 2.0}, np.hypot(10.0, 3.0) / 2.0),
        ({'max_force': 10.0, 'max_contact_force': 1.0}, np.hypot(10.0, 3.0)),
    ],
)
def test_how_far_forces_are_beyond_their_limits(limits, times):
    config = limited(**limits)
    assert excess(FORCE, NORMAL, config) == pytest.approx([times])
    eased = FORCE / relief(FORCE, NORMAL, config)[:, None, None]
    assert excess(eased, NORMAL, config) <= 0.95 + 1e-12
    np.testing.assert_allclose(np.cross(eased, FORCE), 0.0, atol=1e-12)  # all are divided alike
    if times < 0.95:
        np.testing.assert_array_equal(eased, FORCE)


@pytest.fixture(scope='module')
def gripper():
    """Jaws that meet where the joint is 0: about a ball the joint is at the ball's radius."""
    return load_hand_text(parallel_gripper(effort=20.0))


@pytest.fixture(scope='module')
def ball():
    mesh = trimesh.creation.icosphere(subdivisions=5, radius=RADIUS)
    return load_object((mesh.vertices, mesh.faces))


@pytest.mark.parametrize('limits', [{'max_force': 6.0}, {'max_contact_force': 3.0}])
def test_a_ball_between_jaws_is_pressed_with_what_is_allowed(gripper, ball, limits):
    """One motor drives both jaws: what it presses with is the sum of their forces."""
    found = synthesize(gripper, ball, limited(**limits))
    assert len(found) >= 1
    force, normal = np.nan_to_num(found.contact_forces), np.nan_to_num(found.contact_normals)
    each = np.linalg.norm(force, axis=2)
    # A ball that lies between two pieces of a jaw has a contact with each of them.
    most = limits.get('max_force', 3.0 * (each > 0.0).sum(axis=1))
    motor = gripper.joint_stiffness[0] * (RADIUS - found.squeeze[:, 0])
    slack = gripper.joint_stiffness[0] * 2.5e-4  # where jaws touch, by the distance grid
    assert (motor <= most + slack).all() and (motor > 0.6 * 6.0).all()
    normal_force = np.einsum('nci,nci->n', force, normal)
    np.testing.assert_allclose(normal_force, motor, atol=slack)
    assert (normal_force <= most).all()
    assert (each <= limits.get('max_contact_force', np.inf)).all()


def test_what_presses_harder_in_simulation_is_lost(gripper, ball, monkeypatch):
    """Plans that know nothing of the limit, and press with all of the motor's 20 N."""
    monkeypatch.setattr(closing, 'relief', lambda force, *_: np.ones(len(force)))
    found = synthesize(gripper, ball, limited(max_force=6.0))
    assert len(found) == 0
    assert found.rejected['force'] > 0


def test_limits_leave_less_to_hold_with():
    assert squeeze_force(CONFIG) == CONFIG.squeeze_force
    assert squeeze_force(limited(max_force=6.0)) == 6.0
    assert squeeze_force(limited(max_force=6.0, max_contact_force=2.0)) == 4.0
    assert squeeze_force(limited(max_force=60.0)) == CONFIG.squeeze_force


def test_a_weight_that_friction_cannot_bear_is_told():
    """0.5 kg weigh 4.9 N; 10 N bear 4 N by a friction of 0.4, and 13 N bear 5.2 N."""
    assert weight_warnings(limited(object_mass=0.5), 3) == []
    assert weight_warnings(limited(object_mass=0.5, max_force=13.0), 3) == []
    (told,) = weight_warnings(limited(object_mass=0.5, max_force=10.0), 3)
    assert 'bear 4 N' in told and 'weighs 4.9 N' in told
    one = limited(object_mass=0.5, max_contact_force=2.5)
    assert weight_warnings(one, 0) == weight_warnings(one, 5) == []
    (told,) = weight_warnings(one, 4)
    assert 'at 4 contacts' in told and 'bear 4 N' in told


@pytest.mark.parametrize('name', ['max_force', 'max_contact_force'])
@pytest.mark.parametrize('value', [-1.0, np.nan, np.inf])
def test_no_limit_is_0_and_what_is_none_is_refused(name, value):
    with pytest.raises(InputError, match=name) as caught:
        limited(**{name: value})
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
