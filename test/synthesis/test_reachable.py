"""A search that is told which grasps can be reached."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dexgrasp_ros.synthesis import synthesize

SIDE = 0.0  # m; only hands whose root link is on this side in x are within reach


@pytest.fixture(scope='module')
def asked():
    return []


@pytest.fixture(scope='module')
def reached(allegro, can, config, asked):
    def reachable(base, pregrasp):
        assert base.shape == pregrasp.shape == (len(base), 7)
        asked.append((base, pregrasp))
        return base[:, 0] < SIDE

    return synthesize(allegro, can, config, reachable=reachable)


def test_what_is_out_of_reach_is_not_returned_but_counted(reached, grasps, config):
    # Without the test both sides come.
    assert 0 < (grasps.base_pose[:, 0] < SIDE).sum() < len(grasps)
    assert len(reached)
    assert (reached.base_pose[:, 0] < SIDE).all()
    assert reached.rejected['reachability'] > 0
    assert len(reached) + sum(reached.rejected.values()) == config.seed_count
    assert 'reachability' not in grasps.rejected


def test_others_take_the_place_of_what_is_out_of_reach(reached, grasps):
    assert len(reached) > (grasps.base_pose[:, 0] < SIDE).sum()


def test_poses_that_are_asked_for_are_those_that_are_returned(reached, asked):
    base, pregrasp = (np.concatenate(poses) for poses in zip(*asked, strict=True))
    known = {b.tobytes() + p.tobytes() for b, p in zip(base, pregrasp, strict=True)}
    for b, p in zip(reached.base_pose, reached.pregrasp_base_pose, strict=True):
        assert b.tobytes() + p.tobytes() in known


def test_nothing_within_reach_gives_nothing_and_says_so(allegro, can, config):
    few = dataclasses.replace(config, seed_count=16)
    none = synthesize(allegro, can, few, reachable=lambda b, _: np.zeros(len(b), bool))
    assert len(none) == 0
    assert none.rejected['reachability'] > 0
