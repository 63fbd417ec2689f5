"""Kinematic tree of a URDF as arrays: links parents first, mimic and locked joints resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices
from dexgrasp_ros.core.hand_model import JointType
from dexgrasp_ros.core.poses import matrix_to_pose

if TYPE_CHECKING:
    from yourdfpy.urdf import Joint, Robot

# What a joint of a hand can do where its description leaves it open, or says 0. Hands of human
# size have 0.7 (Allegro) to 2 N m (Barrett) at a joint and close within about a second.
DEFAULT_EFFORT = {JointType.REVOLUTE: 1.0, JointType.PRISMATIC: 20.0}  # N m, N
DEFAULT_VELOCITY = {JointType.REVOLUTE: 2.0, JointType.PRISMATIC: 0.1}  # rad/s, m/s


@dataclass(frozen=True, kw_only=True)
class KinematicTree:
    """The kinematic fields of `HandModel`, under the same names."""

    link_names: tuple[str, ...]
    link_parents: NDArray[np.int32]
    joint_origins: NDArray[np.float64]
    joint_types: NDArray[np.int32]
    joint_axes: NDArray[np.float64]
    coordinates: NDArray[np.int32]
    multipliers: NDArray[np.float64]
    offsets: NDArray[np.float64]
    joint_names: tuple[str, ...]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    velocity_limits: NDArray[np.float64]
    effort_limits: NDArray[np.float64]
    warnings: tuple[str, ...]


def build_tree(
    robot: Robot,
    source: str,
    *,
    root: str | None,
    locked: Mapping[str, float | None],
    may_stand: bool = False,
) -> KinematicTree:
    """Order links, resolve couplings, and fill gaps in the limits.

    Parameters
    ----------
    robot
        A document that `parse_document` accepted.
    source
        What to call it in messages.
    root
        Link that becomes the root; links outside its subtree are left out.
    locked
        Joints that do not move and where they stand; None is the place nearest to zero.
    may_stand
        Whether a tree in which nothing moves is accepted.

    Raises
    ------
    HandError
        INVALID_URDF for cycles, several roots, a link with two parents or couplings that lead
        nowhere; UNKNOWN_LINK for the root; INVALID_INPUT for an unknown joint in `locked`;
        UNSUPPORTED_HAND when nothing moves.
    """
    order = _ordered_links(robot, source, root)
    above = {joint.child: joint for joint in robot.joints}
    inside = [joint for joint in robot.joints if joint.child in order[1:]]
    by_name = {joint.name: joint for joint in inside}
    unknown = set(locked) - set(by_name)
    if unknown:
        raise HandError(
            f'{source}: cannot lock {choices(unknown)}; joints are {choices(by_name)}.',
            ErrorCode.INVALID_INPUT,
        )
    warnings: list[str] = []
    limits = {j.name: _limits(j, source, warnings) for j in inside if j.type != 'fixed'}
    standing = _standing_joints(limits, locked, warnings)
    free = [j for j in inside if j.type != 'fixed' and j.mimic is None and j.name not in standing]
    column = {joint.name: i for i, joint in enumerate(free)}
    drives = [(-1, 0.0, 0.0)] + [
        _drive(above[name], by_name, column, standing, source) for name in order[1:]
    ]
    if not free and not may_stand:
        raise HandError(
            f"{source}: no joint below '{order[0]}' can move; expected a hand with at least one.",
            ErrorCode.UNSUPPORTED_HAND,
        )
    joints = [None] + [above[name] for name in order[1:]]
    origins = [np.eye(4) if j is None or j.origin is None else j.origin for j in joints]
    return KinematicTree(
        link_names=tuple(order),
        link_parents=np.array([-1] + [order.index(j.parent) for j in joints[1:]], np.int32),
        joint_origins=matrix_to_pose(np.stack(origins)),
        joint_types=np.array([_joint_type(j) for j in joints], np.int32),
        joint_axes=np.stack([_axis(j) for j in joints]),
        coordinates=np.array([d[0] for d in drives], np.int32),
        multipliers=np.array([d[1] for d in drives]),
        offsets=np.array([d[2] for d in drives]),
        joint_names=tuple(column),
        lower=np.array([limits[name][0] for name in column]),
        upper=np.array([limits[name][1] for name in column]),
        velocity_limits=_or_default(free, 'velocity', DEFAULT_VELOCITY, warnings),
        effort_limits=_or_default(free, 'effort', DEFAULT_EFFORT, warnings),
        warnings=tuple(warnings),
    )


def _ordered_links(robot: Robot, source: str, root: str | None) -> list[str]:
    """Links of the subtree, parents first, children in the order of the document."""
    names = [link.name for link in robot.links]
    if not names:
        raise HandError(f'{source}: there is no <link>.')
    children: dict[str, list[str]] = {name: [] for name in names}
    parent_joint: dict[str, str] = {}
    for joint in robot.joints:
        if joint.child in parent_joint:
            raise HandError(
                f"{source}: link '{joint.child}' is the child of two joints, "
                f"'{parent_joint[joint.child]}' and '{joint.name}'."
            )
        parent_joint[joint.child] = joint.name
        children[joint.parent].append(joint.child)
    roots = [name for name in names if name not in parent_joint]
    if root is not None and root not in children:
        raise HandError(
            f"{source}: there is no link '{root}' to take as root; links are {choices(names)}.",
            ErrorCode.UNKNOWN_LINK,
        )
    if root is None and len(roots) > 1:
        raise HandError(
            f'{source}: {len(roots)} links have no parent, {choices(roots)}; expected one root '
            '(or choose a root link).'
        )
    reached: dict[str, None] = {}
    pending = [root] if root is not None else roots[:1]
    while pending:
        name = pending.pop()
        if name in reached:
            break
        reached[name] = None
        pending += reversed(children[name])
    # Every link has at most one parent, so links that no root reaches stand on a cycle.
    if pending or (root is None and len(reached) < len(names)):
        cycle = [n for n in names if n not in reached] or list(reached)
        raise HandError(f'{source}: the links {choices(cycle)} form a cycle.')
    return list(reached)


def _joint_type(joint: Joint | None) -> JointType:
    if joint is None or joint.type == 'fixed':
        return JointType.FIXED
    return JointType.PRISMATIC if joint.type == 'prismatic' else JointType.REVOLUTE


def _axis(joint: Joint | None) -> NDArray[np.float64]:
    """Normalize the axis; the URDF's default x where it does not matter."""
    if _joint_type(joint) is JointType.FIXED:
        return np.array([1.0, 0.0, 0.0])
    return joint.axis / np.linalg.norm(joint.axis)


