"""`benchmark/shake_speed.py`, with a cage and a sphere."""

from __future__ import annotations

import shake_speed
from toy_hands import LID_OPEN, grasp_set

from dexgrasp_ros.evaluation.protocols import Protocol
from dexgrasp_ros.object import object_pieces
from dexgrasp_ros.simulation import build_physics


def test_a_row_counts_what_agrees(cage, sphere):
    """A cage that holds and one that does not; then with a verdict, and a bit, that differs."""
    protocol = Protocol(name='fc', pull_time=0.4)
    physics = build_physics(cage, sphere, object_pieces(sphere).pieces, protocol.physics)
    grasps = grasp_set(cage, [0, 0, 0, 0, 0, 0, 1.0], [[0.001], [LID_OPEN]])
    rows = [
        {
            'results': [
                shake_speed._outcome(r)
                for r in shake_speed.three_ways(physics, protocol, shake_speed.postures(grasps, n))
            ]
        }
        for n in range(2)
    ]
    grasp_count, held, *times, ratio, verdicts, bits, apart = shake_speed.summarize(rows)
    assert (grasp_count, held, verdicts, bits) == ('2', '1', '2', '2')
    assert len(times) == 3 and float(ratio) > 0.0
    assert apart == '0, at most 0'
    rows[0]['results'][2]['displacement'] += 0.001
    rows[1]['results'][0]['cause'] = 'closing'
    *_, verdicts, bits, apart = shake_speed.summarize(rows)
    assert (verdicts, bits, apart) == ('1', '1', '1, at most 1')
