"""The annealing of the search."""

from __future__ import annotations

import numpy as np
import pytest

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.synthesis.schedule import schedule


@pytest.mark.parametrize('iterations', [1, 2, 200])
def test_candidates_are_measured_at_the_end_values(iterations):
    config = SynthesisConfig(iterations=iterations)
    rows = schedule(config)
    assert rows.shape == (iterations + 1, 4)
    ends = [config.softness_end, config.distance_weight_end, config.penalty_scale_end, 0.0]
    np.testing.assert_allclose(rows[-1], ends, rtol=1e-6, atol=1e-7)
    starts = [config.softness_start, config.distance_weight_start, config.penalty_scale_start, 1.0]
    np.testing.assert_allclose(rows[0], starts, rtol=1e-6)
