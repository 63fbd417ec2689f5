"""Which parts of a kinematic tree are palm, fingers and fingertips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.hand.bodies import Bodies, find_bodies, merged_links
from dexgrasp_ros.hand.linkage import drive_parts, hinged_leaves
from dexgrasp_ros.hand.shapes import CollisionShapes
from dexgrasp_ros.hand.tree import KinematicTree


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """Bodies (links that fixed joints join) and their roles; they do not change with locks."""

    bodies: NDArray[np.int32]  # [L] the first link of the body each link belongs to
    rigid: NDArray[np.int32]  # [L] as `bodies`, where locked joints join bodies too
    rigid_parents: NDArray[np.int32]  # [L] what is above that, -1 for the root
    palm: int  # body
    tips: tuple[int, ...]  # last bodies with geometry of each finger
    fingers: NDArray[np.int32]  # [L] branch below the palm, -1 elsewhere
    weights: NDArray[np.float64]  # [L] how much contact is wanted there


def find_anatomy(tree: KinematicTree, shapes: CollisionShapes) -> Anatomy:
    """Find palm, fingers and tips from the tree and what moves how.

    Links that fixed joints join are one body. Leaves are the bodies with collision
    geometry that carry no other such body. They are tips, save those that close a
    loop or belong to a drive (`linkage`). The palm is the last body that all tips hang on
    (with a single tip: the first body with geometry, or else the root); each child of it
    that leads to a tip is a finger. Contact is wanted most on tips (1), half as much on the
    bodies before them, a quarter elsewhere on fingers and on the palm, and not at all above it
    (a forearm), nor on leaves that are no tips. One that closes a loop counts to the finger that
    it is hinged to, with which it moves.
    """
    bodies = find_bodies(tree, shapes.geometry_links)
    rigid, rigid_parents = merged_links(tree, tree.coordinates < 0)
    tips, hinged = _tips(tree, shapes, bodies)
    palm = bodies.palm(tips)
    fingers, weights = bodies.fingers_and_weights(tips)
    for leaf, other in hinged.items():
        loose = {b for b in bodies.shaped if fingers[b] < 0 and b != palm}
        for body in loose & {*bodies.chains[leaf]}:
            fingers[bodies.of_links == body] = fingers[other]
    return Anatomy(
        bodies=bodies.of_links,
        rigid=rigid,
        rigid_parents=rigid_parents,
        palm=palm,
        tips=tuple(t for t in tips if t != palm),
        fingers=fingers,
        weights=weights,
    )


def _tips(
    tree: KinematicTree, shapes: CollisionShapes, bodies: Bodies
) -> tuple[list[int], dict[int, int]]:
    """Leaves that are fingertips, and those that are hinged to another body, with that body."""
    leaves = bodies.leaves
    if len(leaves) < 2:
        return leaves, {}
    palm = bodies.palm(leaves)
    chains = {leaf: bodies.chains[leaf] for leaf in leaves}
    below = {leaf: chain[: chain.index(palm)] for leaf, chain in chains.items()}
    hinged = hinged_leaves(tree, shapes, bodies.of_links, below)
    free = [leaf for leaf in leaves if leaf not in hinged]
    drive = drive_parts(tree, shapes, bodies.of_links, palm, free)
    # Where none gets out of the palm, as out of one a thousand times too large, all are fingers.
    return [leaf for leaf in free if leaf not in drive] or free, hinged
