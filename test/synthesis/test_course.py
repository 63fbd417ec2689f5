"""A seed that is searched from again, alone, goes the way it went among the others."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.synthesis import synthesize, trace_seed
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds


@pytest.fixture(scope='module')
def small():
    """48 seeds make two batches on two cores, so that a seed's batch is not the course's."""
    return SynthesisConfig(
        seed_count=48, iterations=40, max_grasps=4, max_residual=0.5, random_seed=2, device='cpu'
    )


@pytest.fixture(scope='module')
def ended(allegro, can, small):
    palm, q = make_seeds(Search(allegro, can, small), allegro, can, small)
    return Search(allegro, can, small).optimize(palm, q)


@pytest.mark.parametrize('seed_index', [0, 17, 47])
def test_the_last_moment_is_what_the_search_found(seed_index, allegro, can, small, ended):
    course = trace_seed(allegro, can, small, seed_index)
    palm, q, found = ended
    np.testing.assert_array_equal(course.palm[-1], palm[seed_index])
    np.testing.assert_array_equal(course.q[-1], q[seed_index])
    assert course.residual[-1] == found.residual[seed_index]
    assert course.energy[-1] == found.energy[seed_index]
    assert course.penetration[-1] == found.penetration[seed_index]


def test_the_first_moment_is_the_seed(allegro, can, small):
    palm, q = make_seeds(Search(allegro, can, small), allegro, can, small)
    course = trace_seed(allegro, can, small, 5)
    np.testing.assert_array_equal(course.iteration, [0, 2, 8, 20, 40])
    np.testing.assert_array_equal(course.palm[0], palm[5].astype(np.float32))
    np.testing.assert_array_equal(course.q[0], q[5].astype(np.float32))


def test_a_look_on_the_way_does_not_change_the_way(allegro, can, small):
    often = trace_seed(allegro, can, small, 3, iterations=range(0, 41, 4))
    once = trace_seed(allegro, can, small, 3, iterations=[20])
    np.testing.assert_array_equal(once.iteration, [20, 40])
    np.testing.assert_array_equal(often.q[[5, 10]], once.q)
    np.testing.assert_array_equal(often.palm[[5, 10]], once.palm)


def test_energies_of_all_moments_are_of_the_same_function(allegro, can, small):
    """A descent of no step size stays where it is, and so must its energy."""
    still = dataclasses.replace(small, step_translation=0.0, step_rotation=0.0, step_joint=0.0)
    course = trace_seed(allegro, can, still, 1)
    np.testing.assert_array_equal(course.palm, np.repeat(course.palm[:1], 5, axis=0))
    # The last starts its solve from the descent's forces: 60 sweeps forget that to a thousandth.
    np.testing.assert_allclose(course.energy, course.energy[0], rtol=2e-3)


def test_grasps_say_which_seed_they_came_from(allegro, can, small):
    """The residual is measured before the closing, which changes postures."""
    grasps = synthesize(allegro, can, small)
    assert len(grasps) and len(set(grasps.seed_index)) == len(grasps)
    for n in range(len(grasps)):
        course = trace_seed(allegro, can, small, int(grasps.seed_index[n]))
        assert course.residual[-1] == grasps.residual[n]


def test_the_palm_frame_moves_with_the_root(allegro, can, small):
    course = trace_seed(allegro, can, small, 0)
    root = link_poses(allegro, course.q, course.base_pose)[:, 0]
    palm_to_root = np.linalg.norm(allegro.palm_pose[:3])
    np.testing.assert_allclose(
        np.linalg.norm(root[:, :3] - course.palm[:, :3], axis=1), palm_to_root, atol=1e-6
    )


@pytest.mark.parametrize(('seed_index', 'iterations'), [(48, None), (-1, None), (0, [41])])
def test_what_there_is_not_is_refused(seed_index, iterations, allegro, can, small):
    with pytest.raises(InputError, match='expected 0 to') as caught:
        trace_seed(allegro, can, small, seed_index, iterations=iterations)
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
