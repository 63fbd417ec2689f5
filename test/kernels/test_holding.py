"""Pulls on a brick between two jaws, whose limits can be worked out on paper."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
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
from dexgrasp_ros.synthesis.batches import take
from dexgrasp_ros.synthesis.search import Search

STIFFNESS = 8000.0  # N/m
MASS = 0.1  # kg
PULL = 20.0 * MASS  # N, while friction fades
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
    assert found.least_friction[4] == pytest.approx(0.1)  # the least that is asked about
    assert (np.diff(found.slip) < 0).all()


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
