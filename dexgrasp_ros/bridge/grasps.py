"""A `GraspSet` as messages: grasps, goal poses, joint targets and trajectories."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Pose, PoseArray
from numpy.typing import NDArray
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from trajectory_msgs.msg import (
    JointTrajectory,
    JointTrajectoryPoint,
    MultiDOFJointTrajectory,
    MultiDOFJointTrajectoryPoint,
)

from dexgrasp_msgs.msg import Contact, Grasp, GraspArray, GraspQuality, PhaseTime, RejectCount
from dexgrasp_ros.bridge.geometry import (
    point,
    pose_array,
    pose_message,
    transform_message,
    vector,
)
from dexgrasp_ros.core.errors import CommandError, choices
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.poses import compose, pose_to_matrix

_OPTICAL_SUFFIXES = ('_optical_frame', '_optical')  # REP-103
_LEAST_TIME = 0.001  # s between two points
_MOST_SECONDS = 2**31 - 1


def grasp_messages(
    grasps: GraspSet,
    object_pose: NDArray[np.float64],
    *,
    header: Header,
    object_id: str,
    label: int,
    lift: NDArray[np.float64],
) -> list[Grasp]:
    """Messages of all grasps, best first, in the frame of `header`.

    Parameters
    ----------
    grasps
        N grasps in the frame of the object's mesh.
    object_pose
        Pose [7] of that frame in ``header.frame_id``.
    header
        Frame and image stamp of the messages.
    object_id, label
        Which object is held.
    lift
        Displacement [3] m of the hand from `pose` to `lift_pose`.
    """
    poses = compose(object_pose, grasps.base_pose)
    pregrasp_poses = compose(object_pose, grasps.pregrasp_base_pose)
    lift_poses = poses.copy()
    lift_poses[:, :3] += lift
    return [
        Grasp(
            header=header,
            object_id=object_id,
            object_label=label,
            hand=grasps.hand,
            hand_digest=grasps.hand_digest,
            hand_frame=grasps.hand_frame,
            pose=pose_message(poses[i]),
            pregrasp_pose=pose_message(pregrasp_poses[i]),
            lift_pose=pose_message(lift_poses[i]),
            joint_names=list(grasps.joint_names),
            pregrasp=grasps.pregrasp[i].tolist(),
            grasp=grasps.grasp[i].tolist(),
            squeeze=grasps.squeeze[i].tolist(),
            joint_stiffness=grasps.joint_stiffness.tolist(),
            opening_width=float(grasps.opening_width[i]),
            locked_joint_names=list(grasps.locked_joints),
            locked_joint_positions=[float(v) for v in grasps.locked_joints.values()],
            contacts=_contacts(grasps, i, object_pose),
            quality=GraspQuality(
                score=float(grasps.score[i]),
                residual=float(grasps.residual[i]),
                epsilon=float(grasps.epsilon[i]),
                penetration=float(grasps.penetration[i]),
                least_friction=float(grasps.least_friction[i]),
                largest_pull=float(grasps.largest_pull[i]),
                contact_count=int(grasps.contact_count[i]),
            ),
        )
        for i in range(len(grasps))
    ]


def merged(header: Header, grasps: Sequence[Grasp]) -> GraspArray:
    """All `grasps` as one message, best first whatever object they are of."""
    return GraspArray(
        header=header, grasps=sorted(grasps, key=lambda g: g.quality.score, reverse=True)
    )


def lift_displacement(
    frame_id: str, plane: NDArray[np.float64] | None, height: float
) -> NDArray[np.float64]:
    """Way [3] m of a lift by `height`, in frame `frame_id`.

    Along the normal of the support plane [4] where there is one, else along the frame's own up:
    z, or -y in a camera's optical frame (REP-103).
    """
    if plane is not None:
        return height * plane[:3]
    optical = frame_id.endswith(_OPTICAL_SUFFIXES)
    return height * np.array([0.0, -1.0, 0.0] if optical else [0.0, 0.0, 1.0])


def grasp_poses(grasps: GraspArray) -> PoseArray:
    """Poses of the hand's root link at the grasps, best first."""
    return PoseArray(header=grasps.header, poses=[g.pose for g in grasps.grasps])


def joint_targets(grasp: Grasp) -> JointState:
    """Posture `grasp` of one grasp."""
    return JointState(header=grasp.header, name=grasp.joint_names, position=grasp.grasp)


