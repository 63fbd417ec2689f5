"""Joining convex parts of a mesh again, those first whose common hull is hardly larger."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


class Merging:
    """The parts of one mesh, and what it costs to join two of them.

    That is what their common hull has too much, as the root of the sum of squares of what each
    merge has added: small gaps, as of a rack, are hardly worse together than one of them is; of a
    bow that is joined step by step, the last step adds three quarters of all.

    Attributes
    ----------
    parts
        Corners [V, 3] m of each hull, by number.
    """

    def __init__(self, parts: list[NDArray[np.float64]]) -> None:
        self.parts: dict[int, NDArray[np.float64]] = {}
        self._volumes: dict[int, float] = {}
        self._added: dict[int, float] = {}  # m^3 by which merges have grown each hull
        self._growth: dict[tuple[int, int], float] = {}
        self._next = 0
        for part in parts:
            self._add(part)

    def cheapest(self) -> float:
        """Volume [m^3] that the hull after the next merge has too much; inf with one part."""
        return min(self._growth.values(), default=np.inf)

    def merge(self) -> None:
        """Join the two parts whose common hull has least too much."""
        pair = min(self._growth, key=self._growth.__getitem__)
        added = self._growth[pair]
        corners = np.concatenate([self.parts.pop(number) for number in pair])
        self._growth = {k: v for k, v in self._growth.items() if not {*k} & {*pair}}
        self._add(corners, added)

    def _add(self, corners: NDArray[np.float64], added: float = 0.0) -> None:
        """Add a part, whose hull has grown already, and what joining it with another costs."""
        corners, volume = _hull(corners)
        number = self._next
        self._next += 1
        for other, theirs in self.parts.items():
            both = _hull(np.concatenate([corners, theirs]))[1]
            grown = max(0.0, both - volume - self._volumes[other])
            self._growth[other, number] = math.hypot(grown, added, self._added[other])
        self.parts[number], self._volumes[number], self._added[number] = corners, volume, added


def _hull(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Corners and volume of a hull."""
    from manifold3d import Manifold

    hull = Manifold.hull_points(points)
    return np.array(hull.to_mesh64().vert_properties)[:, :3], hull.volume()
