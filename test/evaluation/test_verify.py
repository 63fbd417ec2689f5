"""Grasps that were shaken before they were returned."""

from __future__ import annotations

import pytest

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import InputError
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


def test_an_unknown_protocol_is_refused(block):
    with pytest.raises(InputError, match='fc'):
        synthesize_verified(load_hand('allegro'), block, protocol='soft')
