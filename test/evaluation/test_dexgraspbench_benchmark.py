"""Tables of two verdicts on the same grasps, from records that are made up here."""

from __future__ import annotations

import bench_tables
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

RNG = np.random.default_rng(0)


def pair(part, ours, theirs, causes):
    count = len(ours)
    head = {'setting': 'fc', 'hand': 'allegro_bench', 'object': 'can', 'part': part}
    turns = Rotation.random(count, random_state=1).as_quat(scalar_first=True)
    return (
        head
        | {
            'held': sum(ours),
            'held_each': ours,
            'cause': ['held' if h else 'direction +x' for h in ours],
            'displacement': [0.001] * count,
            'rotation': [0.1] * count,
        },
        head
        | {
            'held': sum(theirs),
            'held_each': theirs,
            'moved': [0.002] * (count - 1) + [100.0],
            'turned': [3.0] * count,
            'penetration': [0.001] * count,
            'contact_distance': [0.0005] * count,
            'qpos': np.hstack([RNG.normal(size=(count, 3)), turns, np.ones((count, 2))]).tolist(),
            'obj_pose': [[0.0, 0, 0, 1, 0, 0, 0]] * count,
            'causes': causes,
        },
    )


def test_what_did_not_come_has_failed_and_disagreements_are_named():
    best = pair('best', [True, True, False], [True, False, True], {'1': 'ten jumps', '2': 'other'})
    rest = pair('rest', [False, True], [False, False], {'1': 'shared tendons'})
    text = '\n'.join(bench_tables.tables([best, rest], 4, 8))
    rows = {tuple(line.split(' | ')[1:2]): line for line in text.splitlines() if ' | ' in line}
    first, whole = rows['best 4 of 8, 1 objects',], rows['all 8, 1 objects',]
    assert '2/4 = 50.0 %' in first and '| 1 | 1 | 1 | 0 | 1.00 | 0.50 |' in first
    assert '3/8 = 37.5 %' in whole and '2/8 = 25.0 %' in whole
    assert '| 1 | 2 | 1 | 1 |' in whole
    assert '| can | 2/4, 2/4 | 3/8, 2/8 |' in text
    assert 'only we hold, ten jumps: 1' in text and 'only it holds, other: 1' in text
    assert 'allegro_bench, can, 2 | only we hold' in text
    assert 'allegro_bench, can, 5' not in text and 'allegro_bench, can, 6' in text
    assert 'starts in the object or in itself' in text


def test_diversity_is_the_variance_along_principal_components():
    """Of hands that only move along a line, the first component explains all."""
    ours, theirs = pair('best', [True] * 6, [True] * 6, {})
    theirs['qpos'] = [[0.1 * k, 0.2 * k, 0, 1, 0, 0, 0, 0.3] for k in range(6)]
    assert bench_tables._diversity([(ours, theirs)])[0] == pytest.approx(1.0)
    # An object that moves with its hand, turned or not, makes no difference.
    theirs['obj_pose'] = [[0.1 * k, 0.2 * k, 0, 0.6, 0.8, 0, 0] for k in range(6)]
    theirs['qpos'] = [[0.1 * k, 0.2 * k, 0, 0.6, 0.8, 0, 0, 0.3 * k] for k in range(6)]
    assert bench_tables._diversity([(ours, theirs)])[0] == pytest.approx(1.0)
