"""What is known of an object when its hidden side is guessed, and what a guess must say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.grid import Axes, Grid
from dexgrasp_ros.perception.surface import SeenSurface


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One object as one camera saw it."""

    surface: SeenSurface
    axes: Axes  # frame in which height is measured
    points: NDArray[np.float64]  # [M, 3] cleaned, local: height, away, aside [m]
    floor: float  # height below which there is nothing [m]

    def normals_at(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Local normals [M, 3] of the front where local points [M, 3] are seen."""
        _, _, normals = self.surface.compare(self.axes.to_camera(points))
        return normals @ self.axes.rotation.T.astype(normals.dtype)


@dataclass(frozen=True, kw_only=True)
class HiddenNodes:
    """The nodes of a grid that may lie inside: not seen to be free."""

    grid: Grid
    rows: NDArray[np.int64]  # [R] which of the grid's nodes, in C order
    nodes: NDArray[np.float32]  # [R, 3] local [m]
    shadow: NDArray[np.float32]  # [R] signed distance to all that the seen side hides [m]
    shell: NDArray[np.float32]  # [R] the same of a thin shell behind the seen side [m]
    thickness: float  # of that shell [m]
    reach: float  # m; larger distances say no more


class Guess(Protocol):
    """A shape that the seen side suggests; what the camera saw to be free is cut off later."""

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Least and greatest local coordinates [2, 3] that it reaches [m]."""

    def distance(self, hidden: HiddenNodes) -> NDArray[np.float32]:
        """Signed distance [R], negative inside, at the hidden nodes [m]."""