def joint_trajectory(
    grasp: Grasp,
    start: NDArray[np.float64],
    velocity_limits: Mapping[str, float],
    *,
    header: Header,
    speed_scale: float = 1.0,
) -> JointTrajectory:
    """Pregrasp, grasp and squeeze, each reached as soon as the slowest joint can.

    Parameters
    ----------
    grasp
        What to do.
    start
        Present joint positions [J], in the order of the grasp's joint names.
    velocity_limits
        By joint name [rad/s or m/s].
    header
        Of the trajectory; a stamp of 0 starts at once.
    speed_scale
        Share of the velocity limits that is used, above 0 and up to 1.

    Raises
    ------
    CommandError
        INVALID_COMMAND where a posture has another length than the names or a number that is not
        finite, where a joint has no positive velocity limit, or where the speed scale is off.
    """
    names = list(grasp.joint_names)
    postures = [np.asarray(p, float) for p in (start, grasp.pregrasp, grasp.grasp, grasp.squeeze)]
    for posture in postures:
        if posture.shape != (len(names),) or not np.isfinite(posture).all():
            raise CommandError(
                f'A posture is {posture.tolist()}; expected {len(names)} finite numbers.'
            )
    if unknown := [n for n in names if not velocity_limits.get(n, 0.0) > 0]:
        raise CommandError(
            f'No velocity limit for {choices(unknown)}; there are limits for'
            f' {choices(velocity_limits)}.'
        )
    if not 0 < speed_scale <= 1:
        raise CommandError(f'Speed scale is {speed_scale}; expected above 0 and up to 1.')
    limits = speed_scale * np.array([velocity_limits[n] for n in names])
    message = JointTrajectory(header=header, joint_names=names)
    elapsed = 0.0
    for before, after in itertools.pairwise(postures):
        length = float(np.max(np.abs(after - before) / limits, initial=0.0))
        # Controllers want times that rise, also between points at one place.
        elapsed += max(length, _LEAST_TIME) if message.points else length
        message.points.append(
            JointTrajectoryPoint(positions=after.tolist(), time_from_start=duration(elapsed))
        )
    return message


def wrist_trajectory(
    grasp: Grasp, *, linear_speed: float, angular_speed: float
) -> MultiDOFJointTrajectory:
    """Way of the hand's root link: pregrasp (time 0), grasp, lift.

    Times are those of straight lines at `linear_speed` [m/s] and `angular_speed` [rad/s].
    """
    message = MultiDOFJointTrajectory(header=grasp.header, joint_names=[grasp.hand_frame])
    poses = [pose_array(p) for p in (grasp.pregrasp_pose, grasp.pose, grasp.lift_pose)]
    elapsed = 0.0
    for i, pose in enumerate(poses):
        if i:
            elapsed += _travel_time(poses[i - 1], pose, linear_speed, angular_speed)
        message.points.append(
            MultiDOFJointTrajectoryPoint(
                transforms=[transform_message(pose)], time_from_start=duration(elapsed)
            )
        )
    return message


def duration(seconds: float) -> Duration:
    """Duration message of `seconds` ≥ 0, rounded up to a nanosecond.

    Raises
    ------
    CommandError
        INVALID_COMMAND for more seconds than the message's 32 bits hold.
    """
    if not 0 <= seconds < _MOST_SECONDS:
        raise CommandError(
            f'A motion takes {seconds:.4g} s; expected 0 to {_MOST_SECONDS:g} s, which is what a'
            ' trajectory can say.'
        )
    whole = math.floor(seconds)
    nanoseconds = math.ceil((seconds - whole) * 1e9)
    return Duration(sec=whole + nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def reject_counts(rejected: Mapping[str, int]) -> list[RejectCount]:
    """Return counts by stage as messages."""
    return [RejectCount(stage=stage, count=int(count)) for stage, count in rejected.items()]


def phase_times(
    timing: Mapping[str, float], points: Mapping[str, int] | None = None
) -> list[PhaseTime]:
    """Seconds by phase as messages, and the points that were left after it."""
    points = points or {}
    return [
        PhaseTime(phase=phase, seconds=float(s), points=points.get(phase, 0))
        for phase, s in timing.items()
    ]


def _travel_time(a: NDArray, b: NDArray, linear_speed: float, angular_speed: float) -> float:
    dot = min(1.0, abs(float(a[3:] @ b[3:])))
    distance = float(np.linalg.norm(b[:3] - a[:3]))
    return max(distance / linear_speed, 2 * math.acos(dot) / angular_speed)


def _contacts(grasps: GraspSet, i: int, object_pose: NDArray[np.float64]) -> list[Contact]:
    used = (grasps.contact_links[i] >= 0) & np.isfinite(grasps.contact_points[i]).all(axis=1)
    matrix = pose_to_matrix(object_pose)
    turn = matrix[:3, :3].T
    points = grasps.contact_points[i][used] @ turn + matrix[:3, 3]
    normals = grasps.contact_normals[i][used] @ turn
    forces = grasps.contact_forces[i][used] @ turn
    return [
        Contact(
            link=grasps.link_names[link],
            point=point(points[k]),
            normal=vector(normals[k]),
            force=vector(forces[k]),
        )
        for k, link in enumerate(grasps.contact_links[i][used])
    ]


def poses_of(grasps: Sequence[Grasp], pose: str) -> NDArray[np.float64]:
    """Poses [N, 7] of the field `pose`, `pregrasp_pose` or `lift_pose` of each grasp."""
    messages: list[Pose] = [getattr(g, pose) for g in grasps]
    return np.array([pose_array(m) for m in messages]).reshape(-1, 7)
