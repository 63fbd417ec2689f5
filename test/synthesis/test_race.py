"""Candidates that halt, wait and go on: nobody is lost, and nobody notices."""

import dataclasses

import numpy as np
import pytest

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.synthesis import synthesize
from dexgrasp_ros.synthesis.race import race
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import draw_seeds, make_seeds


@pytest.fixture(scope='module')
def config():
    """40 seeds for one grasp: 16 finalists, and about 25 that go to half the way."""
    return SynthesisConfig(device='cpu', seed_count=40, max_grasps=1, iterations=50)


@pytest.fixture(scope='module')
def search(allegro, can, config):
    return Search(allegro, can, config)


@pytest.fixture(scope='module')
def seeds(search, allegro, can, config):
    return make_seeds(search, allegro, can, config)


@pytest.fixture(scope='module')
def batches(search, seeds, config):
    return list(race(search, config, *seeds, report=lambda share: None))


def test_everyone_arrives_once(batches):
    assert len(batches) == 3
    assert len(batches[0].q) == 16
    index = np.concatenate([batch.seed_index for batch in batches])
    np.testing.assert_array_equal(np.sort(index), np.arange(40))


def test_a_descent_with_halts_is_the_same_bit_for_bit(batches, search, seeds):
    palm, q, found = search.optimize(*seeds)
    for batch in batches:
        rows = batch.seed_index
        np.testing.assert_array_equal(batch.palm, palm[rows])
        np.testing.assert_array_equal(batch.q, q[rows])
        for f in dataclasses.fields(found):
            alone = getattr(found, f.name)[rows]
            np.testing.assert_array_equal(getattr(batch.found, f.name), alone)


def test_those_who_come_first_are_better(batches):
    energy = [np.median(batch.found.energy) for batch in batches]
    assert energy[0] < energy[1] < energy[2]


def test_progress_is_that_of_the_first_batch(search, seeds, config):
    shares = []
    batches = race(search, config, *seeds, report=shares.append)
    next(batches)
    # 10 iterations of all 40, 15 of √(40 · 16) and 25 of 16; threads report one at a time.
    work = 40 * 10 + round(np.sqrt(40 * 16)) * 15 + 16 * 25
    assert shares == sorted(shares)
    assert 0.0 < shares[0] <= 40 / work
    assert shares[-1] == pytest.approx(1.0)
    next(batches)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(
    ('seed_count', 'least', 'wanted'),
    [
        (16, 4, 1),
        (16, 4, 6),
        pytest.param(48, 16, 1, marks=pytest.mark.slow),
        pytest.param(48, 16, 24, marks=pytest.mark.slow),
    ],
)
def test_who_waits_is_asked_when_grasps_are_missing(
    allegro, can, seed_count, least, wanted, monkeypatch
):
    """Where the first finalists do not suffice, the others come to the same number."""
    monkeypatch.setattr('dexgrasp_ros.synthesis.race._LEAST_FINALISTS', least)
    few = SynthesisConfig(
        device='cpu', seed_count=seed_count, max_grasps=wanted, finalists=1.0, random_seed=2
    )
    all_at_once = dataclasses.replace(few, finalists=1e6)
    one, other = (synthesize(allegro, can, config) for config in (few, all_at_once))
    assert len(one) == len(other) == wanted
    assert sum(one.rejected.values()) + len(one) == seed_count
    # The least or as many as are wanted are finalists: enough for one grasp, too few for many
    # distinct ones.
    assert (one.rejected['surplus'] >= seed_count - least) == (wanted == 1)


@pytest.mark.parametrize('iterations', [1, 2, 3])
def test_halts_that_fall_together_depend_on_nothing(seeds, allegro, can, config, iterations):
    """Engines that were used before have other energies in their buffers."""
    few = dataclasses.replace(config, iterations=iterations)
    used, new = Search(allegro, can, few), Search(allegro, can, few)
    used.energy(*(values[::-1] for values in seeds))
    firsts = [next(race(s, few, *seeds, report=lambda share: None)) for s in (used, new)]
    np.testing.assert_array_equal(firsts[0].seed_index, firsts[1].seed_index)


def test_long_work_asks_between_chunks_whether_to_stop(allegro, can, config):
    asked = []
    search = Search(allegro, can, config, should_stop=lambda: asked.append(1) is not None)
    search.energy(*draw_seeds(allegro, can, config, np.random.default_rng(0), 200))
    assert len(asked) >= 200 / 32
