"""Bodies of a kinematic tree, and which are palm and fingers where it is known which are tips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.hand.tree import KinematicTree

# How much contact is wanted on a finger's last body, the one before it, and all others; fingertips
# are made for contact (rubber, sensors), inner phalanges and palm help a power grasp.
CONTACT_WEIGHTS = (1.0, 0.5, 0.25)
PALM_WEIGHT = 0.25


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """Bodies: links that fixed joints join. Each is called by its first link."""

    of_links: NDArray[np.int32]  # [L]
    shaped: tuple[int, ...]  # those with collision geometry
    chains: dict[int, list[int]]  # from each of these up to the root

    @property
    def leaves(self) -> list[int]:
        """Those with geometry that carry no other such body."""
        inner = {body for leaf, chain in self.chains.items() for body in chain if body != leaf}
        return [body for body in self.shaped if body not in inner]

    def palm(self, tips: Sequence[int]) -> int:
        """Find the body that all tips hang on; with a single one, the first that has geometry."""
        if len(tips) == 1:
            return self.shaped[0] if self.shaped[0] != tips[0] else 0
        chains = self.chains
        return next(b for b in chains[tips[0]] if all(b in chains[t] for t in tips))

    def fingers_and_weights(
        self, tips: Sequence[int]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Finger of each link [L], -1 elsewhere, and how much contact is wanted there [L].

        Each child of the palm that leads to a tip is a finger.
        """
        palm = self.palm(tips)
        fingers = np.full(len(self.of_links), -1, np.int32)
        weights = np.zeros(len(self.of_links))
        branches: dict[int, int] = {}
        for tip in tips:
            below = self.chains[tip][: self.chains[tip].index(palm)]
            number = branches.setdefault(below[-1], len(branches)) if below else -1
            for depth, body in enumerate(b for b in below if b in self.shaped):
                own = self.of_links == body
                weight = CONTACT_WEIGHTS[min(depth, len(CONTACT_WEIGHTS) - 1)]
                weights[own] = np.maximum(weights[own], weight)
                fingers[own] = number
        weights[self.of_links == palm] = PALM_WEIGHT
        return fingers, weights


def find_bodies(tree: KinematicTree, geometry_links: Sequence[int]) -> Bodies:
    """Bodies of a tree of which some links, in any order, have collision geometry."""
    of_links, above = merged_links(tree, tree.joint_types == JointType.FIXED)
    shaped = sorted({int(of_links[link]) for link in geometry_links})
    return Bodies(
        of_links=of_links,
        shaped=tuple(shaped),
        chains={body: _chain(body, above) for body in shaped},
    )


def expected_weights(tree: KinematicTree, geometry_links: Sequence[int]) -> NDArray[np.float64]:
    """How much contact is wanted on each link [L], before its shape is known."""
    bodies = find_bodies(tree, geometry_links)
    return bodies.fingers_and_weights(bodies.leaves)[1]


def merged_links(
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
