"""Which parts of a kinematic tree are palm, fingers and fingertips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.hand.linkage import drive_parts, hinged_leaves
from dexgrasp_ros.hand.shapes import CollisionShapes
from dexgrasp_ros.hand.tree import KinematicTree

# How much contact is wanted on a finger's last body, the one before it, and all others; fingertips
# are made for contact (rubber, sensors), inner phalanges and palm help a power grasp.
CONTACT_WEIGHTS = (1.0, 0.5, 0.25)
PALM_WEIGHT = 0.25


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
    bodies, above = _merged(tree, tree.joint_types == JointType.FIXED)
    rigid, rigid_parents = _merged(tree, tree.coordinates < 0)
    shaped = sorted({int(bodies[link]) for link in shapes.geometry_links})
    chains = {body: _chain(body, above) for body in shaped}  # tip first, root last
    leaves = [b for b in shaped if not any(b in chains[other] for other in shaped if other != b)]
    tips, hinged = _tips(tree, shapes, bodies, {leaf: chains[leaf] for leaf in leaves})
    palm = _palm(shaped, tips, chains)
    fingers = np.full(len(bodies), -1, np.int32)
    weights = np.zeros(len(bodies))
    branches: dict[int, int] = {}
    for tip in tips:
        below = chains[tip][: chains[tip].index(palm)]
        number = branches.setdefault(below[-1], len(branches)) if below else -1
        for depth, body in enumerate(b for b in below if b in shaped):
            weight = CONTACT_WEIGHTS[min(depth, len(CONTACT_WEIGHTS) - 1)]
            weights[bodies == body] = np.maximum(weights[bodies == body], weight)
            fingers[bodies == body] = number
    for leaf, other in hinged.items():
        for body in set(chains[leaf]) & {b for b in shaped if fingers[b] < 0 and b != palm}:
            fingers[bodies == body] = fingers[other]
    weights[bodies == palm] = PALM_WEIGHT
    return Anatomy(
        bodies=bodies,
        rigid=rigid,
        rigid_parents=rigid_parents,
        palm=palm,
        tips=tuple(t for t in tips if t != palm),
        fingers=fingers,
        weights=weights,
    )


def _tips(
    tree: KinematicTree,
    shapes: CollisionShapes,
    bodies: NDArray[np.int32],
    chains: dict[int, list[int]],
) -> tuple[list[int], dict[int, int]]:
    """Leaves that are fingertips, and those that are hinged to another body, with that body.

    Parameters as for `find_anatomy`; `chains` go from each leaf to the root.
    """
    if len(chains) < 2:
        return list(chains), {}
    palm = _palm([], list(chains), chains)
    below = {leaf: chain[: chain.index(palm)] for leaf, chain in chains.items()}
    hinged = hinged_leaves(tree, shapes, bodies, below)
    free = [leaf for leaf in chains if leaf not in hinged]
    drive = drive_parts(tree, shapes, bodies, palm, free)
    return [leaf for leaf in free if leaf not in drive], hinged


def _palm(shaped: Sequence[int], tips: Sequence[int], chains: dict[int, list[int]]) -> int:
    """Find the body that all tips hang on; with a single one, the first that has geometry."""
    if len(tips) == 1:
        return shaped[0] if shaped[0] != tips[0] else 0
    return next(b for b in chains[tips[0]] if all(b in chains[t] for t in tips))


def _merged(
    tree: KinematicTree, joined: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """First link of what each link is joined with [L], and that of what is above it."""
    first = np.arange(len(joined), dtype=np.int32)
    for link in range(1, len(joined)):
        if joined[link]:
            first[link] = first[tree.link_parents[link]]
    above = [first[tree.link_parents[link]] if link > 0 else -1 for link in first]
    return first, np.array(above, np.int32)


def _chain(body: int, above: NDArray[np.int32]) -> list[int]:
    """List the body and all bodies above it, to the root."""
    chain = [int(body)]
    while above[chain[-1]] >= 0:
        chain.append(int(above[chain[-1]]))
    return chain
