"""Pulls on a brick between two jaws, whose limits can be worked out on paper."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import warp as wp
from closing_scenes import (
    TOUCH,
    brick,
    closing_of,
    gripper,
    inclined_pads,
    jaw,
    palms,
)

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.kernels.closing import Motion
from dexgrasp_ros.kernels.holding import Limits, watch_object
from dexgrasp_ros.synthesis.batches import take
from dexgrasp_ros.synthesis.search import Search

STIFFNESS = 8000.0  # N/m
MASS = 0.1  # kg
PULL = 20.0 * MASS  # N, while friction fades
END = 0.5 * 5 ** (-21 / 23)  # of that friction, less two steps
# What friction and pull change by in a few steps; rather too cautious.
LEAST, MOST = 0.65, 1.15


@pytest.fixture(scope='module')
def pair():
    """Jaws that touch a flat face at four places each, so that pulls do not turn it."""
    return gripper(
        jaw('left', side=1, pads=inclined_pads(0.0)),
        jaw('right', side=-1, pads=inclined_pads(0.0)),
    )


@pytest.fixture(scope='module')
def block():
    return brick()


def squeezed(hand, obj, forces, **settings):
    """Search and closings of jaws that press with `forces` [N] each."""
    search = Search(hand, obj, SynthesisConfig(device='cpu', **settings))
    depth = np.outer(np.asarray(forces) / STIFFNESS, np.ones(2))
    open_, near = np.full_like(depth, TOUCH - 0.01), np.full_like(depth, TOUCH - 0.0003)
    palm = palms(hand, np.zeros((len(depth), 3)))
    return search, closing_of(search, palm, pregrasp=open_, grasp=near, squeeze=TOUCH + depth)


def test_friction_may_fade_until_it_bears_the_pull_no_longer(pair, block):
    """2 μ N = pull; of those that press too little nothing is known but that they do."""
    forces = np.array([0.5, 3.0, 4.0, 6.0, 40.0])
    found = Search.hold(*squeezed(pair, block, forces))
    assert np.isnan(found.least_friction[0])
    ratio = PULL / (2 * forces[1:4]) / found.least_friction[1:4]
    assert ratio.min() > LEAST and ratio.max() < MOST, found.least_friction
    assert found.least_friction[4] == pytest.approx(END)  # the least that is asked about
    assert (np.diff(found.slip) < 0).all()


@pytest.mark.parametrize('heavier', [0.2, 5.0, 20.0])
def test_what_holds_does_so_for_heavier_things_if_it_presses_harder(pair, block, heavier):
    """Forces, masses and creep go together, so that nothing else changes."""
    strong = dataclasses.replace(
        pair,
        joint_stiffness=heavier * pair.joint_stiffness,
        effort_limits=heavier * pair.effort_limits,
    )
    light, heavy = (
        Search.hold(*squeezed(hand, block, forces, object_mass=mass))
        for hand, forces, mass in (
            (pair, np.array([4.0, 6.0]), MASS),
            (strong, np.array([4.0, 6.0]), heavier * MASS),
        )
    )
    assert np.abs(np.log(heavy.least_friction / light.least_friction)).max() < 0.15


def test_a_simulation_that_diverged_has_lost_its_object():
    limits = Limits()
    limits.displacement, limits.rotation = 0.01, 0.15
    limits.slipped, limits.turned = 0.05, 0.26
    motion, poses = Motion(), np.tile(np.eye(7, dtype=np.float32)[6], (2, 1))
    begun = wp.array(poses, dtype=wp.transform, device='cpu')
    poses[0, :3] = np.nan
    motion.pose = wp.array(poses, dtype=wp.transform, device='cpu')
    slip = wp.zeros(2, dtype=float, device='cpu')
    lost = wp.full(2, 24, dtype=int, device='cpu')
    counter = wp.array([3], dtype=int, device='cpu')
    inputs = [limits, motion, begun, counter, slip, lost]
    wp.launch(watch_object, dim=2, inputs=inputs, device='cpu')
    assert lost.numpy().tolist() == [3, 24]
    assert np.isfinite(slip.numpy()).all()


@pytest.mark.parametrize('friction', [0.15, 0.3, 0.6])
def test_the_largest_pull_is_what_friction_bears(pair, block, friction):
    forces = np.array([4.0, 8.0, 12.0])
    pulls = Search.largest_pull(*squeezed(pair, block, forces, holding_friction=friction))
    ratio = pulls / (2 * friction * forces)
    assert ratio.min() > LEAST and ratio.max() < MOST, pulls


def test_what_nobody_holds_is_lost_at_once(pair, block):
    search, closing = squeezed(pair, block, [5.0])
    away = dataclasses.replace(closing, squeeze=closing.pregrasp, grasp=closing.pregrasp)
    assert np.isnan(search.hold(away).least_friction).all()
    assert np.isnan(search.largest_pull(away)).all()
    assert search.hold(away).slip[0] > search.hold(closing).slip[0] + 1


def test_neighbours_change_nothing_and_none_is_none(pair, block):
    search, closing = squeezed(pair, block, [3.0, 4.0, 6.0])
    together = search.hold(closing)
    alone = search.hold(take(closing, np.array([1])))
    assert together.slip[1] == alone.slip[0]
    nobody = search.hold(take(closing, np.arange(0)))
    assert nobody.slip.shape == nobody.least_friction.shape == (0,)
