"""The arm above a hand in one robot description: its chain, its flange, and where the hand is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose, invert, matrix_to_pose
from dexgrasp_ros.hand.application import couple, locked_inside
from dexgrasp_ros.hand.document import parse_document
from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.mount import check_root
from dexgrasp_ros.hand.overrides import HandOverrides
from dexgrasp_ros.hand.plain_text import plain_document
from dexgrasp_ros.hand.sources import find_overrides
from dexgrasp_ros.hand.tree import KinematicTree, build_tree

if TYPE_CHECKING:
    from yourdfpy.urdf import Joint, Robot

_SOURCE = 'the robot description'


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Serial chain from the root link of a description to the flange that carries the hand."""

    flange_frame: str
    hand_frame: str
    hand_pose: NDArray[np.float64]  # [7] of the hand's root link in the flange, xyz qxyzw
    chain: KinematicTree  # links from root to flange; mimic and locked joints are resolved

    @property
    def base_frame(self) -> str:
        """Root link of the description."""
        return self.chain.link_names[0]

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Joints that place the flange, from the base outward [J]."""
        return self.chain.joint_names

    def flange_poses(self, hand_poses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Poses [..., 7] of the flange for poses [..., 7] of the hand's root link."""
        return compose(hand_poses, invert(self.hand_pose))


def find_arm(hand: HandModel, *, flange: str | None = None) -> Arm | None:
    """Find what carries a hand in the description that it was loaded from.

    Parameters
    ----------
    hand
        The hand; `hand.urdf` is the whole description.
    flange
        Link that counts as the flange; there may be fixed joints only between it and the hand.
        Default: the link to which a fixed joint ties the hand's root link. Where that joint
        moves, the hand's root link is the flange itself.

    Returns
    -------
    Arm or None
        None where the hand's root link is that of the description. An arm may have no joints.

    Raises
    ------
    HandError
        UNKNOWN_LINK for a flange that is not above the hand or that a joint parts from it;
        INVALID_URDF where the links above the hand form a cycle.
    """
    robot = parse_document(hand.urdf, _SOURCE)
    said, _ = find_overrides(hand.urdf)
    couple(robot, said)
    above = {joint.child: joint for joint in robot.joints}
    way: list[Joint] = []  # from the hand up
    link = hand.hand_frame
    while link in above:
        if above[link] in way:
            raise HandError(f"{_SOURCE}: the links above '{hand.hand_frame}' form a cycle.")
        way.append(above[link])
        link = above[link].parent
    if not way:
        return None
    links = [link, *(joint.child for joint in reversed(way))]
    chain = _chain(robot, links, said, way)
    tied = _tied_links(chain, links)
    chosen = flange or tied[min(1, len(tied) - 1)]
    if chosen not in tied:
        raise HandError(
            f"'{chosen}' cannot be the flange of '{hand.hand_frame}'; those with"
            f' fixed joints only between them and it are {choices(tied)}.',
            ErrorCode.UNKNOWN_LINK,
        )
    # Links below the flange do not move in it, so any posture tells where the hand is.
    matrices = tree_matrices(chain, np.zeros(len(chain.joint_names)))
    at = links.index(chosen)
    offset = np.linalg.inv(matrices[at]) @ matrices[-1]
    return Arm(
        flange_frame=chosen,
        hand_frame=hand.hand_frame,
        hand_pose=matrix_to_pose(offset),
        chain=_cut(chain, at + 1),
    )


def hand_root(text: str, root: str | None = None) -> str:
    """Link below which a description has its hand; quick, since no geometry is looked at.

    Parameters
    ----------
    text
        A URDF.
    root
        Link that is said to be the root; else what the description's overrides say, else its
        own root link, unless the joints of an arm begin there, see `check_root`.

    Raises
    ------
    HandError
        INVALID_URDF; UNKNOWN_LINK for a root that is not there, or where it must be named.
    """
    text = plain_document(text, _SOURCE)
    robot = parse_document(text, _SOURCE)
    said, _ = find_overrides(text)
    named = root or said.root
    names = [link.name for link in robot.links]
    if named is not None and named not in names:
        raise HandError(
            f"{_SOURCE} has no link '{named}' for the hand's root; links are {choices(names)}.",
            ErrorCode.UNKNOWN_LINK,
        )
    couple(robot, said)
    locked = locked_inside(robot, said.locked_joints, named)
    tree = build_tree(robot, _SOURCE, root=named, locked=locked)
    if named is None:
        check_root(tree, robot, _SOURCE)
    return tree.link_names[0]


def _chain(robot: Robot, links: list[str], said: HandOverrides, way: list[Joint]) -> KinematicTree:
    """Tree of the links of a chain alone, from its root to the hand's."""
    names = {joint.name for joint in way}
    alone = dataclasses.replace(
        robot,
        links=[link for link in robot.links if link.name in links],
        joints=[joint for joint in robot.joints if joint.name in names],
    )
    locked = {n: v for n, v in said.locked_joints.items() if n in names}
    return build_tree(alone, _SOURCE, root=links[0], locked=locked, may_stand=True)


def _tied_links(chain: KinematicTree, links: list[str]) -> list[str]:
    """Links that do not move in the last one: itself, its parent, and so on."""
    tied = [links[-1]]
    for index in range(len(links) - 1, 0, -1):
        if chain.coordinates[index] >= 0:
            break
        tied.append(links[index - 1])
    return tied


def _cut(chain: KinematicTree, count: int) -> KinematicTree:
    """Return the first links of a chain; those that are left out have no joints of their own."""
    by_link = (
        *('link_names', 'link_parents', 'joint_origins', 'joint_types', 'joint_axes'),
        *('coordinates', 'multipliers', 'offsets'),
    )
    return dataclasses.replace(chain, **{name: getattr(chain, name)[:count] for name in by_link})
