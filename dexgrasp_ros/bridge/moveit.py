"""Grasps as `moveit_msgs/Grasp`, for pick stages of MoveIt and whoever else reads them.

MoveIt moves the *parent link* of an end effector, the last link of the arm: `grasp_pose` is where
that link goes, not the hand's root. The hand's postures are trajectories of one point each, as a
joint_trajectory_controller takes them: it refuses one that ends before now, so that they begin
when they are sent (stamp 0), and efforts unless it commands efforts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, Vector3Stamped
from numpy.typing import ArrayLike, NDArray
from std_msgs.msg import Header
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from dexgrasp_msgs.msg import Grasp, GraspArray
from dexgrasp_ros.bridge.geometry import pose_array, pose_message, vector
from dexgrasp_ros.bridge.grasps import duration
from dexgrasp_ros.bridge.optional import optional_messages
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import compose, invert

_SHORTEST = 1e-4  # m; a translation below this has no direction


@dataclass(frozen=True, kw_only=True)
class Translation:
    """A straight way of the parent link, in the frame of its grasp's header."""

    direction: NDArray[np.float64]  # [3] unit
    distance: float  # m


def moveit_grasps(
    grasps: GraspArray | Sequence[Grasp],
    *,
    T_parent_hand: ArrayLike | None = None,
    posture_time: float = 1.0,
    squeeze: bool = True,
    effort: bool = False,
    min_share: float = 0.5,
    max_contact_force: float = 0.0,
    allowed_touch_objects: Sequence[str] = (),
) -> list[Any]:
    """Grasps as `moveit_msgs/Grasp`, in the order given.

    The approach is the way from `pregrasp_pose` to `pose`, the retreat that to `lift_pose`. Where
    the pre-grasp is at the grasp, the hand approaches along nothing and the direction is zero.

    Parameters
    ----------
    grasps
        As the action returns them and `grasps` publishes them.
    T_parent_hand
        Pose [7] of the hand's root link in the arm's link that carries it. Not needed for grasps
        with a `flange_frame`, which is that link.
    posture_time
        `time_from_start` of the postures [s].
    squeeze
        Close to the squeeze posture, which presses, rather than to the touching grasp.
    effort
        Give the squeeze posture its efforts as well; only for controllers that command efforts.
    min_share
        Share of approach and retreat that must be possible at least.
    max_contact_force
        That the grasps were asked for with [N]; 0: no limit beyond the joints' efforts.
    allowed_touch_objects
        Names of what may be touched on the way, in MoveIt's planning scene.

    Raises
    ------
    DexGraspError
        FILE_NOT_FOUND where moveit_msgs is not installed.
    InputError
        OUT_OF_RANGE for poses that are not finite and a `min_share` beyond 0 to 1; MISSING_KEY
        where a grasp has no flange and `T_parent_hand` is not given.
    """
    messages = optional_messages('moveit_msgs')
    if not 0 <= min_share <= 1:
        raise InputError(f'min_share is {min_share}; expected 0 to 1.', ErrorCode.OUT_OF_RANGE)
    rows = grasps.grasps if isinstance(grasps, GraspArray) else grasps

    def translation(way: Translation, header: Header) -> Any:
        return messages.GripperTranslation(
            direction=Vector3Stamped(header=header, vector=vector(way.direction)),
            desired_distance=way.distance,
            min_distance=min_share * way.distance,
        )

    return [
        messages.Grasp(
            id=f'{grasp.object_id or grasp.hand}_{n}',
            pre_grasp_posture=posture(grasp, grasp.pregrasp, posture_time),
            grasp_posture=posture(
                grasp,
                grasp.squeeze if squeeze else grasp.grasp,
                posture_time,
                effort=squeeze and effort,
            ),
            grasp_pose=PoseStamped(
                header=grasp.header, pose=pose_message(parent_poses(grasp, T_parent_hand)[1])
            ),
            grasp_quality=grasp.quality.score,
            pre_grasp_approach=translation(approach(grasp, T_parent_hand), grasp.header),
            post_grasp_retreat=translation(retreat(grasp, T_parent_hand), grasp.header),
            post_place_retreat=translation(_back(approach(grasp, T_parent_hand)), grasp.header),
            max_contact_force=max_contact_force,
            allowed_touch_objects=list(allowed_touch_objects),
        )
        for n, grasp in enumerate(rows)
    ]


def parent_poses(grasp: Grasp, T_parent_hand: ArrayLike | None = None) -> NDArray[np.float64]:
    """Poses [3, 7] of the link that carries the hand: at the pre-grasp, at the grasp, lifted.

    Raises
    ------
    InputError
        MISSING_KEY where the grasp has no flange and `T_parent_hand` is not given.
    """
    hand = grasp.pregrasp_pose, grasp.pose, grasp.lift_pose
    if T_parent_hand is not None:
        return compose([pose_array(pose) for pose in hand], invert(T_parent_hand))
    if not grasp.flange_frame:
        raise InputError(
            f"The grasp of '{grasp.object_id}' has no 'flange_frame'; expected T_parent_hand, the"
            f" pose of '{grasp.hand_frame}' in the link that carries it.",
            ErrorCode.MISSING_KEY,
        )
    flange = grasp.flange_pregrasp_pose, grasp.flange_pose, grasp.flange_lift_pose
    return np.array([pose_array(pose) for pose in flange])


def posture(
    grasp: Grasp, positions: ArrayLike, seconds: float, *, effort: bool = False
) -> JointTrajectory:
    """Trajectory of one point, reached `seconds` after it is sent; on request with the efforts.

    These are kp (squeeze - grasp), what the joints press with when the object stops them at the
    grasp.
    """
    stiffness = np.asarray(grasp.joint_stiffness, dtype=np.float64)
    efforts: list[float] = []
    if effort and len(stiffness) == len(grasp.squeeze):
        efforts = (stiffness * np.subtract(grasp.squeeze, grasp.grasp)).tolist()
    point = JointTrajectoryPoint(
        positions=np.asarray(positions, dtype=np.float64).tolist(),
        effort=efforts,
        time_from_start=duration(seconds),
    )
    return JointTrajectory(
        header=Header(frame_id=grasp.hand_frame),
        joint_names=list(grasp.joint_names),
        points=[point],
    )


def approach(grasp: Grasp, T_parent_hand: ArrayLike | None = None) -> Translation:
    """Way of the parent link from the pre-grasp to the grasp."""
    before, at, _ = parent_poses(grasp, T_parent_hand)
    return _way(before, at)


def retreat(grasp: Grasp, T_parent_hand: ArrayLike | None = None) -> Translation:
    """Way of the parent link from the grasp to where it is lifted."""
    _, at, lifted = parent_poses(grasp, T_parent_hand)
    return _way(at, lifted)


def _way(start: NDArray[np.float64], end: NDArray[np.float64]) -> Translation:
    step = end[:3] - start[:3]
    distance = float(np.linalg.norm(step))
    if distance < _SHORTEST:
        return Translation(direction=np.zeros(3), distance=0.0)
    return Translation(direction=step / distance, distance=distance)


def _back(way: Translation) -> Translation:
    return Translation(direction=-way.direction, distance=way.distance)
