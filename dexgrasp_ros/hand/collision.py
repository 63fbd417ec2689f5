"""Which pairs of a hand's collision geometries a search must keep apart."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.geometry import primitive_radius
from dexgrasp_ros.hand.shapes import CollisionShapes
from dexgrasp_ros.hand.surface_motion import SurfaceMotion
from dexgrasp_ros.hand.tree import KinematicTree

POSTURE_COUNT = 96  # random postures; a pair that meets in 3 % of them is seen with 95 %
ALWAYS = 0.9  # share of postures above which an overlap is how the hand is built
UNIVERSAL = 1e-3  # m; joints whose origins are so close turn about one point
REACH = 0.02  # m; pairs that never come nearer than this cannot collide between the samples


def self_collision_pairs(
    motion: SurfaceMotion,
    anatomy: Anatomy,
    shapes: CollisionShapes,
    point_groups: NDArray[np.int32],
    preshape: NDArray[np.float64],
) -> NDArray[np.int32]:
    """Pairs of groups [K, 2] that must not overlap.

    All pairs, except: both on one body (fixed and locked joints merged) or on bodies that one
    joint connects, be it a universal one (two axes through one point); bars of one linkage, which
    pins join that a tree has no room for; pairs that overlap in more than 90 % of random postures
    within the limits, or at the preshape (they overlap by construction); pairs whose bounding
    spheres stay more than 2 cm apart in all of them. The postures are the same in every call
    (seed 0).
    """
    matrices = _posture_matrices(motion, preshape)
    frames = matrices[:, shapes.geometry_links] @ pose_to_matrix(shapes.geometry_poses)  # [N, G]
    radii = np.array(
        [
            primitive_radius(t, s)
            for t, s in zip(shapes.geometry_types, shapes.geometry_sizes, strict=True)
        ]
    )
    bodies = anatomy.rigid[shapes.geometry_links]
    first, second = np.triu_indices(len(radii), k=1)
    joined = _joined_bodies(matrices[0, :, :3, 3], anatomy)
    connected = joined[bodies[first], bodies[second]] | joined[bodies[second], bodies[first]]
    connected |= _linkages(motion.tree, anatomy)[bodies[first], bodies[second]]
    candidates = (bodies[first] != bodies[second]) & ~connected
    first, second = first[candidates], second[candidates]
    centers = frames[..., :3, 3]
    gaps = np.linalg.norm(centers[:, first] - centers[:, second], axis=-1)
    gaps -= radii[first] + radii[second]  # [N, K]
    inverses = np.linalg.inv(frames)
    pairs = []
    for k in np.flatnonzero(gaps.min(axis=0) <= REACH):
        near = np.flatnonzero(gaps[:, k] < 0.0)
        if len(near) <= ALWAYS * len(frames):
            near = near[near == 0]  # cannot be always: all that matters is the preshape
        overlap = np.zeros(len(frames), bool)
        for one, other in ((first[k], second[k]), (second[k], first[k])) if len(near) else ():
            chosen = point_groups == one
            to_other = inverses[near, other] @ matrices[near, shapes.geometry_links[one]]
            overlap[near] |= _any_inside(motion.points[chosen], to_other, shapes, other)
        if not overlap[0] and overlap.mean() <= ALWAYS:
            pairs.append((first[k], second[k]))
    return np.array(pairs, np.int32).reshape(-1, 2)


def _joined_bodies(origins: NDArray[np.float64], anatomy: Anatomy) -> NDArray[np.bool_]:
    """Whether a joint connects each body [L, L] to the one above it; origins [L, 3] of links.

    A body whose joint turns about the same point as the joint above it is part of a universal
    joint (the knuckles of a Shadow hand): both its neighbours are connected.
    """
    joined = np.zeros((len(origins), len(origins)), bool)
    for body in np.unique(anatomy.rigid):
        above = anatomy.rigid_parents[body]
        at = body
        while above >= 0:
            joined[body, above] = True
            if np.linalg.norm(origins[at] - origins[above]) > UNIVERSAL:
                break
            at, above = above, anatomy.rigid_parents[above]
    return joined


def _linkages(tree: KinematicTree, anatomy: Anatomy) -> NDArray[np.bool_]:
    """Whether two bodies [L, L] of a finger are bars of one linkage.

    They stand on different branches of the tree, and all that moves one against the other follows
    one motor: how they pass each other has been seen to by who built them.
    """
    bodies = np.unique(anatomy.rigid)
    ways = {int(body): _way_up(tree, int(body)) for body in bodies}
    joined = np.zeros((len(tree.link_names),) * 2, bool)
    for one, other in itertools.permutations(ways, 2):
        if anatomy.fingers[one] < 0 or anatomy.fingers[one] != anatomy.fingers[other]:
            continue
        between = set(ways[one]) ^ set(ways[other])
        branched = one not in ways[other] and other not in ways[one]
        motors = {int(tree.coordinates[link]) for link in between} - {-1}
        joined[one, other] = branched and len(motors) == 1
    return joined


def _way_up(tree: KinematicTree, link: int) -> list[int]:
    """List a link and all links above it, but for the root."""
    way = []
    while link > 0:
        way.append(link)
        link = int(tree.link_parents[link])
    return way


def _posture_matrices(motion: SurfaceMotion, preshape: NDArray) -> NDArray[np.float64]:
    """Forward kinematics of the preshape (first) and of random postures."""
    generator = np.random.default_rng(0)
    # Continuous joints can stand anywhere on the circle.
    lower = np.where(np.isfinite(motion.tree.lower), motion.tree.lower, -np.pi)
    upper = np.where(np.isfinite(motion.tree.upper), motion.tree.upper, np.pi)
    random = generator.uniform(lower, upper, size=(POSTURE_COUNT, len(lower)))
    return motion.matrices(np.vstack([preshape, random]))


def _any_inside(
    points: NDArray[np.float64],
    frames: NDArray[np.float64],
    shapes: CollisionShapes,
    group: int,
) -> NDArray[np.bool_]:
    """Whether any of points [M, 3] lies inside a geometry, for each of the frames [N, 4, 4]."""
    there = np.einsum('nij,pj->npi', frames[:, :3, :3], points) + frames[:, None, :3, 3]
    size = shapes.geometry_sizes[group]
    # Most points are outside the bounding box, or the bounding sphere of what is round about z.
    if shapes.geometry_types[group] in (GeometryType.BOX, GeometryType.CONVEX):
        close = (np.abs(there) < size).all(axis=-1)
    else:
        radius = primitive_radius(shapes.geometry_types[group], size)
        close = (there * there).sum(axis=-1) < radius * radius
    posture, point = np.nonzero(close)
    inside = np.zeros(len(frames), bool)
    inside[posture[shapes.distance(group, there[posture, point]) < 0.0]] = True
    return inside
