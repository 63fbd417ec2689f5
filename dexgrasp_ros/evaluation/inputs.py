"""What an evaluation is given, checked and completed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.cores import available_cores
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError, choices
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.evaluation.protocols import Protocol
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object

MeshOrModel = str | Path | tuple[ArrayLike, ArrayLike] | ObjectModel

PHYSICS = ('mujoco', 'mujoco_warp')  # what simulates a shake test
PIECE_THRESHOLDS = (0.01, 1.0)  # what CoACD accepts
_POSTURES = ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze')


def hand_of(grasps: GraspSet) -> HandModel:
    """Make the hand from the URDF in the grasps."""
    try:
        return load_hand_text(grasps.urdf, name=grasps.hand, root=grasps.hand_frame)
    except DexGraspError as error:
        raise InputError(
            f"The hand '{grasps.hand}' cannot be made from the URDF in the grasps alone; give the "
            f'hand as well. {error}',
            error.code,
        ) from error


def check_fit(grasps: GraspSet, hand: HandModel) -> None:
    """Refuse grasps of another hand, and numbers that a simulation cannot start from."""
    if grasps.joint_names != hand.joint_names:
        raise InputError(
            f'The grasps are of the joints {choices(grasps.joint_names)}; the hand '
            f"'{hand.name}' has {choices(hand.joint_names)}."
        )
    if grasps.joint_stiffness.shape != (len(hand.joint_names),):
        raise InputError(
            f"'joint_stiffness' has shape {grasps.joint_stiffness.shape}; expected "
            f'({len(hand.joint_names)},).',
            ErrorCode.WRONG_SHAPE,
        )
    for name in _POSTURES:
        value = getattr(grasps, name)
        width = 7 if name.endswith('pose') else len(hand.joint_names)
        if value.shape != (len(grasps), width):
            raise InputError(
                f"'{name}' has shape {value.shape}; expected ({len(grasps)}, {width}).",
                ErrorCode.WRONG_SHAPE,
            )
        bad = ~np.isfinite(value).all(axis=1)
        if name.endswith('pose'):
            bad |= np.abs(np.linalg.norm(value[:, 3:], axis=1) - 1.0) > 1e-3
        if bad.any():
            raise InputError(
                f"'{name}' of grasp {int(bad.argmax())} is not finite or its quaternion is not of "
                'length 1.'
            )


def object_of(grasps: GraspSet, source: MeshOrModel | None) -> ObjectModel:
    """Load the object that was given, else the one that the grasps name.

    A file is read with the scale that the grasps were found with; arrays are in metres.
    """
    if isinstance(source, ObjectModel):
        return source
    if source is None:
        if not grasps.object_mesh:
            raise InputError(
                'The grasps do not say which mesh they are of; give the object.',
                ErrorCode.MISSING_KEY,
            )
        source = grasps.object_mesh
    scale = grasps.object_scale if isinstance(source, str | Path) else 1.0
    return load_object(source, scale=scale)


def check_physics(name: str, protocol: Protocol) -> None:
    """Refuse a simulation that there is not, and a protocol that it does not have."""
    if name not in PHYSICS:
        raise InputError(
            f"There is no physics '{name}'; there are {choices(PHYSICS)}.", ErrorCode.OUT_OF_RANGE
        )
    if name != 'mujoco' and (protocol.jumps or protocol.judged_at_end):
        raise InputError(
            f"The protocol '{protocol.name}' moves in jumps, or is judged at its end, which"
            f" '{name}' does not do; expected the physics 'mujoco'.",
            ErrorCode.OUT_OF_RANGE,
        )


def check_threshold(value: float) -> None:
    """Refuse a threshold that CoACD does not cut with."""
    low, high = PIECE_THRESHOLDS
    if not low <= value <= high:
        raise InputError(
            f"'piece_threshold' is {value:g}; expected {low:g} (fine, slow) to {high:g} (coarse).",
            ErrorCode.OUT_OF_RANGE,
        )


def check_floor(plane: ArrayLike) -> NDArray[np.float64]:
    """Return a plane [4] as it came, if it is one."""
    floor = np.array(plane, dtype=np.float64)
    if floor.shape != (4,):
        raise InputError(
            f"'support_plane' has shape {list(floor.shape)}; expected [4]: a unit normal and an "
            'offset.',
            ErrorCode.WRONG_SHAPE,
        )
    length = np.linalg.norm(floor[:3])
    if not (np.isfinite(floor).all() and abs(length - 1.0) < 1e-3):
        raise InputError(
            f"'support_plane' is {floor.tolist()}, whose normal has length {length:g}; expected "
            'a unit normal and an offset, all finite, such as 0 0 1 0 for a table at z = 0.',
            ErrorCode.OUT_OF_RANGE,
        )
    return floor


def floor_of(
    grasps: GraspSet,
    obj: ObjectModel,
    pieces: tuple[NDArray[np.float64], ...],
    plane: ArrayLike | None,
) -> NDArray[np.float64]:
    """Plane [4] that the object stands on, low enough for its pieces not to start inside.

    It is `plane`, else the object's, else the grasps', else horizontal.
    """
    plane = obj.support_plane if plane is None else plane
    if plane is None and not np.isnan(grasps.support_plane).any():
        plane = grasps.support_plane
    floor = np.array([0.0, 0.0, 1.0, -np.inf]) if plane is None else check_floor(plane)
    lowest = min(float((piece @ floor[:3]).min()) for piece in pieces)
    floor[3] = max(floor[3], -lowest)
    return floor


def check_processes(processes: int | None) -> None:
    """Refuse less than one process."""
    if processes is not None and processes < 1:
        raise InputError(
            f"'processes' is {processes}; expected 1 to {available_cores()}.",
            ErrorCode.OUT_OF_RANGE,
        )


def chosen_rows(shaken: ArrayLike | None, count: int) -> NDArray[np.int64]:
    """Return the rows that are shaken."""
    which = np.ones(count, dtype=bool) if shaken is None else np.asarray(shaken)
    if which.shape != (count,) or which.dtype != bool:
        raise InputError(
            f"'shaken' is of type {which.dtype} and shape {list(which.shape)}; expected a truth "
            f'value for each of {count} grasps.',
            ErrorCode.WRONG_SHAPE,
        )
    return np.flatnonzero(which)
