"""What stands above continues straight down to the plane: the least that a guess contains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.evidence import Evidence, HiddenNodes

_BLUR = 2.0  # voxels, within a slice


@dataclass(frozen=True, kw_only=True)
class Extrusion:
    """A thin shell behind the seen side, down to the plane, and nothing else."""

    evidence: Evidence

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Those of the points."""
        points = self.evidence.points
        return np.stack([points.min(axis=0), points.max(axis=0)])

    def distance(self, hidden: HiddenNodes) -> NDArray[np.float32]:
        """Signed distance to it at the hidden nodes."""
        return extrude(hidden, hidden.shell)


def guess_extrusion(evidence: Evidence) -> Extrusion:
    """Guess only what continues to the plane."""
    return Extrusion(evidence=evidence)


def extrude(hidden: HiddenNodes, distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """Signed distance [R] to a shape and to all that lies straight below it."""
    reach = np.float32(hidden.reach)
    field = np.full(hidden.grid.shape, reach, np.float32)
    field.reshape(-1)[hidden.rows] = np.clip(distance, -reach, reach)
    field = np.minimum.accumulate(field[::-1], axis=0)[::-1]
    # The edges of what was seen are ragged; their continuation need not be.
    field = ndimage.gaussian_filter(field, (0.0, _BLUR, _BLUR))
    return field.reshape(-1)[hidden.rows]
