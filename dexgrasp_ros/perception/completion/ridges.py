"""Symmetry about ridges: how things that lie, and are round, go on behind.

In a vertical section along the viewing direction the seen profile of something round rises to a
ridge and goes down beyond it, until the line of sight grazes it. There a box would end, since its
top ends in an edge; something round goes on outwards. A parabola through the highest points tells
the two apart and says where the ridge is; behind it a point is filled where its reflection through
the ridge is not seen to be free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.completion.evidence import Evidence, HiddenNodes

_STEP = 0.004  # m between sections
_BAND = 0.006  # m thickness of a section
_MIN_POINTS = 20
_TOP = 0.008  # m below the highest point: what the parabola is fitted to
_MAX_RADIUS = 0.08  # m of curvature at the ridge; flatter tops are no ridges
_MIN_BEYOND = 0.002  # m that are seen behind the ridge
_MEDIAN_SECTIONS = 5


@dataclass(frozen=True, kw_only=True)
class Ridges:
    """The ridge of each vertical section that has one."""

    asides: NDArray[np.float64]  # [K] m, ascending
    ridges: NDArray[np.float64]  # [K] `away` [m]
    near: NDArray[np.float64]  # [K] nearest seen `away` [m]

    @property
    def far(self) -> float:
        """Farthest `away` that any section reaches when completed [m]."""
        return float((2.0 * self.ridges - self.near).max(initial=-np.inf))

    def at(self, asides: NDArray) -> tuple[NDArray, NDArray, NDArray[np.bool_]]:
        """Ridges [L] and nearest points [L] of other sections, and whether they are known."""
        if not len(self.asides):
            return np.zeros(len(asides)), np.zeros(len(asides)), np.zeros(len(asides), bool)
        ridge, near = (np.interp(asides, self.asides, c) for c in (self.ridges, self.near))
        return ridge, near, np.abs(asides[:, None] - self.asides).min(axis=1) <= _STEP


def find_ridges(local: NDArray[np.float64]) -> Ridges:
    """Ridges of the sections of seen points [M, 3] (height, away, aside)."""
    local = local[np.argsort(local[:, 2])]
    found = []
    for aside in np.arange(local[0, 2], local[-1, 2] + _STEP, _STEP):
        start, stop = np.searchsorted(local[:, 2], [aside - _BAND / 2, aside + _BAND / 2])
        ridge = _ridge(local[start:stop, :2])
        if ridge is not None:
            found.append((aside, *ridge))
    rows = np.array(found).reshape(-1, 3)
    smooth = ndimage.median_filter(rows, size=(_MEDIAN_SECTIONS, 1), mode='nearest')
    return Ridges(asides=rows[:, 0], ridges=smooth[:, 1], near=smooth[:, 2])


def _ridge(points: NDArray[np.float64]) -> tuple[float, float] | None:
    """`away` of the ridge and of the nearest point of one section, None without a ridge."""
    if len(points) < _MIN_POINTS:
        return None
    height, away = points.T
    top = height > np.percentile(height, 95.0) - _TOP
    if len(np.unique(np.round(away[top], 6))) < 3:
        return None  # many parabolas go through two points
    middle = away[top].mean()
    curve, slope, _ = np.polyfit(away[top] - middle, height[top], 2)
    if curve >= -0.5 / _MAX_RADIUS:
        return None
    ridge = middle - 0.5 * slope / curve
    near, far = np.percentile(away, [2.0, 98.0])
    if not near < ridge < far - _MIN_BEYOND:
        return None
    return float(ridge), float(near)


@dataclass(frozen=True, kw_only=True)
class RidgeGuess:
    """What goes on behind ridges."""

    coarseness = 2
    evidence: Evidence
    ridges: Ridges

    @property
    def bounds(self) -> NDArray[np.float64]:
        """As far as any section reaches when completed."""
        bounds = self.evidence.bounds
        bounds[1, 1] = max(bounds[1, 1], self.ridges.far)
        return bounds

    def judge(self, hidden: HiddenNodes) -> tuple[NDArray[np.float32], None]:
        """Signed distance to it; it denies nothing."""
        ridge, near, known = self.ridges.at(hidden.grid.coordinates(2))
        ridge, near = ridge.astype(np.float32), near.astype(np.float32)
        section = hidden.rows % hidden.grid.shape[2]
        rows = np.flatnonzero(known[section] & (hidden.nodes[:, 1] > ridge[section]))
        section = section[rows]
        image = hidden.nodes[rows]
        image[:, 1] = 2.0 * ridge[section] - image[:, 1]
        result = np.full(len(hidden.rows), hidden.reach, np.float32)
        # Beyond the nearest seen point nothing was seen to be free where nothing was measured.
        symmetric = np.maximum(self.evidence.free(image), near[section] - image[:, 1])
        result[rows] = np.maximum(symmetric, hidden.shadow[rows])
        return result, None


def guess_ridges(evidence: Evidence) -> RidgeGuess:
    """Guess by the ridges of vertical sections."""
    return RidgeGuess(evidence=evidence, ridges=find_ridges(evidence.points))
