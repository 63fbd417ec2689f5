"""What is seen of candidates: distances, and what their contacts would do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Look:
    """Where N candidates are, on the host; lengths in m, object's frame."""

    # [N, G] of each group to the object, negative inside; of those that are farther than
    # `schedule.look_reach` (but in a measurement) that of any of their points.
    distance: NDArray[np.float64]
    point: NDArray[np.float64]  # [N, G, 3] closest point of the group
    normal: NDArray[np.float64]  # [N, G, 3] unit, into the object
    nearest: NDArray[np.int64]  # [N, G] index of the closest point in the kernels' order
    environment: NDArray[np.float64]  # [N, G] to plane and obstacles, at most the margin
    own: NDArray[np.float64]  # [N, G] to other links of the hand, at most the margin

    @property
    def self_penetration(self) -> NDArray[np.float64]:
        """[N] deepest overlap of the hand with itself."""
        return np.maximum(-self.own.min(axis=1), 0.0)

    @property
    def penetration(self) -> NDArray[np.float64]:
        """[N] deepest overlap of hand and object."""
        return np.maximum(-self.distance.min(axis=1), 0.0)


@dataclass(frozen=True, kw_only=True)
class Measurement(Look):
    """A look and what the contacts would do there."""

    energy: NDArray[np.float64]  # [N] E
    residual: NDArray[np.float64]  # [N] mean V_j, 0 … 0.5
    force: NDArray[np.float64]  # [N, G, 3] Σ_j f_jg of the hand on the object, for unit wrenches
