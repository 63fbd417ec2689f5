"""What tells the joints of an arm from fingers, and where the hand on it may begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.hand.tree import KinematicTree

if TYPE_CHECKING:
    from yourdfpy.urdf import Robot

_WRIST_JOINTS = 2  # that a hand may have of its own before it branches, as Shadow's does
# Below a first branch, of a robot with wheels or two arms, only so many joints in a row that then
# branch again are an arm: fingers end without a branch, or soon.
_ARM_JOINTS = 4
_JAW = 1  # joint of a gripper with one jaw that moves, which never branches


@dataclass(frozen=True, kw_only=True)
class _Way:
    """Links one after the other, from the root or below a branch, to the next branch."""

    links: list[int]
    branches: list[int]  # links at which it goes on; none where nothing moves any more


def check_root(tree: KinematicTree, robot: Robot, source: str) -> None:
    """Refuse an arm whose joints would be taken for those of a hand, and say where it may begin.

    More joints than a wrist has, which move one after the other before the first branch, are an
    arm's; so are four and a jaw that never branch, and four below a branch that branch again.

    Raises
    ------
    HandError
        UNKNOWN_LINK, with the links that may be the hand's root.
    """
    arms = [way for way in _ways(tree) if _is_arm(tree, way)]
    # Of a trunk and what hangs on it, what hangs on it leads to hands.
    last = [a for a in arms if not any(_hangs_on(tree, b, a) for b in arms)]
    if not last:
        return
    shaped = {link.name for link in robot.links if link.collisions or link.visuals}
    mounts = [_mount_links(tree, way, shaped) for way in last]
    joints = [tree.joint_names[j] for way in last for j in _joints(tree, way)]
    options = ' or '.join(f'--root {links[0]}' for links in mounts)
    others = [link for links in mounts for link in links[1:]]
    also = f', perhaps {", ".join(others)}' if others else ''
    alone = '' if all(way.branches for way in last) else ' (if the last joint moves a jaw)'
    base = tree.link_names[0]
    raise HandError(
        f"{source} begins at '{base}' with the joints of an arm, "
        f'{", ".join(map(repr, joints))}; say where the hand begins: {options}{alone}{also}. '
        'It is `root` in Python and in the YAML file beside the URDF, hand_root_link for nodes; '
        f'--root {base} takes all of it for a hand.',
        ErrorCode.UNKNOWN_LINK,
    )


def _ways(tree: KinematicTree) -> list[_Way]:
    """All unbranched parts of the tree that lead to motion."""
    count = len(tree.link_names)
    moved = np.zeros(count, dtype=bool)  # links with a moving joint at or below
    for link in range(count - 1, 0, -1):
        moved[link] |= tree.coordinates[link] >= 0
        moved[tree.link_parents[link]] |= moved[link]
    below: list[list[int]] = [[] for _ in range(count)]
    for link in range(1, count):
        if moved[link]:
            below[tree.link_parents[link]].append(link)
    ways, starts = [], [0]
    while starts:
        links = [starts.pop(0)]
        while len(below[links[-1]]) == 1:
            links += below[links[-1]]
        ways.append(_Way(links=links, branches=below[links[-1]]))
        starts += below[links[-1]]
    return ways


def _joints(tree: KinematicTree, way: _Way) -> list[int]:
    """Coordinates that move a way's links, each once: one that follows another adds none."""
    moving = [int(tree.coordinates[link]) for link in way.links if tree.coordinates[link] >= 0]
    return list(dict.fromkeys(moving))


def _is_arm(tree: KinematicTree, way: _Way) -> bool:
    count = len(_joints(tree, way))
    if way.links[0] > 0:
        return bool(way.branches) and count >= _ARM_JOINTS
    return count > _WRIST_JOINTS if way.branches else count >= _ARM_JOINTS + _JAW


def _hangs_on(tree: KinematicTree, way: _Way, other: _Way) -> bool:
    """Whether a way begins somewhere below the end of another one."""
    link = int(tree.link_parents[way.links[0]])
    while link >= 0 and link != other.links[-1]:
        link = int(tree.link_parents[link])
    return link == other.links[-1]


def _mount_links(tree: KinematicTree, way: _Way, shaped: set[str]) -> list[str]:
    """Links of an arm at which the hand may begin, the likeliest first.

    A hand is tied to its arm by a fixed joint as a rule, and begins with the first link below it
    that has a shape: what is between are frames such as ``tool0``. Up to two joints of a wrist
    may follow. Without a fixed joint the hand is what the last joint of the arm moves.
    """
    bodies: list[list[int]] = []  # links that fixed joints tie together, from the arm's base on
    for link in way.links:
        if bodies and tree.joint_types[link] == JointType.FIXED:
            bodies[-1].append(link)
        else:
            bodies.append([link])
    if not way.branches:
        bodies.pop()  # the jaw
    near = bodies[-1 - _WRIST_JOINTS :]
    tied = [body for body in near if len(body) > 1]
    mount = tied[-1] if tied else near[-1]
    names = [tree.link_names[link] for link in mount]
    own = names[1:] or names
    likely = next((name for name in own if name in shaped), own[-1])
    after = [tree.link_names[link] for body in near[near.index(mount) + 1 :] for link in body]
    return [likely, *(name for name in [*own, *after] if name != likely)]
