"""Surfaces of revolution about an upright axis, found from the seen points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.completion.evidence import DOUBT, Evidence, HiddenNodes

# Points that vote, and turns of each: for the first look, and for the axis itself.
_FIRST, _FINAL = (100, 12), (200, 24)
_FREE = 0.005  # m: an image this far in free space contradicts; three deviations of the noise
_CANDIDATES = 9  # along each horizontal direction, at first
_HALVINGS = 4  # of the steps between them, once the best is known
# Share of the points that may be off the surface of revolution: the handle of a mug.
_MAX_CONTRADICTION = 0.2
_PROFILE_TURNS = 48  # 7.5 degrees apart: chords stay within 0.3 % of the radius of the circle
_CELL = 0.001  # m of the profile


@dataclass(frozen=True, kw_only=True)
class Revolution:
    """A solid of revolution: all that is free at no angle."""

    coarseness = 1
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
        lower, upper = self.evidence.bounds
        lower[1:] = np.minimum(lower[1:], self.center - self.radius)
        upper[1:] = np.maximum(upper[1:], self.center + self.radius)
        return np.stack([lower, upper])

    def judge(self, hidden: HiddenNodes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Signed distance to it; nothing else can be there."""
        shape = hidden.grid.shape
        profile = self._profile(hidden.grid.coordinates(0), hidden.reach)
        layer = hidden.rows // (shape[1] * shape[2])
        across = hidden.nodes[:, 1:] - self.center.astype(np.float32)
        cell = np.sqrt((across * across).sum(axis=1)) / _CELL
        found = ndimage.map_coordinates(
            profile, [layer, cell], order=1, cval=hidden.reach, output=np.float32
        )
        return found - np.float32(DOUBT), found

    def _profile(self, heights: NDArray[np.float64], reach: float) -> NDArray[np.float32]:
        """Greatest distance [heights, radii] into free space all around, up to `reach` [m]."""
        radii = np.arange(0.0, self.radius + reach + 2.0 * _CELL, _CELL)
        angles = np.arange(_PROFILE_TURNS) * 2.0 * np.pi / _PROFILE_TURNS
        h, r, a = np.meshgrid(heights, radii, angles, indexing='ij')
        ring = np.stack(
            [h, self.center[0] + r * np.cos(a), self.center[1] + r * np.sin(a)], axis=-1
        )
        free = self.evidence.free(ring.reshape(-1, 3).astype(np.float32)).reshape(h.shape)
        return np.clip(free.max(axis=-1), -reach, reach)


def guess_revolution(evidence: Evidence) -> Revolution:
    """Find the upright axis about which the seen points can turn with least contradiction."""
    points = evidence.draw(_FIRST[0]).astype(np.float64)
    lower, upper = points[:, 1:].min(axis=0), points[:, 1:].max(axis=0)
    # Seen from one side, a circle is at least half as deep as it is wide.
    upper[0] = max(upper[0], lower[0] + upper[1] - lower[1])
    steps = (upper - lower) / (_CANDIDATES - 1)
    axes = [lower[k] + steps[k] * np.arange(_CANDIDATES) for k in range(2)]
    centers = np.stack(np.meshgrid(*axes, indexing='ij'), -1).reshape(-1, 2)
    best = _best(evidence, points, _FIRST[1], centers)
    points = evidence.draw(_FINAL[0]).astype(np.float64)
    around = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 2, indexing='ij'), -1).reshape(-1, 2)
    for _ in range(_HALVINGS):
        steps = steps / 2.0
        best = _best(evidence, points, _FINAL[1], best.center + around * steps)
    return best


def _best(
    evidence: Evidence, points: NDArray[np.float64], turns: int, centers: NDArray[np.float64]
) -> Revolution:
    cost, share = np.array([_contradiction(evidence, points, turns, c) for c in centers]).T
    best = int(np.argmin(cost))
    return Revolution(evidence=evidence, center=centers[best], contradiction=float(share[best]))


def _contradiction(
    evidence: Evidence, points: NDArray[np.float64], turns: int, center: NDArray[np.float64]
) -> tuple[float, float]:
    """Mean of what turned points reach into free space, truncated; share that does at all."""
    across = points[:, 1:] - center
    radius, angle = np.hypot(*across.T), np.arctan2(across[:, 1], across[:, 0])
    angle = angle + np.arange(turns)[:, None] * 2.0 * np.pi / turns
    turned = np.stack(
        [
            np.broadcast_to(points[:, 0], angle.shape),
            center[0] + radius * np.cos(angle),
            center[1] + radius * np.sin(angle),
        ],
        axis=-1,
    )
    free = evidence.free(turned.reshape(-1, 3).astype(np.float32)).reshape(angle.shape)
    worst = free.max(axis=0)
    return float(np.clip(worst, 0.0, 2.0 * _FREE).mean()), float((worst > _FREE).mean())
