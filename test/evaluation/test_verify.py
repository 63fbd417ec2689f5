"""Grasps that were shaken before they were returned."""

from __future__ import annotations

import dataclasses
import time

import pytest

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError, SynthesisError
from dexgrasp_ros.evaluation import evaluate, synthesize_verified
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize


@pytest.fixture(scope='module')
def block():
    import trimesh

    mesh = trimesh.creation.box([0.05, 0.06, 0.12])
    return load_object((mesh.vertices, mesh.faces))


def test_only_what_holds_is_returned(block):
    hand = load_hand('allegro')
    # Without the simulated closing some fall; on slippery ground more do.
    config = SynthesisConfig(
        seed_count=24, max_grasps=4, simulate_closing=False, iterations=60, random_seed=3
    )
    wide = SynthesisConfig(
        seed_count=24, max_grasps=8, simulate_closing=False, iterations=60, random_seed=3
    )
    all_held = evaluate(synthesize(hand, block, wide), object=block, protocol='hard').held
    assert not all_held.all(), 'nothing to drop'
    verified = synthesize_verified(hand, block, config, protocol='hard')
    assert len(verified) == min(4, all_held.sum())
    assert evaluate(verified, object=block, protocol='hard').held.all()
    assert verified.rejected['shake_test'] == (~all_held).sum()
    assert sum(verified.rejected.values()) + len(verified) == 24
    assert verified.config['verified'] == 'hard'
    assert verified.timing['shake'] > 0


def test_what_the_shake_test_warns_of_comes_with_the_grasps(block):
    """Joints of 50 N m/rad squeeze for another stiffness than the test's 5."""
    hand = load_hand('allegro')
    stiff = dataclasses.replace(hand, joint_stiffness=10.0 * hand.joint_stiffness)
    few = SynthesisConfig(seed_count=8, max_grasps=2, iterations=60)
    verified = synthesize_verified(stiff, block, few, protocol='fc')
    assert any('stiffness of 50' in w for w in verified.warnings)


def test_the_time_limit_holds_for_the_shaking_too(block, monkeypatch):
    """A clock that leaps by an hour once the shaking has begun stands for a slow machine."""
    leap = 0.0
    now = time.perf_counter

    def watch(moment) -> None:
        nonlocal leap
        leap = 3600.0 if moment.phase == 'shake' else 0.0

    monkeypatch.setattr('dexgrasp_ros.synthesis.clock.time.perf_counter', lambda: now() + leap)
    config = SynthesisConfig(seed_count=8, max_grasps=3, iterations=60, time_limit=1800.0)
    with pytest.raises(SynthesisError) as ended:
        synthesize_verified(load_hand('allegro'), block, config, processes=1, progress=watch)
    assert ended.value.code == ErrorCode.TIME_LIMIT
    assert leap, 'the limit passed before the shaking'


def test_an_unknown_protocol_is_refused(block):
    with pytest.raises(InputError, match='fc'):
        synthesize_verified(load_hand('allegro'), block, protocol='soft')


@pytest.mark.parametrize('threshold', [0.0, 0.009, 1.1, float('nan')])
def test_a_threshold_out_of_range_is_refused_before_the_search(block, threshold):
    with pytest.raises(InputError, match=r'0\.01') as refused:
        synthesize_verified(load_hand('allegro'), block, piece_threshold=threshold)
    assert refused.value.code == ErrorCode.OUT_OF_RANGE
