"""Buffers and launches of the descent."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import warp as wp

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.wishes import Wishes
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object
from dexgrasp_ros.synthesis.wishes import resolve_wishes

CONFIG = SynthesisConfig(seed_count=8, iterations=24, device='cpu')


@pytest.fixture(scope='module')
def seeds(allegro, can):
    return make_seeds(Search(allegro, can, CONFIG), allegro, can, CONFIG)


def engine(hand, obj, seeds, device: str = 'cpu') -> Engine:
    at = resolve_device(device)
    result = Engine(upload_hand(hand, at), upload_object(obj, at), CONFIG, len(seeds[0]), at)
    result.set_state(*seeds)
    return result


def test_replaying_a_recording_is_stepping(allegro, can, seeds):
    stepped, replayed = engine(allegro, can, seeds), engine(allegro, can, seeds)
    for _ in range(12):
        stepped.step()
    graph = replayed.record(4)
    np.testing.assert_array_equal(replayed.get_state()[1], seeds[1].astype(np.float32))
    for _ in range(3):
        wp.capture_launch(graph)
    for one, other in zip(stepped.get_state(), replayed.get_state(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_pairs_with_a_thread_each_are_the_same_bit_for_bit(allegro, can, seeds):
    at = resolve_device('cpu')
    uploads = upload_hand(allegro, at), upload_object(can, at)
    # Fingers that are spread at random get into each other.
    q = np.random.default_rng(3).uniform(allegro.lower, allegro.upper, seeds[1].shape)
    found = []
    for alone in (False, True):
        e = Engine(*uploads, CONFIG, len(q), at, thread_for_pair=alone)
        e.set_state(seeds[0], q)
        first = e.gradient(sweeps=2)
        for _ in range(5):
            e.step()
        found.append([*first, *e.get_state()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    config = SynthesisConfig(**{**vars(CONFIG), 'self_weight': 0.0})
    e = Engine(*uploads, config, len(q), at)
    e.set_state(seeds[0], q)
    assert (e.energy(sweeps=2) < found[0][0]).all(), 'nothing overlaps'


@pytest.mark.cuda
def test_cuda_goes_the_way_of_the_cpu(allegro, can, seeds):
    """Rounding differs, and a descent spreads it: so a few iterations, and most candidates."""
    here, there = engine(allegro, can, seeds), engine(allegro, can, seeds, 'cuda')
    for e in (here, there):
        e.run(12, lambda _made: None)
    for one, other in zip(here.get_state(), there.get_state(), strict=True):
        assert (np.abs(one - other).max(axis=1) < 1e-3).mean() >= 0.75


def test_a_search_that_nobody_holds_is_gone_without_a_collection(allegro, can):
    wishes = Wishes(approach_axis=(0.0, 0.0, -1.0), approach_half_angle=0.5)
    search = Search(allegro, can, CONFIG, demand=resolve_wishes(allegro, can, wishes))
    search.look(*make_seeds(search, allegro, can, CONFIG))
    engines = [weakref.ref(e) for idle in search._idle.values() for e in idle]
    gc.disable()
    try:
        del search
        assert engines
        assert not any(engine() for engine in engines)
    finally:
        gc.enable()
