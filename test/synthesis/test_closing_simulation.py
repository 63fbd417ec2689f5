"""Simulated closings of real hands: repeatable, and what MuJoCo says of the same closings."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
import trimesh
from closing_scenes import closing_of
from scipy.stats import spearmanr

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.evaluation import find_protocol
from dexgrasp_ros.evaluation.shake_test import Cause, Postures, shake
from dexgrasp_ros.object import load_object
from dexgrasp_ros.simulation import build_physics
from dexgrasp_ros.synthesis import closing_simulation, synthesize
from dexgrasp_ros.synthesis.batches import join, take
from dexgrasp_ros.synthesis.launcher import repeat
from dexgrasp_ros.synthesis.search import Search

# m, of the palm in its own frame: fingers that close beside or short of where they should.
SHIFTS = ((0, 0, 0), (0, 0, -0.012), (0.02, 0, 0), (0, 0.012, 0), (0, 0.025, 0), (0, -0.025, 0))
AT_ORIGIN = np.array([0.0, 0, 0, 0, 0, 0, 1])


@pytest.fixture(scope='module')
def mesh():
    return trimesh.creation.box([0.06, 0.09, 0.12])


@pytest.fixture(scope='module')
def box(mesh):
    return load_object((mesh.vertices, mesh.faces))


@pytest.fixture(scope='module')
def found(allegro, box):
    config = SynthesisConfig(
        device='cpu', seed_count=48, max_grasps=5, iterations=120, random_seed=3
    )
    return synthesize(allegro, box, config)


@pytest.fixture(scope='module')
def search(allegro, box):
    return Search(allegro, box, SynthesisConfig(device='cpu'))


@pytest.fixture(scope='module')
def closings(search, allegro, found):
    """Grasps as they were found, then the same with each of the shifts."""
    return join([shifted(search, allegro, found, shift) for shift in SHIFTS])


@pytest.fixture(scope='module')
def outcome(search, closings):
    return search.simulate(closings)


def shifted(search, hand, grasps, shift):
    """Closings of grasps whose palms are moved by `shift` [3] in their own frames."""

    def moved(root):
        palm = compose(root, np.broadcast_to(hand.palm_pose, root.shape))
        return compose(palm, np.broadcast_to([*shift, 0.0, 0.0, 0.0, 1.0], root.shape))

    return closing_of(
        search,
        moved(grasps.base_pose),
        pregrasp_palm=moved(grasps.pregrasp_base_pose),
        pregrasp=grasps.pregrasp,
        grasp=grasps.grasp,
        squeeze=grasps.squeeze,
    )


# --- repeatable --------------------------------------------------------------------------------


def test_the_same_closings_end_the_same_bit_for_bit(search, closings, outcome):
    again = search.simulate(closings)
    for f in dataclasses.fields(outcome):
        np.testing.assert_array_equal(getattr(again, f.name), getattr(outcome, f.name))


def test_replaying_recorded_steps_is_stepping(search, closings, outcome, monkeypatch):
    """As on CUDA; pulls as well, with a friction that differs from step to step."""
    rows = np.arange(3)
    held = search.hold(take(closings, rows))
    monkeypatch.setattr(closing_simulation, 'repeat', partial(repeat, recorded=True))
    monkeypatch.setattr(search, '_workers', 1)  # a CPU records for one thread at a time
    replayed = search.simulate(take(closings, rows))
    for f in dataclasses.fields(outcome):
        np.testing.assert_array_equal(getattr(replayed, f.name), getattr(outcome, f.name)[rows])
    again = search.hold(take(closings, rows))
    for f in dataclasses.fields(held):
        np.testing.assert_array_equal(getattr(again, f.name), getattr(held, f.name))


def test_a_closing_does_not_depend_on_its_neighbours(search, closings, outcome):
    rows = np.array([7, 20, 0])
    parts = (rows[:1], rows[1:])
    apart = join([search.simulate(take(closings, part)) for part in parts])
    for f in dataclasses.fields(outcome):
        np.testing.assert_array_equal(getattr(apart, f.name), getattr(outcome, f.name)[rows])


def test_half_the_step_gives_about_the_same(allegro, box, closings, outcome, found):
    finer = SynthesisConfig(device='cpu', simulation_step=0.004)
    fine = Search(allegro, box, finer).simulate(take(closings, np.arange(len(found))))
    coarse = take(outcome, np.arange(len(found)))
    np.testing.assert_allclose(coarse.displacement, fine.displacement, atol=2e-3)
    np.testing.assert_allclose(coarse.rotation, fine.rotation, atol=0.05)
    np.testing.assert_allclose(coarse.normal_force, fine.normal_force, rtol=0.25)


def test_a_closing_far_from_the_object_changes_nothing(search, allegro, found):
    away = search.simulate(shifted(search, allegro, found, (0, 0, -0.5)))
    assert not away.displacement.any()
    assert not away.force.any()


def test_forces_balance_once_the_hand_has_closed(outcome, found):
    """A held object is at rest: contact forces on it cancel."""
    held = slice(0, len(found))
    net = np.linalg.norm(outcome.force[held].sum(axis=1), axis=1)
    assert (outcome.normal_force[held] > 5.0).all()
    assert (net < 0.05 * outcome.normal_force[held]).all()


# --- against MuJoCo ----------------------------------------------------------------------------


@pytest.fixture(scope='module')
def shaken(allegro, mesh, box, closings):
    """Displacement of each closing in MuJoCo [N], and whether the shake test held it [N]."""
    strict = find_protocol('fc')
    loose = dataclasses.replace(
        strict, max_displacement=10.0, max_rotation=6.0, max_pregrasp_depth=1.0, pull_time=0.02
    )
    physics = (build_physics(allegro, box, [np.asarray(mesh.vertices)], strict.physics),)
    root = invert(allegro.palm_pose)
    moved, held = [], []
    for n in range(len(closings.grasp)):
        postures = Postures(
            pregrasp_pose=compose(closings.pregrasp_palm[n], root),
            grasp_pose=compose(closings.palm[n], root),
            pregrasp=closings.pregrasp[n],
            grasp=closings.grasp[n],
            squeeze=closings.squeeze[n],
            object_pose=AT_ORIGIN,
        )
        found = shake(physics, strict, postures)
        held.append(found.cause is Cause.HELD)
        if np.isnan(found.closing_displacement):  # it ended before the hand was closed
            found = shake(physics, loose, postures)
        moved.append(found.closing_displacement)
    return np.array(moved), np.array(held)


def test_the_object_moves_as_far_as_in_mujoco(outcome, shaken):
    """The two share no code, and differ in contact model, fingers' masses and friction."""
    moved, _ = shaken
    order = spearmanr(outcome.displacement, moved).statistic
    assert order > 0.85
    ratio = np.maximum(outcome.displacement, 1e-3) / np.maximum(moved, 1e-3)
    assert 0.6 < np.median(ratio) < 1.6


def test_what_moves_little_is_held_by_mujoco(outcome, shaken):
    _, held = shaken
    assert 5 <= held.sum() <= len(held) - 5, 'the set needs both'
    config = SynthesisConfig()
    cost = outcome.displacement / config.max_displacement + outcome.rotation / config.max_rotation
    pairs = cost[held][:, None] < cost[~held][None]
    assert pairs.mean() > 0.8  # area under the ROC curve; .88 to .98 for other random seeds


def test_grasps_as_found_are_held_by_both(outcome, shaken, found):
    moved, held = (v[: len(found)] for v in shaken)
    assert held.mean() >= 0.8
    assert np.median(moved) < 0.003
    assert np.median(outcome.displacement[: len(found)]) < 0.003
