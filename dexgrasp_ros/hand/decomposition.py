"""Convex parts of all meshes of a hand, shared out among them by where they help most."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.hand.cutting import Part
from dexgrasp_ros.hand.merging import Merging
from dexgrasp_ros.hand.solid import CELLS, solids_of

if TYPE_CHECKING:
    import trimesh

MESH_LIMIT = 16  # parts of one mesh
# Concavity [m], see `Budget`: parts that have less are not cut, and those that would have less
# together are joined. The drawing of a fingertip, 14 x 17 x 27 mm, makes 8 pieces at 1.7 mm, 6 at
# this and 3 at 2.5 mm, and 5 % of its surface are more than 0.7, 0.9 and 1.2 mm off.
_NEGLIGIBLE = 2e-3
# Parts that are cut before some are joined again, for each one that may stay: the plane that is
# best for one cut is not for the next ones, and joining makes up for it.
_SPARE = 2.0
# From so many meshes on the grids on which they are filled get coarser, since they take longest.
_MANY = 24

ReportMesh = Callable[[int, float], None]  # which mesh is worked on, and the share that is done


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How many parts there may be, and what each distinct mesh [D] costs and counts."""

    uses: NDArray[np.int64]  # [D] how often the hand has it
    weights: NDArray[np.float64]  # [D] how much its shape matters, above 0 to 1
    limit: int  # of parts, those of a mesh counted as often as it is used

    def concavity(self, mesh: int, volume: float) -> float:
        """Radius [m] of a ball of the volume that hulls have too much, times √weight.

        CoACD's authors measure so (Wei et al. 2022): were it the volume itself, large meshes would
        leave nothing for small ones.
        """
        return float(np.sqrt(self.weights[mesh]) * np.cbrt(0.75 * volume / np.pi))


def convex_parts(
    meshes: Sequence[trimesh.Trimesh], budget: Budget, report: ReportMesh
) -> list[list[NDArray[np.float64]]]:
    """Corners of the hulls of each mesh's parts.

    The most concave part is cut next, whatever mesh it is of, until there are twice as many as
    may stay, or none whose concavity is not negligible. Then parts are joined, those first that
    are least concave as one. So the limit bounds the work too.
    """
    cut = _cut(_solids(meshes, report), budget, report)
    return _joined([Merging(parts) for parts in cut], budget)


def _solids(meshes: Sequence[trimesh.Trimesh], report: ReportMesh) -> list[list[Part]]:
    """Whole parts of each mesh."""
    cells = int(CELLS * min(1.0, (_MANY / len(meshes)) ** (1.0 / 3.0)))
    found = []
    for i, mesh in enumerate(meshes):
        report(i, 0.5 * i / len(meshes))
        found.append([Part.whole(solid) for solid in solids_of(mesh, cells)])
    return found


def _cut(
    wholes: list[list[Part]], budget: Budget, report: ReportMesh
) -> list[list[NDArray[np.float64]]]:
    """Corners of each mesh's parts, cut as long as the limit allows."""
    done: list[list[NDArray[np.float64]]] = [[] for _ in wholes]
    counts = [len(parts) for parts in wholes]
    total, most = int(counts @ budget.uses), _SPARE * budget.limit
    order = itertools.count()  # decides between equal ones: parts cannot be compared
    heap: list[tuple[float, int, int, Part]] = []

    def push(mesh: int, part: Part) -> None:
        heapq.heappush(heap, (-budget.concavity(mesh, part.excess), next(order), mesh, part))

    for mesh, parts in enumerate(wholes):
        for part in parts:
            push(mesh, part)
    while heap:
        _, _, mesh, part = heapq.heappop(heap)
        halves = [part]
        room = total + budget.uses[mesh] <= most and counts[mesh] < _SPARE * MESH_LIMIT
        if room and budget.concavity(mesh, part.excess) > _NEGLIGIBLE:
            report(mesh, 0.5 + 0.5 * min(1.0, total / most))
            halves = part.cut()
        if len(halves) == 1:
            corners = part.corners
            if len(corners) > 3:  # else a sliver that has no hull
                done[mesh].append(corners)
            continue
        counts[mesh] += len(halves) - 1
        total += (len(halves) - 1) * int(budget.uses[mesh])
        for half in halves:
            push(mesh, half)
    return done


def _joined(merges: list[Merging], budget: Budget) -> list[list[NDArray[np.float64]]]:
    """Join parts that are nearly one, and more of them until there are as few as may stay."""
    for i, merging in enumerate(merges):
        while (
            len(merging.parts) > MESH_LIMIT
            or budget.concavity(i, merging.cheapest()) < _NEGLIGIBLE
        ):
            merging.merge()
    total = sum(len(m.parts) * uses for m, uses in zip(merges, budget.uses, strict=True))
    costs = [budget.concavity(i, m.cheapest()) for i, m in enumerate(merges)]
    while total > budget.limit and np.isfinite(min(costs)):
        mesh = int(np.argmin(costs))
        merges[mesh].merge()
        total -= budget.uses[mesh]
        costs[mesh] = budget.concavity(mesh, merges[mesh].cheapest())
    return [list(m.parts.values()) for m in merges]
