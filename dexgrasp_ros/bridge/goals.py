"""The goal of `synthesize_grasps` ↔ what the search takes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shape_msgs.msg import SolidPrimitive
from std_msgs.msg import Header

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import Object, Region
from dexgrasp_ros.bridge.checks import check_texts
from dexgrasp_ros.bridge.geometry import cloud_message, cloud_points, pose_array
from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix, transform_points
from dexgrasp_ros.core.wishes import Region as Shape
from dexgrasp_ros.core.wishes import Wishes

Goal = SynthesizeGrasps.Goal
IDENTITY = np.array([0.0, 0, 0, 0, 0, 0, 1])
_LONGEST_PATH = 4096  # bytes, as of a file's path


def check_goal(goal: Goal) -> None:
    """Refuse a goal that nothing can be done with.

    Raises
    ------
    InputError
        INVALID_INPUT for an unknown source or a name without an end, OUT_OF_RANGE for a label
        below LABEL_ALL or a time limit that is none, and what `goal_wishes` raises.
    """
    check_texts(goal, hand=_LONGEST_PATH)
    if not goal.time_limit >= 0:  # nor NaN
        raise InputError(
            f"'time_limit' is {goal.time_limit}; expected seconds, inf for no limit, or 0 for that"
            ' of the node.',
            ErrorCode.OUT_OF_RANGE,
        )
    if goal.source not in (Goal.SOURCE_LIVE, Goal.SOURCE_MESH):
        raise InputError(
            f"'source' is {goal.source}; expected SOURCE_LIVE ({Goal.SOURCE_LIVE}) or SOURCE_MESH"
            f' ({Goal.SOURCE_MESH}).'
        )
    if goal.source == Goal.SOURCE_LIVE and goal.label < Goal.LABEL_ALL:
        raise InputError(
            f"'label' is {goal.label}; expected a label of the segmentation, or LABEL_ALL"
            f' ({Goal.LABEL_ALL}).',
            ErrorCode.OUT_OF_RANGE,
        )
    if goal.source == Goal.SOURCE_MESH and not goal.mesh_pose.header.frame_id:
        raise InputError(
            "'mesh_pose.header.frame_id' is empty; expected the frame that the mesh is placed in."
        )
    # Refused here, wishes need not wait for an object.
    goal_wishes(goal, IDENTITY, lambda _frame: IDENTITY)


def goal_wishes(
    goal: Goal,
    mesh_pose: NDArray[np.float64],
    region_pose: Callable[[Header], NDArray[np.float64]],
) -> Wishes | None:
    """Return what kind of grasp a goal asks for, in the frame of the object's mesh; None for any.

    Parameters
    ----------
    goal
        The goal.
    mesh_pose
        Pose [7] of the mesh's frame in the frame of the grasps.
    region_pose
        Gives the pose [7] of a region's frame in that of the mesh, by the region's header; asked
        only where that names a frame.

    Raises
    ------
    InputError
        INVALID_INPUT for an unknown type of grasp or shape or an angle without an axis,
        OUT_OF_RANGE or WRONG_SHAPE for numbers that cannot be.
    """
    types = {Goal.GRASP_ANY: 'any', Goal.GRASP_POWER: 'power', Goal.GRASP_PRECISION: 'precision'}
    if goal.grasp_type not in types:
        expected = ', '.join(f'{value} ({name})' for value, name in types.items())
        raise InputError(f"'grasp_type' is {goal.grasp_type}; expected one of {expected}.")

    def placed(region: Region) -> Shape:
        frame = region_pose(region.header) if region.header.frame_id else IDENTITY
        return _shape(region.shape, compose(frame, pose_array(region.pose)))

    wishes = Wishes(
        grasp_type=types[goal.grasp_type],
        fingers=goal.fingers,
        hold_regions=tuple(placed(r) for r in goal.hold_regions),
        avoid_regions=tuple(placed(r) for r in goal.avoid_regions),
        **_cone(goal, mesh_pose),
    )
    return None if wishes == Wishes() else wishes


def _cone(goal: Goal, mesh_pose: NDArray[np.float64]) -> dict[str, Any]:
    """Approach of a goal in the mesh's frame; nothing where the axis is zero."""
    axis = np.array([goal.approach_axis.x, goal.approach_axis.y, goal.approach_axis.z])
    if not axis.any():
        if goal.approach_half_angle != 0.0:
            raise InputError(
                f"'approach_half_angle' is {goal.approach_half_angle} and 'approach_axis' is zero;"
                ' expected both, or neither.'
            )
        return {}
    # A turn keeps the length, so what is not a unit vector is refused as such.
    turn = pose_to_matrix(mesh_pose)[:3, :3]
    return {
        'approach_axis': tuple(axis @ turn),
        'approach_half_angle': goal.approach_half_angle,
    }


def _shape(primitive: SolidPrimitive, pose: NDArray[np.float64]) -> Shape:
    kinds = {
        SolidPrimitive.BOX: 'box',
        SolidPrimitive.SPHERE: 'sphere',
        SolidPrimitive.CYLINDER: 'cylinder',
        SolidPrimitive.CONE: 'cone',
    }
    if primitive.type not in kinds:
        expected = ', '.join(f'{value} ({name})' for value, name in kinds.items())
        raise InputError(f"The type of a region's shape is {primitive.type}; expected {expected}.")
    return Shape(shape=kinds[primitive.type], size=tuple(primitive.dimensions), pose=tuple(pose))


def goal_config(goal: Goal, defaults: SynthesisConfig) -> SynthesisConfig:
    """Return `defaults` with what the goal sets in their place; its time limit is not of a search.

    Raises
    ------
    InputError
        OUT_OF_RANGE.
    """
    changes: dict[str, float | int] = {}
    for name in ('object_mass', 'friction', 'max_force', 'max_contact_force'):
        value = getattr(goal, name)
        if value != 0.0:
            changes[name] = value
    for name in ('max_force', 'max_contact_force'):
        if changes.get(name) == math.inf:
            changes[name] = 0.0  # no limit, in a configuration
    if goal.max_grasps:
        changes['max_grasps'] = goal.max_grasps
    if goal.seed_count:
        changes['seed_count'] = goal.seed_count
    if goal.random_seed != -1:
        changes['random_seed'] = goal.random_seed
    return dataclasses.replace(defaults, **changes)


def mesh_object(goal: Goal, obstacle_pose: NDArray[np.float64]) -> Object:
    """Object of a goal with SOURCE_MESH, as `reconstruction_node` would have published it.

    Parameters
    ----------
    goal
        The goal.
    obstacle_pose
        Pose [7] of the obstacle cloud's frame in ``mesh_pose.header.frame_id``.

    Raises
    ------
    InputError
        What the pose and cloud conversions of `bridge.geometry` raise.
    """
    head = goal.mesh_pose.header
    obstacles = cloud_points(goal.obstacles)
    to_mesh = compose(invert(pose_array(goal.mesh_pose.pose)), obstacle_pose)
    return Object(
        header=head,
        id=goal.object_id,
        name=goal.object_id,
        mesh=goal.mesh,
        pose=goal.mesh_pose.pose,
        has_support_plane=goal.has_support_plane,
        support_plane=goal.support_plane,
        obstacles=cloud_message(transform_points(to_mesh, obstacles), head),
    )
