"""Symmetry about a centre, slice by slice: a way to guess the hidden side.

The leftmost and rightmost seen points of a horizontal slice are where the line of sight grazes the
object; for a box seen over a corner, for a cylinder and for every other slice with a centre of
symmetry, their midpoint is that centre. Where the far side is seen as well, the centre lies
between it and the near side. A hidden point is filled where its reflection through the centre is
not seen to be free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.completion.evidence import Evidence, HiddenNodes

_LAYER = 0.004  # m between slices
_BAND = 0.004  # m thickness of a slice: two steps of depth noise
_MIN_SLICE_POINTS = 15
_MIN_SLICE_WIDTH = 0.01  # m
# Depth over width from which a slice shows more than a flat front: a circle has 0.5, a square
# seen over its corner 0.5, one turned by 10 degrees 0.2.
_MIN_SLICE_DEPTH = 0.15
_MEDIAN_LAYERS = 5  # layers over which centres are smoothed


@dataclass(frozen=True, kw_only=True)
class SliceCenters:
    """Centre of symmetry of each horizontal slice in which one can be told."""

    heights: NDArray[np.float64]  # [K] m, ascending
    centers: NDArray[np.float64]  # [K, 2] away, aside [m]
    near: NDArray[np.float64]  # [K] nearest seen `away` [m]

    @property
    def far(self) -> float:
        """Farthest `away` that any slice reaches when completed [m]."""
        return float((2.0 * self.centers[:, 0] - self.near).max(initial=-np.inf))

    def at(self, heights: NDArray[np.float64]) -> tuple[NDArray, NDArray, NDArray[np.bool_]]:
        """Centres [L, 2] and nearest points [L] at other heights, and whether they are known."""
        if not len(self.heights):
            none = np.zeros(len(heights))
            return np.zeros((len(heights), 2)), none, none.astype(bool)
        columns = (self.centers[:, 0], self.centers[:, 1], self.near)
        values = np.column_stack([np.interp(heights, self.heights, c) for c in columns])
        distance = np.abs(heights[:, None] - self.heights).min(axis=1)
        return values[:, :2], values[:, 2], distance <= _LAYER


def find_centers(local: NDArray[np.float64]) -> SliceCenters:
    """Centres of the slices of seen points [M, 3] (height, away, aside)."""
    order = np.argsort(local[:, 0])
    local = local[order]
    layers = np.arange(max(local[0, 0], 0.0), local[-1, 0] + _LAYER, _LAYER)
    found = []
    for height in layers:
        start, stop = np.searchsorted(local[:, 0], [height - _BAND / 2, height + _BAND / 2])
        center = _slice_center(local[start:stop, 1:])
        if center is not None:
            found.append((height, *center))
    rows = np.array(found).reshape(-1, 4)
    smooth = ndimage.median_filter(rows, size=(_MEDIAN_LAYERS, 1), mode='nearest')
    return SliceCenters(heights=rows[:, 0], centers=smooth[:, 1:3], near=smooth[:, 3])


def _slice_center(points: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Centre (away, aside) and nearest `away` of one slice, None where it cannot be told."""
    if len(points) < _MIN_SLICE_POINTS:
        return None
    away, aside = points.T
    left, right = np.percentile(aside, [1.0, 99.0])
    width = right - left
    if width < _MIN_SLICE_WIDTH:
        return None
    margin = 0.03 * width  # of an arc, this takes in 20 degrees from the grazing point
    ends = (away[aside <= left + margin], away[aside >= right - margin])
    near, center = np.percentile(away, 2.0), np.mean([np.percentile(end, 90.0) for end in ends])
    middle = away[np.abs(aside - 0.5 * (left + right)) < 0.25 * width]
    if len(middle) and (far := np.percentile(middle, 98.0)) > center:
        # More is seen behind the grazing points: the top, or the inside of a bowl.
        center = 0.5 * (near + far)
    if center - near < _MIN_SLICE_DEPTH * width:
        return None
    return float(center), float(0.5 * (left + right)), float(near)


@dataclass(frozen=True, kw_only=True)
class CenterGuess:
    """What is symmetric to the seen side, slice by slice."""

    coarseness = 2
    evidence: Evidence
    centers: SliceCenters

    @property
    def bounds(self) -> NDArray[np.float64]:
        """As far as any slice reaches when completed."""
        bounds = self.evidence.bounds
        bounds[1, 1] = max(bounds[1, 1], self.centers.far)
        return bounds

    def judge(self, hidden: HiddenNodes) -> tuple[NDArray[np.float32], None]:
        """Signed distance to it; it denies nothing, since slices are easily misjudged."""
        middle, near, known = self.centers.at(hidden.grid.coordinates(0))
        middle, near = middle.astype(np.float32), near.astype(np.float32)
        layer = hidden.rows // (hidden.grid.shape[1] * hidden.grid.shape[2])
        rows = np.flatnonzero(known[layer])
        layer = layer[rows]
        image = hidden.nodes[rows]
        image[:, 1:] = 2.0 * middle[layer] - image[:, 1:]
        result = np.full(len(hidden.rows), hidden.reach, np.float32)
        # Beyond the nearest seen point nothing was seen to be free where nothing was measured.
        symmetric = np.maximum(self.evidence.free(image), near[layer] - image[:, 1])
        result[rows] = np.maximum(symmetric, hidden.shadow[rows])
        return result, None


def guess_centers(evidence: Evidence) -> CenterGuess:
    """Guess by the centres of horizontal slices."""
    return CenterGuess(evidence=evidence, centers=find_centers(evidence.points))
