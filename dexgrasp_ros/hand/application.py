"""Overrides checked against a robot, and the parts that act on its joints and groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices
from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.hand.kinematics import driving_links
from dexgrasp_ros.hand.overrides import HandOverrides
from dexgrasp_ros.hand.shapes import CollisionShapes
from dexgrasp_ros.hand.tree import KinematicTree

if TYPE_CHECKING:
    from yourdfpy.urdf import Robot

# N m/rad, the position gain of every revolute joint in the simulations of DexGraspBench (Chen et
# al. 2025): what grasps are tested with is what their squeeze is planned for.
REVOLUTE_STIFFNESS = 5.0
# m, at which a sliding joint gives its full effort; that benchmark has none to go by.
FULL_EFFORT_ERROR = 0.005


def check_names(overrides: HandOverrides, robot: Robot, source: str) -> None:
    """Refuse names of joints and links that the robot does not have.

    Raises
    ------
    HandError
        INVALID_INPUT, or UNKNOWN_LINK for links, with the valid names.
    """
    joints = {joint.name for joint in robot.joints if joint.type != 'fixed'}
    links = {link.name for link in robot.links}
    followed = {coupling.follows for coupling in overrides.couplings.values()}
    for key in ('closing', 'preshape', 'locked_joints', 'joint_stiffness', 'couplings'):
        named = set(getattr(overrides, key)) | (followed if key == 'couplings' else set())
        if named - joints:
            raise HandError(
                f"{source}: '{key}' names {choices(named - joints)}; joints that move are "
                f'{choices(joints)}.',
                ErrorCode.INVALID_INPUT,
            )
    pairs = [name for pair in overrides.ignored_collisions for name in pair]
    for key, names in (
        ('root', [overrides.root] if overrides.root else []),
        ('contact_weights', overrides.contact_weights),
        ('ignored_collisions', pairs),
    ):
        unknown = {n for n in names if n not in links and n.partition('[')[0] not in links}
        if unknown:
            raise HandError(
                f"{source}: '{key}' names {choices(unknown)}; links are {choices(links)}.",
                ErrorCode.UNKNOWN_LINK,
            )


def couple(robot: Robot, overrides: HandOverrides) -> None:
    """Write the couplings into the robot's joints, as if the URDF had them."""
    from yourdfpy.urdf import Mimic

    for joint in robot.joints:
        coupling = overrides.couplings.get(joint.name)
        if coupling is not None:
            joint.mimic = Mimic(
                joint=coupling.follows, multiplier=coupling.multiplier, offset=coupling.offset
            )


def locked_inside(
    robot: Robot, locked: Mapping[str, float | None], root: str | None
) -> dict[str, float | None]:
    """Those of the locked joints that are below the root; others do not concern the hand."""
    if root is None:
        return dict(locked)
    above = {joint.child: joint for joint in robot.joints}
    inside = {}
    for joint in robot.joints:
        if joint.name not in locked:
            continue
        link, seen = joint.parent, set()
        while link != root and link in above and link not in seen:
            seen.add(link)
            link = above[link].parent
        if link == root:
            inside[joint.name] = locked[joint.name]
    return inside


def check_preshape(overrides: HandOverrides, tree: KinematicTree, source: str) -> None:
    """Refuse a preshape outside the limits.

    Raises
    ------
    HandError
        OUT_OF_RANGE.
    """
    for name, lower, upper in zip(tree.joint_names, tree.lower, tree.upper, strict=True):
        value = overrides.preshape.get(name, lower)
        if not lower <= value <= upper:
            raise HandError(
                f"{source}: 'preshape' of '{name}' is {value:g}; expected {lower:g} to {upper:g}.",
                ErrorCode.OUT_OF_RANGE,
            )


def joint_stiffness(tree: KinematicTree, overrides: HandOverrides) -> NDArray[np.float64]:
    """Joint stiffness [J], as stated or by default, N m/rad or N/m."""
    # A hinge remains one where slides follow it, as a crank does.
    sliding = tree.joint_types[driving_links(tree)] == JointType.PRISMATIC
    default = np.where(sliding, tree.effort_limits / FULL_EFFORT_ERROR, REVOLUTE_STIFFNESS)
    return np.array(
        [
            overrides.joint_stiffness.get(name, value)
            for name, value in zip(tree.joint_names, default, strict=True)
        ]
    )


def group_weights(
    weights: NDArray[np.float64],
    shapes: CollisionShapes,
    link_names: tuple[str, ...],
    overrides: HandOverrides,
) -> NDArray[np.float64]:
    """Contact weights [G], replaced where a link or a group is named; the group counts."""
    result = weights.copy()
    for names in (np.array(link_names)[shapes.geometry_links], np.array(shapes.group_names)):
        for name, weight in overrides.contact_weights.items():
            result[names == name] = weight
    return result


def allowed_pairs(
    pairs: NDArray[np.int32],
    shapes: CollisionShapes,
    link_names: tuple[str, ...],
    overrides: HandOverrides,
) -> NDArray[np.int32]:
    """Pairs [K, 2] without those that may overlap."""
    links = np.array(link_names)[shapes.geometry_links]

    def groups(name: str) -> NDArray[np.int64]:
        return np.flatnonzero((links == name) | (np.array(shapes.group_names) == name))

    keep = np.ones(len(pairs), bool)
    for a, b in overrides.ignored_collisions:
        for one, other in ((groups(a), groups(b)), (groups(b), groups(a))):
            keep &= ~(np.isin(pairs[:, 0], one) & np.isin(pairs[:, 1], other))
    return pairs[keep]


def effective(
    overrides: HandOverrides,
    root: str | None,
    locked_joints: Mapping[str, float | None] | Iterable[str] | None,
) -> HandOverrides:
    """Put what a caller asked for in place of what the overrides say."""
    locked: Mapping[str, float | None] = overrides.locked_joints
    if isinstance(locked_joints, Mapping):
        locked = {str(k): v if v is None else float(v) for k, v in locked_joints.items()}
    elif locked_joints is not None:
        locked = dict.fromkeys(locked_joints)
    return dataclasses.replace(overrides, root=root or overrides.root, locked_joints=locked)
