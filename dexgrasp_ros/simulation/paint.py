"""Colours that a surface has of its own, known at dense points of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Paint:
    """Colours of a body, in its frame; a place has that of the closest point."""

    points: NDArray[np.floating]  # [P, 3] m
    colors: NDArray[np.floating]  # [P, 3] linear RGB, 0 … 1

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.points)

    def at(self, places: NDArray[np.floating]) -> NDArray[np.floating]:
        """Linear RGB [M, 3] at places [M, 3] of the surface."""
        return self.colors[self._tree.query(places)[1]]


def linear_rgb(bytes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Linear RGB 0 … 1 of sRGB bytes (IEC 61966-2-1)."""
    value = bytes.astype(np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
