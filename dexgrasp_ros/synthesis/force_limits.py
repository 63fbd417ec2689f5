"""Forces that an object is not to be pressed with: in sum, and at one contact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import SynthesisConfig

# Where the fingers come to rest forces differ by some percent from those that were planned.
_PLANNED_SHARE = 0.95
_PAIR = 2  # contacts that hold anything
_GRAVITY = 9.81  # m/s^2


def is_limited(config: SynthesisConfig) -> bool:
    """Whether forces have any limit."""
    return config.max_force > 0.0 or config.max_contact_force > 0.0


def excess(force: NDArray, normal: NDArray, config: SynthesisConfig) -> NDArray[np.float64]:
    """How many times their limits forces are [N]: above 1 they break one.

    Parameters
    ----------
    force, normal
        [N, G, 3] of the hand on the object [N], and unit normals into it.
    config
        `max_force` limits Σ_g f_g·n_g, `max_contact_force` every |f_g|.
    """
    times = np.zeros(len(force))
    if config.max_force > 0.0:
        times = np.einsum('ngi,ngi->n', force, normal) / config.max_force
    if config.max_contact_force > 0.0:
        largest = np.linalg.norm(force, axis=2).max(axis=1, initial=0.0)
        times = np.maximum(times, largest / config.max_contact_force)
    return times


def relief(force: NDArray, normal: NDArray, config: SynthesisConfig) -> NDArray[np.float64]:
    """Divisors [N], 1 at least, that bring all forces of a plan a little below their limits.

    All forces are divided alike, so that those that balance still do. Parameters as of `excess`.
    """
    return np.maximum(excess(force, normal, config) / _PLANNED_SHARE, 1.0)


def squeeze_force(config: SynthesisConfig) -> float:
    """Sum of normal forces [N] that any squeeze may have: the setting, or less by the limits."""
    limits = [config.squeeze_force]
    if config.max_force > 0.0:
        limits.append(config.max_force)
    if config.max_contact_force > 0.0:
        limits.append(_PAIR * config.max_contact_force)
    return min(limits)


def weight_warnings(config: SynthesisConfig, contacts: int) -> list[str]:
    """Say so where friction cannot carry the object with the forces that are allowed.

    `contacts` is how many a grasp has at most; 0 where that is not known.
    """
    weight = _GRAVITY * config.object_mass
    limits = [
        (config.max_force, 'in all (max_force)'),
        (
            contacts * config.max_contact_force,
            f'at {contacts} contacts (max_contact_force), the most of a grasp,',
        ),
    ]
    return [
        f'Normal forces of {most:g} N {where} bear {config.friction * most:.2g} N by friction'
        f' ({config.friction:g}), and the object weighs {weight:.2g} N: only what reaches under'
        ' it can lift it.'
        for most, where in limits
        if 0.0 < config.friction * most < weight
    ]
