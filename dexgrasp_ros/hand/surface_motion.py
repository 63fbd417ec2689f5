"""A hand's surface points and how they move with its joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.tree import KinematicTree

Placed = tuple[NDArray[np.float64], NDArray[np.float64]]  # points [..., M, 3], normals [..., M, 3]


@dataclass(frozen=True, kw_only=True)
class SurfaceMotion:
    """Surface points on a kinematic tree."""

    tree: KinematicTree
    points: NDArray[np.float64]  # [P, 3] in the frame of their link
    normals: NDArray[np.float64]  # [P, 3]
    links: NDArray[np.int32]  # [P]

    def matrices(self, q: NDArray[np.float64]) -> NDArray[np.float64]:
        """Links in the root link's frame [..., L, 4, 4] for joint positions [..., J]."""
        return tree_matrices(self.tree, q)

    def placed(self, matrices: NDArray[np.float64], chosen: NDArray) -> Placed:
        """Chosen points and normals [..., M, 3] in the root link's frame, for placed links."""
        frames = matrices[..., self.links[chosen], :, :]
        points = np.einsum('...pij,pj->...pi', frames[..., :3, :3], self.points[chosen])
        normals = np.einsum('...pij,pj->...pi', frames[..., :3, :3], self.normals[chosen])
        return points + frames[..., :3, 3], normals


def finite_limits(tree: KinematicTree) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Limits [J] in which joints without any stay at zero."""
    lower = np.where(np.isfinite(tree.lower), tree.lower, np.minimum(tree.upper, 0.0))
    upper = np.where(np.isfinite(tree.upper), tree.upper, np.maximum(tree.lower, 0.0))
    free = ~np.isfinite(tree.lower) & ~np.isfinite(tree.upper)
    return np.where(free, 0.0, lower), np.where(free, 0.0, upper)


def spread_out(chosen: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """About `count` of the chosen points, evenly over the surface.

    Points are in the order of their clusters. Multiples of the golden ratio, modulo one, fill that
    order evenly without keeping step with the lattices in it.
    """
    if len(chosen) <= count:
        return chosen
    golden = 0.5 * (np.sqrt(5.0) - 1.0)
    return chosen[np.unique((np.arange(count) * golden % 1.0 * len(chosen)).astype(int))]
