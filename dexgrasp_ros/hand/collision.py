"""Which pairs of a hand's collision geometries a search must keep apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.geometry import primitive_distance, primitive_radius
from dexgrasp_ros.hand.palm import SurfaceMotion
from dexgrasp_ros.hand.shapes import CollisionShapes

POSTURE_COUNT = 96  # random postures; a pair that meets in 3 % of them is seen with 95 %
ALWAYS = 0.9  # share of postures above which an overlap is how the hand is built
REACH = 0.02  # m; pairs that never come nearer than this cannot collide between the samples


def self_collision_pairs(
    motion: SurfaceMotion,
    anatomy: Anatomy,
    shapes: CollisionShapes,
    point_groups: NDArray[np.int32],
    preshape: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Pairs of groups [K, 2] that must not overlap.

    All pairs, except: both on one body (fixed joints merged) or on bodies that one joint connects;
    pairs that overlap in more than 90 % of random postures within the limits, or at the
    preshape (they overlap by construction); pairs whose bounding spheres stay more than 2 cm
    apart in all of them. The postures are the same in every call (seed 0).
    """
    matrices = _posture_matrices(motion, preshape)
    frames = matrices[:, shapes.geometry_links] @ pose_to_matrix(shapes.geometry_poses)  # [N, G]
    radii = np.array(
        [
            primitive_radius(t, s)
            for t, s in zip(shapes.geometry_types, shapes.geometry_sizes, strict=True)
        ]
    )
    bodies = anatomy.bodies[shapes.geometry_links]
    first, second = np.triu_indices(len(radii), k=1)
    connected = (anatomy.parents[bodies[first]] == bodies[second]) | (
        anatomy.parents[bodies[second]] == bodies[first]
    )
    candidates = (bodies[first] != bodies[second]) & ~connected
    pairs = []
    for a, b in zip(first[candidates], second[candidates], strict=True):
        gap = np.linalg.norm(frames[:, a, :3, 3] - frames[:, b, :3, 3], axis=1)
        gap -= radii[a] + radii[b]
        if gap.min() > REACH:
            continue
        near = np.flatnonzero(gap < 0.0)
        overlap = np.zeros(len(frames), bool)
        for one, other in ((a, b), (b, a)):
            chosen = point_groups == one
            depth = _depths(motion, matrices[near], chosen, frames[near][:, other], shapes, other)
            overlap[near] |= depth
        if not overlap[0] and overlap.mean() <= ALWAYS:
            pairs.append((a, b))
    return np.array(pairs, np.int32).reshape(-1, 2)


def _posture_matrices(motion: SurfaceMotion, preshape: NDArray) -> NDArray[np.float64]:
    """Forward kinematics of the preshape (first) and of random postures."""
    generator = np.random.default_rng(0)
    # Continuous joints can stand anywhere on the circle.
    lower = np.where(np.isfinite(motion.lower), motion.lower, -np.pi)
    upper = np.where(np.isfinite(motion.upper), motion.upper, np.pi)
    random = generator.uniform(lower, upper, size=(POSTURE_COUNT, len(lower)))
    return motion.matrices(np.vstack([preshape, random]))


def _depths(
    motion: SurfaceMotion,
    matrices: NDArray[np.float64],
    chosen: NDArray[np.bool_],
    frames: NDArray[np.float64],
    shapes: CollisionShapes,
    group: int,
) -> NDArray[np.bool_]:
    """Whether any chosen point lies inside a group's primitive, for each posture."""
    if not len(matrices) or not chosen.any():
        return np.zeros(len(matrices), bool)
    link = motion.links[chosen][0]
    relative = np.linalg.inv(frames) @ matrices[:, link]
    points = np.einsum('nij,pj->npi', relative[:, :3, :3], motion.points[chosen])
    points += relative[:, None, :3, 3]
    distance = primitive_distance(
        shapes.geometry_types[group], shapes.geometry_sizes[group], points
    )
    return distance.min(axis=1) < 0.0
