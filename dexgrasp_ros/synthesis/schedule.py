"""The configuration as kernels read it: what changes with the iterations, and what does not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.kernels import types

FAR = 1e9  # m, beyond anything


def schedule(config: SynthesisConfig) -> NDArray[np.float32]:
    """Softness [m], distance weight, penalty scale and step scale of each iteration [T, 4].

    The first three go geometrically from start to end, steps fall like half a cosine; one more
    row holds the end values, at which candidates are measured.
    """
    t = np.append(np.linspace(0.0, 1.0, config.iterations), 1.0)
    rows = np.stack(
        [
            config.softness_start * (config.softness_end / config.softness_start) ** t,
            config.distance_weight_start
            * (config.distance_weight_end / config.distance_weight_start) ** t,
            config.penalty_scale_start
            * (config.penalty_scale_end / config.penalty_scale_start) ** t,
            0.5 * (1.0 + np.cos(np.pi * t)),
        ],
        axis=1,
    )
    return rows.astype(np.float32)


def look_reach(config: SynthesisConfig) -> float:
    """How far from the object distances matter once the descent is over [m]."""
    gaps = config.clearance, config.pregrasp_clearance, config.pregrasp_margin
    return max(gaps) + config.contact_distance


def make_settings(config: SynthesisConfig) -> types.Settings:
    """Numbers of the energy."""
    s = types.Settings()
    # Forces that balance well within the cone hold with a margin (docs/method.md).
    s.friction = min(config.friction, config.friction_held)
    s.compliance = config.compliance
    s.reach = FAR
    s.sweeps = config.sweeps
    s.contact_weight = config.contact_weight
    s.penetration_weight = config.penetration_weight
    s.object_penetration_weight = config.object_penetration_weight
    s.self_weight = config.self_weight
    s.self_margin = config.self_margin
    s.environment_weight = config.environment_weight
    s.environment_margin = config.environment_margin
    return s
