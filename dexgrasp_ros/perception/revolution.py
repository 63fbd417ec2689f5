"""Surfaces of revolution about an upright axis, found from the seen points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.evidence import Evidence, HiddenNodes
from dexgrasp_ros.perception.extrusion import extrude

_POINTS = 150  # that vote
_TURNS = 24  # 15 degrees apart: chords stay within 1 % of the radius of the circle
_FREE = 0.005  # m: an image this far in free space contradicts
_CANDIDATES = 9  # along each horizontal direction, at first
_HALVINGS = 4
# Share of the points that may be off the surface of revolution: the handle of a mug.
_MAX_CONTRADICTION = 0.2
_CELL = 0.001  # m of the profile


import os
RSLACK=np.float32(os.environ.get('RSLACK','0.0025'))
@dataclass(frozen=True, kw_only=True)
class Revolution:
    """A solid of revolution: all that is free at no angle."""

    evidence: Evidence
    center: NDArray[np.float64]  # [2] away, aside [m]
    contradiction: float  # share of the seen points that do not fit

    @property
    def accepted(self) -> bool:
        """Whether it is a symmetry of what was seen."""
        return self.contradiction <= _MAX_CONTRADICTION

    @property
    def radius(self) -> float:
        """Farthest seen point from the axis that may belong to it [m]."""
        return float(np.linalg.norm(self.evidence.points[:, 1:] - self.center, axis=1).max())

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Those of the points, and of circles through them."""
        points, r = self.evidence.points, self.radius
        lower, upper = points.min(axis=0), points.max(axis=0)
        lower[1:] = np.minimum(lower[1:], self.center - r)
        upper[1:] = np.maximum(upper[1:], self.center + r)
        return np.stack([lower, upper])

    def distance(self, hidden: HiddenNodes) -> NDArray[np.float32]:
        """Signed distance to it at the hidden nodes."""
        return np.maximum(self.free(hidden)-RSLACK, -hidden.reach)

    def free(self, hidden: HiddenNodes) -> NDArray[np.float32]:
        """Distance [R] into space seen to be free at any angle about the axis."""
        grid = hidden.grid
        heights = grid.coordinates(0)
        radii = np.arange(0.0, self.radius + 6.0 * grid.spacing, _CELL)
        angles = np.arange(4 * _TURNS) * 2.0 * np.pi / (4 * _TURNS)
        h, r, a = np.meshgrid(heights, radii, angles, indexing='ij')
        ring = np.stack(
            [h, self.center[0] + r * np.cos(a), self.center[1] + r * np.sin(a)], axis=-1
        )
        ring = ring.reshape(-1, 3).astype(np.float32)
        free = self.evidence.surface.free(self.evidence.axes.to_camera(ring)).reshape(h.shape)
        profile = np.clip(np.max(free, axis=-1), -hidden.reach, hidden.reach)
        layer = hidden.rows // (grid.shape[1] * grid.shape[2])
        away = hidden.nodes[:, 1:] - self.center.astype(np.float32)
        cell = np.sqrt((away * away).sum(axis=1)) / _CELL
        return ndimage.map_coordinates(
            profile, [layer, cell], order=1, mode='constant', cval=hidden.reach
        ).astype(np.float32)


def find_revolution(evidence: Evidence, random_seed: int = 0) -> Revolution:
    """Find the upright axis about which the seen points can turn with least contradiction."""
    rng = np.random.default_rng(random_seed)
    count = min(_POINTS, len(evidence.points))
    points = evidence.points[rng.choice(len(evidence.points), count, replace=False)]
    lower, upper = points[:, 1:].min(axis=0), points[:, 1:].max(axis=0)
    width = upper[1] - lower[1]
    upper = np.array([max(upper[0], lower[0] + width), upper[1]])
    steps = (upper - lower) / (_CANDIDATES - 1)
    axes = [lower[k] + steps[k] * np.arange(_CANDIDATES) for k in range(2)]
    best = _best(evidence, points, np.stack(np.meshgrid(*axes, indexing='ij'), -1).reshape(-1, 2))
    for _ in range(_HALVINGS):
        steps = steps / 2.0
        around = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 2, indexing='ij'), -1).reshape(-1, 2)
        best = _best(evidence, points, best.center + around * steps)
    return best


def _best(evidence: Evidence, points: NDArray, centers: NDArray) -> Revolution:
    cost, share = np.array([_contradiction(evidence, points, c) for c in centers]).T
    best = int(np.argmin(cost))
    return Revolution(
        evidence=evidence, center=centers[best], contradiction=float(share[best])
    )


def _contradiction(
    evidence: Evidence, points: NDArray[np.float64], center: NDArray[np.float64]
) -> tuple[float, float]:
    """Mean of what turned points reach into free space, truncated; share that does at all."""
    away = points[:, 1:] - center
    radius, angle = np.hypot(*away.T), np.arctan2(away[:, 1], away[:, 0])
    angle = angle + np.arange(_TURNS)[:, None] * 2.0 * np.pi / _TURNS
    turned = np.stack(
        [
            np.broadcast_to(points[:, 0], angle.shape),
            center[0] + radius * np.cos(angle),
            center[1] + radius * np.sin(angle),
        ],
        axis=-1,
    )
    flat = turned.reshape(-1, 3).astype(np.float32)
    free = evidence.surface.free(evidence.axes.to_camera(flat)).reshape(angle.shape)
    worst = free.max(axis=0)
    return float(np.clip(worst, 0.0, 2.0 * _FREE).mean()), float((worst > _FREE).mean())


def guess_revolution(evidence: Evidence) -> Revolution:
    """Guess a solid of revolution, whether it fits or not."""
    return find_revolution(evidence)
