"""Leaves of a kinematic tree that are no fingers: links that close a loop, and parts of drives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.shapes import CollisionShapes
from dexgrasp_ros.hand.surface_motion import finite_limits
from dexgrasp_ros.hand.tree import KinematicTree

STATIONS = np.linspace(0.0, 1.0, 5)[:, None]  # of all joints at once, from lower to upper limit
# A leaf is hinged to another link if a point near its end stays where it is on that link, within
# this share of its length, while the two turn against each other by this.
HINGE_SHARE = 0.05
HINGE_TURN = 0.2  # rad
# How far the hinge may be from the leaf's end, and from that link's surface, by the same measure.
END_SHARE = 0.25
# What never gets this share as far from the palm as the longest finger is part of a drive.
REACH_SHARE = 0.2
SPACING = 0.01  # m, between points that stand for a primitive
CORNERS = 64  # of a leaf, or somewhat more, say how far out of the palm it gets


def hinged_leaves(
    tree: KinematicTree,
    shapes: CollisionShapes,
    bodies: NDArray[np.int32],
    chains: Mapping[int, Sequence[int]],
) -> dict[int, int]:
    """Leaves that end at a hinge on another body, and that body.

    A URDF cannot say that links close a loop: of a gripper's parallelogram it leaves one link
    out that ends in the air. That link gives itself away: it has no joint of its own, and its end
    stays at one point of another body, which moves with the same joints and turns against it. Of
    two that end at each other the second one stays.

    Parameters
    ----------
    tree, shapes
        The hand.
    bodies
        [L] body of each link.
    chains
        For each leaf, the bodies from it up to the palm, which is left out.
    """
    matrices = _sweep(tree)
    joints = {b: _joints_above(tree, b) for chain in chains.values() for b in chain}
    found = {}
    for leaf, chain in chains.items():
        left = {b for other in chains.keys() - found.keys() for b in chains[other]} - {*chain}
        partners = sorted(b for b in left if joints[b] == joints[leaf])
        if not joints[leaf] or not partners:
            continue
        corners = _corners(shapes, bodies, leaf, matrices[0])
        distance = np.linalg.norm(corners, axis=1)
        end = corners[distance > 0.9 * distance.max()].mean(axis=0)
        for other in partners:
            relative = np.linalg.inv(matrices[:, other]) @ matrices[:, leaf]
            hinge = _hinge(relative, end, float(distance.max()))
            if hinge is not None and (
                _distance(shapes, bodies, other, matrices[0], hinge) < END_SHARE * distance.max()
            ):
                found[leaf] = other
                break
    return found


def drive_parts(
    tree: KinematicTree,
    shapes: CollisionShapes,
    bodies: NDArray[np.int32],
    palm: int,
    leaves: Sequence[int],
) -> set[int]:
    """Leaves that stay within the palm's outline, such as the horn of a motor or a gear.

    They never get a fifth as far out of the palm's convex hull as the longest finger.
    """
    matrices = _sweep(tree)
    try:
        hull = ConvexHull(_corners(shapes, bodies, palm, matrices[0]))
    except (QhullError, ValueError):
        return set()  # a palm without volume hides nothing
    reach = {}
    for leaf in leaves:
        relative = np.linalg.inv(matrices[:, palm]) @ matrices[:, leaf]
        corners = _corners(shapes, bodies, leaf, matrices[0])
        corners = corners[:: max(len(corners) // CORNERS, 1)]
        placed = np.einsum('sij,kj->ski', relative[:, :3, :3], corners) + relative[:, None, :3, 3]
        outside = placed @ hull.equations[:, :3].T + hull.equations[:, 3]
        reach[leaf] = float(outside.max(axis=-1).max())
    longest = max(reach.values(), default=0.0)
    return {leaf for leaf in leaves if reach[leaf] < REACH_SHARE * longest}


def _sweep(tree: KinematicTree) -> NDArray[np.float64]:
    """Links [S, L, 4, 4] while all joints go from their lower to their upper limit at once."""
    lower, upper = finite_limits(tree)
    return tree_matrices(tree, lower + STATIONS * (upper - lower))


def _joints_above(tree: KinematicTree, link: int) -> set[int]:
    """Joints that move a link."""
    joints = set()
    while link >= 0:
        joints.add(int(tree.coordinates[link]))
        link = int(tree.link_parents[link])
    return joints - {-1}


def _hinge(
    relative: NDArray[np.float64], end: NDArray[np.float64], length: float
) -> NDArray[np.float64] | None:
    """Where a leaf's end is hinged to another body, in that body's frame; None if it is not.

    Parameters
    ----------
    relative
        [S, 4, 4] the leaf in that body's frame, as both move.
    end
        [3] m in the leaf's frame.
    length
        Of the leaf, from its joint, m.
    """
    turned = np.linalg.norm(relative[:, :3, :3] - relative[0, :3, :3], axis=(1, 2)).max()
    if turned < np.sqrt(2.0) * HINGE_TURN:  # |R - 1| is sqrt(2) times a small angle
        return None
    # R p + t is the same for all postures; of the points of an axis, the one closest to the end.
    turns = (relative[1:, :3, :3] - relative[0, :3, :3]).reshape(-1, 3)
    shifts = (relative[0, :3, 3] - relative[1:, :3, 3]).ravel() - turns @ end
    aside = np.linalg.lstsq(turns, shifts, rcond=1e-3)[0]
    where = relative[:, :3, :3] @ (end + aside) + relative[:, :3, 3]
    strays = np.linalg.norm(where - where.mean(axis=0), axis=1).max()
    if strays > HINGE_SHARE * length or np.linalg.norm(aside) > END_SHARE * length:
        return None
    return where.mean(axis=0)


def _groups(shapes: CollisionShapes, bodies: NDArray[np.int32], body: int) -> NDArray[np.int64]:
    return np.flatnonzero(bodies[shapes.geometry_links] == body)


def _frame(
    shapes: CollisionShapes, body: int, group: int, matrices: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Frame [4, 4] of a geometry in its body's; `matrices` [L, 4, 4] place the links."""
    link = matrices[shapes.geometry_links[group]] @ pose_to_matrix(shapes.geometry_poses[group])
    return np.linalg.inv(matrices[body]) @ link


def _corners(
    shapes: CollisionShapes, bodies: NDArray[np.int32], body: int, matrices: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Corners of a body's convex pieces, and points on its primitives, [K, 3] in its frame."""
    found = [np.empty((0, 3))]
    for group in _groups(shapes, bodies, body):
        mesh = shapes.geometry_meshes[group]
        local = shapes.surface(group, SPACING)[0] if mesh is None else mesh.vertices
        frame = _frame(shapes, body, group, matrices)
        found.append(local @ frame[:3, :3].T + frame[:3, 3])
    return np.concatenate(found)


def _distance(
    shapes: CollisionShapes,
    bodies: NDArray[np.int32],
    body: int,
    matrices: NDArray[np.float64],
    point: NDArray[np.float64],
) -> float:
    """Distance of a point from a body's surface, m, negative inside; inf if it has none."""
    distances = [np.inf]
    for group in _groups(shapes, bodies, body):
        frame = np.linalg.inv(_frame(shapes, body, group, matrices))
        there = frame[:3, :3] @ point + frame[:3, 3]
        distances.append(float(shapes.distance(group, there[None])[0]))
    return min(distances)
