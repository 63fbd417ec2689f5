"""The goal of `synthesize_grasps` ↔ what the search takes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import Object
from dexgrasp_ros.bridge.geometry import cloud_message, cloud_points, pose_array
from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import compose, invert, transform_points

Goal = SynthesizeGrasps.Goal


def check_goal(goal: Goal) -> None:
    """Refuse a goal that nothing can be done with.

    Raises
    ------
    InputError
        INVALID_INPUT for an unknown source or a wish that the search cannot honour yet,
        OUT_OF_RANGE for a label below LABEL_ALL.
    """
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
    axis = goal.approach_axis
    wishes = {
        'grasp_type': goal.grasp_type != Goal.GRASP_ANY,
        'fingers': bool(goal.fingers),
        'approach_axis': any((axis.x, axis.y, axis.z)),
        'hold_regions': bool(goal.hold_regions),
        'avoid_regions': bool(goal.avoid_regions),
    }
    if asked := [name for name, is_set in wishes.items() if is_set]:
        raise InputError(
            f'This version cannot search for grasps by {", ".join(asked)}; leave unset what it'
            f' does not know: {", ".join(wishes)}.'
        )


def goal_config(goal: Goal, defaults: SynthesisConfig) -> SynthesisConfig:
    """Return `defaults` with what the goal sets in their place.

    Raises
    ------
    InputError
        OUT_OF_RANGE.
    """
    changes: dict[str, float | int] = {}
    if goal.max_grasps:
        changes['max_grasps'] = goal.max_grasps
    if goal.seed_count:
        changes['seed_count'] = goal.seed_count
    if goal.random_seed != -1:
        changes['random_seed'] = goal.random_seed
    if goal.time_limit != 0:
        changes['time_limit'] = math.inf if math.isnan(goal.time_limit) else goal.time_limit
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
