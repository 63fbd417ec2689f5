"""What a page shows, as arrays in one frame, and where the hand is on its way."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation, Slerp

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.poses import pose_to_matrix, transform_points

PREGRASP, GRASP, SQUEEZE = 0.0, 1.0, 2.0  # marks of the slider


@dataclass(frozen=True, kw_only=True)
class ShownObject:
    """An object in the frame of the page's data, metres."""

    name: str
    vertices: NDArray[np.float64]  # [V, 3]
    faces: NDArray[np.int64]  # [F, 3]
    points: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))  # seen of it
    obstacles: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))  # near it
    support_plane: NDArray[np.float64] | None = None  # [4] n, d: free side n·x + d > 0, |n| = 1
    about: str = ''  # a few words for people


@dataclass(frozen=True, kw_only=True)
class ShownGrasps:
    """N grasps of one hand, best first, with what a row of the table says beyond them."""

    hand: HandModel
    grasps: GraspSet  # poses and contacts in the frame of the page's data
    objects: Sequence[str]  # [N] names
    sources: Sequence[Hashable | object]  # [N] what `Actions.execute` gets for a row

    def __post_init__(self) -> None:
        """Check that hand, grasps and rows belong together.

        Raises
        ------
        InputError
            INVALID_INPUT, WRONG_SHAPE or OUT_OF_RANGE.
        """
        count = len(self.grasps)
        if tuple(self.grasps.joint_names) != tuple(self.hand.joint_names):
            raise InputError(
                f"The grasps are of '{self.grasps.hand}' with joints"
                f" {', '.join(self.grasps.joint_names)}; the page shows '{self.hand.name}' with"
                f' {", ".join(self.hand.joint_names)}.'
            )
        if not count == len(self.objects) == len(self.sources):
            raise InputError(
                f'{count} grasps came with {len(self.objects)} names of objects and'
                f' {len(self.sources)} sources; expected one for each.',
                ErrorCode.WRONG_SHAPE,
            )
        for name in ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze'):
            if not np.isfinite(getattr(self.grasps, name)).all():
                raise InputError(
                    f"'{name}' of the grasps holds a number that is not finite.",
                    ErrorCode.OUT_OF_RANGE,
                )


def placed(observed: ObservedObject, pose: ArrayLike) -> ShownObject:
    """`observed`, whose mesh's frame stands at `pose` [7] in the frame of the page's data."""
    matrix = pose_to_matrix(pose)
    plane = observed.support_plane
    if plane is not None:
        # n_a = R n_b and d_a = d_b - n_a·t, from n_b·x_b + d_b = 0 with x_b = Rᵀ(x_a - t).
        normal = matrix[:3, :3] @ plane[:3]
        plane = np.append(normal, plane[3] - normal @ matrix[:3, 3])
    return ShownObject(
        name=observed.name or f'label {observed.label}',
        vertices=transform_points(pose, observed.vertices),
        faces=observed.faces,
        points=transform_points(pose, observed.points.reshape(-1, 3)),
        obstacles=transform_points(pose, observed.obstacles.reshape(-1, 3)),
        support_plane=plane,
        about=f'{100 * observed.observed_fraction:.0f} % of its surface seen',
    )


def hand_state(
    grasps: GraspSet, index: int, motion: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Joint positions [J] and root pose [7] of one grasp at a moment of its motion.

    Linear between the postures, along the shortest turn between the poses; from `GRASP` to
    `SQUEEZE` the wrist stands still.

    Parameters
    ----------
    grasps
        The grasps.
    index
        Which of them.
    motion
        `PREGRASP` = 0, `GRASP` = 1, `SQUEEZE` = 2, and what lies between.
    """
    motion = float(np.clip(motion, PREGRASP, SQUEEZE))
    postures = np.stack(
        [getattr(grasps, name)[index] for name in ('pregrasp', 'grasp', 'squeeze')]
    )
    before = min(int(motion), 1)
    share = motion - before
    q = (1 - share) * postures[before] + share * postures[before + 1]
    way = min(motion, GRASP)
    start, end = grasps.pregrasp_base_pose[index], grasps.base_pose[index]
    turn = Slerp([0.0, 1.0], Rotation.from_quat([start[3:], end[3:]]))
    return q, np.concatenate([(1 - way) * start[:3] + way * end[:3], turn(way).as_quat()])


def upright_pose(objects: Sequence[ShownObject], up: ArrayLike) -> NDArray[np.float64]:
    """Pose [7] of the data's frame in the page's, whose z is up and whose table is z = 0.

    The table is the objects' first support plane, else what is lowest along `up` [3]; the origin
    lies below the middle of the objects.
    """
    up = np.asarray(up, dtype=np.float64) / np.linalg.norm(up)
    if not objects:
        return np.append(np.zeros(3), _turn_up(up).as_quat())
    plane = next((o.support_plane for o in objects if o.support_plane is not None), None)
    turn = _turn_up(up if plane is None else plane[:3])
    corners = np.concatenate([turn.apply(o.vertices) for o in objects])
    low, high = corners.min(axis=0), corners.max(axis=0)
    floor = low[2] if plane is None else -plane[3]
    origin = np.append(0.5 * (low + high)[:2], floor)
    return np.concatenate([-origin, turn.as_quat()])


def _turn_up(up: NDArray[np.float64]) -> Rotation:
    """Return the shortest rotation that brings `up` to z."""
    axis = np.cross(up, [0.0, 0.0, 1.0])
    length = np.linalg.norm(axis)
    if length < 1e-9:
        return Rotation.identity() if up[2] > 0 else Rotation.from_rotvec([np.pi, 0, 0])
    return Rotation.from_rotvec(axis / length * np.arctan2(length, up[2]))
