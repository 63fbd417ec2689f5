"""Where memory runs out on a device, batches are split, results stay, and a warning says so."""

from __future__ import annotations

import numpy as np
import pytest

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.synthesis import search as search_module
from dexgrasp_ros.synthesis import synthesize
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.fitting_batches import FittingBatches

FULL = RuntimeError("Failed to allocate 1073741824 bytes on device 'cuda:0'")


def batches_of(most: int, error: Exception = FULL):
    """Work that has memory for so many rows; how often memory was let go of."""
    released = []
    batches = FittingBatches(lambda: released.append(True))

    def work(rows: slice) -> list[int]:
        if rows.stop - rows.start > most:
            raise error
        return list(range(rows.start, rows.stop))

    return batches, work, released


@pytest.mark.parametrize('count', [1, 2, 7, 10, 64])
@pytest.mark.parametrize('most', [1, 3, 100])
def test_every_row_comes_once_and_in_order(count, most):
    batches, work, released = batches_of(most)
    parts = batches.run(work, count)
    assert [row for part in parts for row in part] == list(range(count))
    assert bool(released) == (count > most) == bool(batches.warnings)
    if count > most:
        assert f'{count:,} candidates' in batches.warnings[0]


def test_what_did_not_fit_is_not_tried_again():
    batches, work, released = batches_of(3)
    first, known = batches.run(work, 10), len(released)
    assert batches.run(work, 10) == first
    assert len(released) == known


def test_nothing_is_one_batch_of_nothing():
    batches, work, _released = batches_of(1)
    assert batches.run(work, 0) == [[]]


def test_what_does_not_fit_at_all_and_other_errors_are_raised():
    batches, work, _released = batches_of(0)
    with pytest.raises(RuntimeError, match='Failed to allocate'):
        batches.run(work, 8)
    batches, work, released = batches_of(0, RuntimeError('the graph is closed'))
    with pytest.raises(RuntimeError, match='closed'):
        batches.run(work, 8)
    assert not released


def test_a_search_goes_on_in_halves(allegro, can, monkeypatch):
    """As on a GPU: all candidates in one engine, of which this one has room for 16 only."""

    class SmallEngine(Engine):
        def __init__(self, hand, obj, config, count, device, **options):
            if count > 16:
                raise FULL
            super().__init__(hand, obj, config, count, device, **options)

    def whole(self, work, count, **_):
        return self._batches.run(work, count)

    config = SynthesisConfig(seed_count=24, max_grasps=2, iterations=4, device='cpu')
    roomy = synthesize(allegro, can, config)
    monkeypatch.setattr(search_module, 'Engine', SmallEngine)
    monkeypatch.setattr(search_module.Search, '_map', whole)
    tight = synthesize(allegro, can, config)
    assert roomy.rejected == tight.rejected
    np.testing.assert_array_equal(roomy.grasp, tight.grasp)
    assert not any('no memory' in text for text in roomy.warnings)
    assert any('no memory for 192 candidates' in text for text in tight.warnings)  # 24 × 8 draws


def test_what_a_batch_made_before_memory_ran_out_counts_once(allegro, can, monkeypatch):
    class LateEngine(Engine):
        def run(self, iterations, between):
            super().run(min(iterations, 2), between)
            if self.count > 16:
                raise FULL
            super().run(iterations - 2, between)

    monkeypatch.setattr(search_module, 'Engine', LateEngine)
    config = SynthesisConfig(seed_count=24, iterations=4, device='cpu')
    search = search_module.Search(allegro, can, config)
    monkeypatch.setattr(search, '_map', lambda work, count, **_: search._batches.run(work, count))
    palm, q = np.tile(allegro.palm_pose, (24, 1)), np.tile(allegro.preshape, (24, 1))
    made = []
    search.descend(search.start(palm, q), 0, 4, report=made.append)
    assert min(made) == -2 * 24
    assert sum(made) == 4 * 24
