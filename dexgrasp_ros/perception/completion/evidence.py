"""What is known of an object when its hidden side is guessed, and what a guess must say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.grid import Axes, Grid
from dexgrasp_ros.perception.surface import SeenSurface

# What a symmetry denies must be seen to be free by more than this [m], since neither its plane or
# axis nor the surface are known better (noise of 1 to 2 mm, and as much by a degree at 10 cm).
DOUBT = 0.0025


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One object as one camera saw it."""

    surface: SeenSurface
    axes: Axes  # frame in which height is measured
    points: NDArray[np.float64]  # [M, 3] cleaned, local: height, away, aside [m]
    random_seed: int = 0

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Least and greatest local coordinates [2, 3] of the points [m]."""
        return np.stack([self.points.min(axis=0), self.points.max(axis=0)])

    def draw(self, count: int) -> NDArray[np.float32]:
        """Draw some of the points, [count, 3] at most; always the same."""
        rng = np.random.default_rng(self.random_seed)
        count = min(count, len(self.points))
        return self.points[rng.choice(len(self.points), count, replace=False)].astype(np.float32)

    def free(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance [M] of local points [M, 3] into space seen to be free [m]."""
        return self.surface.free(self.axes.to_camera(points))

    def compare(self, points: NDArray[np.float32]) -> tuple[NDArray, NDArray, NDArray]:
        """Like `SeenSurface.compare`, with points and normals in the local frame."""
        front, side, normals = self.surface.compare(self.axes.to_camera(points))
        return front, side, normals @ self.axes.rotation.T.astype(normals.dtype)


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
    """What the seen side suggests of the hidden one, and what it denies."""

    # How many voxels apart it may be judged. What was seen is sharp, what is guessed need not be;
    # nodes twice as far apart are an eighth of the work.
    coarseness: int

    @property
    def bounds(self) -> NDArray[np.float64]:
        """Least and greatest local coordinates [2, 3] of what it fills [m]."""

    def judge(self, hidden: HiddenNodes) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Signed distances [R], negative inside, to what it fills and to what it leaves [m].

        Outside the latter is what cannot be there if the guess is right; None denies nothing.
        """


def hidden_nodes(evidence: Evidence, grid: Grid, thickness: float, reach: float) -> HiddenNodes:
    """Find the nodes of a grid that are within `reach` [m] of what the seen side hides."""
    nodes = grid.nodes().reshape(-1, 3)
    shadow, shell = evidence.surface.behind(evidence.axes.to_camera(nodes), thickness)
    rows = np.flatnonzero(shadow < reach)
    return HiddenNodes(
        grid=grid,
        rows=rows,
        nodes=nodes[rows],
        shadow=shadow[rows],
        shell=shell[rows],
        thickness=thickness,
        reach=reach,
    )