def _limits(joint: Joint, source: str, warnings: list[str]) -> tuple[float, float]:
    limit = joint.limit
    stated = limit is not None and (limit.lower is not None or limit.upper is not None)
    follows = joint.mimic is not None
    if joint.type == 'continuous' or (not stated and (follows or joint.type == 'revolute')):
        if joint.type == 'revolute' and not follows:
            warnings.append(f"joint '{joint.name}' has no limits; taken as continuous")
        return -np.inf, np.inf
    if not stated:
        raise HandError(f"{source}: the prismatic joint '{joint.name}' has no limits.")
    # By the specification a side that is left out is 0.
    return limit.lower or 0.0, limit.upper or 0.0


def _standing_joints(
    limits: Mapping[str, tuple[float, float]],
    locked: Mapping[str, float | None],
    warnings: list[str],
) -> dict[str, float]:
    """Joints that do not move, and their positions."""
    standing = {
        name: float(np.clip(0.0, *limits[name])) if value is None else float(value)
        for name, value in locked.items()
        if name in limits
    }
    for name, (lower, upper) in limits.items():
        if lower == upper and name not in standing:
            warnings.append(f"joint '{name}' has the range {lower:g} to {upper:g}; taken as fixed")
            standing[name] = lower
    return standing


def _drive(
    joint: Joint,
    by_name: Mapping[str, Joint],
    column: Mapping[str, int],
    standing: Mapping[str, float],
    source: str,
) -> tuple[int, float, float]:
    """Coordinate, multiplier and offset of a joint, through chains of mimic joints."""
    scale, offset = 1.0, 0.0
    seen = {joint.name}
    while joint.name not in column:
        if joint.type == 'fixed':
            return -1, 0.0, offset
        if joint.name in standing:
            return -1, 0.0, scale * standing[joint.name] + offset
        leader = joint.mimic.joint
        if leader in seen:
            raise HandError(f'{source}: the mimic joints {choices(seen)} follow each other.')
        if leader not in by_name:
            raise HandError(
                f"{source}: joint '{joint.name}' mimics '{leader}', which is not there; joints "
                f'are {choices(by_name)}.'
            )
        offset += scale * joint.mimic.offset
        scale *= joint.mimic.multiplier
        seen.add(leader)
        joint = by_name[leader]
    return column[joint.name], scale, offset


def _or_default(
    joints: list[Joint], field: str, default: Mapping[JointType, float], warnings: list[str]
) -> NDArray[np.float64]:
    """Limits of effort or velocity; where they are missing, zero or infinite, the default."""
    stated = np.array(
        [getattr(j.limit, field, None) or 0.0 for j in joints],
        dtype=np.float64,
    )
    assumed = np.array([default[_joint_type(j)] for j in joints])
    missing = ~(np.isfinite(stated) & (stated > 0.0))
    if missing.any():
        names = choices(j.name for j, m in zip(joints, missing, strict=True) if m)
        values = ' or '.join(f'{v:g}' for v in sorted(set(assumed[missing])))
        warnings.append(f'no {field} limit for {names}; assumed {values} (SI)')
    return np.where(missing, assumed, stated)
