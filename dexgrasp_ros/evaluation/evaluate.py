"""Evaluation of a set of grasps as one call."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError, choices
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.core.progress import Progress, ProgressCallback, StopCallback, check_stop
from dexgrasp_ros.evaluation.diversity import distinct_count, explained_variance
from dexgrasp_ros.evaluation.geometry import THRESHOLDS, GraspGeometry, Lie
from dexgrasp_ros.evaluation.protocols import Protocol, find_protocol
from dexgrasp_ros.evaluation.result import Evaluation
from dexgrasp_ros.evaluation.shake_test import Cause, Postures, ShakeResult
from dexgrasp_ros.evaluation.workers import Failure, available_cores, run_tasks
from dexgrasp_ros.evaluation.wrenches import contact_wrenches, hull_quality
from dexgrasp_ros.hand import load_hand_text
from dexgrasp_ros.object import load_object, object_pieces
from dexgrasp_ros.simulation import build_physics

MeshOrModel = str | Path | tuple[ArrayLike, ArrayLike] | ObjectModel

_SHAKE = 'dexgrasp_ros.evaluation.shake_test:shake'
_STIFFER = 0.01  # relative difference of stiffness that is worth a warning
_SWOLLEN = 1.25  # pieces of more volume than this times the mesh's make another object of it
_POSTURES = ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze')


def evaluate(
    grasps: GraspSet,
    *,
    object: MeshOrModel | None = None,
    protocol: str | Protocol = 'fc',
    hand: HandModel | None = None,
    support_plane: ArrayLike | None = None,
    processes: int | None = None,
    time_limit: float = 120.0,
    progress: ProgressCallback | None = None,
    should_stop: StopCallback | None = None,
) -> Evaluation:
    """Shake every grasp in a physics simulation, and measure it where it stands.

    Parameters
    ----------
    grasps
        What to evaluate; they need not come from this package's search.
    object
        Mesh file, (vertices [V, 3], faces [F, 3]) or `ObjectModel`; default: the grasps' own
        `object_mesh`.
    protocol
        ``'fc'``, ``'hard'``, ``'tabletop'`` or a `Protocol`.
    hand
        Default: made from the grasps' URDF; a hand whose URDF names mesh files must be given.
    support_plane
        For protocols that lift: n, d [4] in the mesh's frame with the free side n·x + d > 0.
        Default: the object's own, else the horizontal plane below its lowest point (z is up).
    processes
        That run the shake test, at most one for each core (the default).
    time_limit
        For the shake test of one grasp [s]; beyond it the cause is ``time-out``.
    progress
        Called after each grasp.
    should_stop
        Asked often; the evaluation ends soon after it returns true.

    Returns
    -------
    Evaluation
        In the order of the grasps. A grasp that breaks the simulation has the cause
        ``error`` and a message.

    Raises
    ------
    InputError
        OUT_OF_RANGE for the protocol or `processes`; MISSING_KEY where there is no object;
        WRONG_SHAPE or INVALID_INPUT where the grasps do not fit the hand.
    ObjectError, HandError
        As from `load_object` and `load_hand_text`.
    SynthesisError
        CANCELLED.
    """
    test = find_protocol(protocol) if isinstance(protocol, str) else protocol
    count = _process_count(processes, len(grasps))
    model = _hand_of(grasps) if hand is None else hand
    _check_fit(grasps, model)
    obj = _object_of(grasps, object)
    check_stop(should_stop)
    parts = object_pieces(obj)
    floor = _floor(obj, parts.pieces, support_plane) if test.lift_height else None
    physics = build_physics(model, obj, parts.pieces, test.physics, floor=floor)
    report = _reporter(progress, len(grasps))
    results: list[ShakeResult] = [ShakeResult(cause=Cause.ERROR)] * len(grasps)
    tasks = [_postures(grasps, n) for n in range(len(grasps))]
    running = run_tasks(_SHAKE, (physics, test), tasks, processes=count, time_limit=time_limit)
    done = 0
    try:
        for answer in running:
            check_stop(should_stop)
            if answer is not None:
                results[answer[0]] = _result(answer[1])
                done += 1
                report(done)
    finally:
        running.close()
    geometry = GraspGeometry(model, obj)
    lies = []
    for n in range(len(grasps)):
        check_stop(should_stop)
        lies.append(geometry.measure(grasps.base_pose[n], grasps.grasp[n]))
    return _evaluation(grasps, model, obj, test, results, lies, parts.volume_ratio)


def _process_count(processes: int | None, tasks: int) -> int:
    cores = available_cores()
    if processes is not None and processes < 1:
        raise InputError(
            f"'processes' is {processes}; expected 1 to {cores}.", ErrorCode.OUT_OF_RANGE
        )
    return max(1, min(cores, tasks, processes or cores))


def _hand_of(grasps: GraspSet) -> HandModel:
    try:
        return load_hand_text(grasps.urdf, name=grasps.hand, root=grasps.hand_frame)
    except DexGraspError as error:
        raise InputError(
            f"The hand '{grasps.hand}' cannot be made from the URDF in the grasps alone; give the "
            f'hand as well. {error}',
            error.code,
        ) from error


def _check_fit(grasps: GraspSet, hand: HandModel) -> None:
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


def _object_of(grasps: GraspSet, source: MeshOrModel | None) -> ObjectModel:
    if isinstance(source, ObjectModel):
        return source
    if source is None:
        if not grasps.object_mesh:
            raise InputError(
                'The grasps do not say which mesh they are of; give the object.',
                ErrorCode.MISSING_KEY,
            )
        source = grasps.object_mesh
    return load_object(source)


def _floor(
    obj: ObjectModel, pieces: tuple[NDArray[np.float64], ...], plane: ArrayLike | None
) -> NDArray[np.float64]:
    """Plane [4] that the object stands on, low enough for its pieces not to start inside."""
    plane = obj.support_plane if plane is None else plane
    floor = np.array([0.0, 0.0, 1.0, -np.inf] if plane is None else plane, dtype=np.float64)
    if floor.shape != (4,) or not abs(np.linalg.norm(floor[:3]) - 1.0) < 1e-3:
        raise InputError(
            f"'support_plane' is {plane}; expected [4]: a unit normal and an offset.",
            ErrorCode.WRONG_SHAPE,
        )
    lowest = min(float((piece @ floor[:3]).min()) for piece in pieces)
    floor[3] = max(floor[3], -lowest)
    return floor


def _reporter(progress: ProgressCallback | None, total: int) -> Callable[[int], None]:
    start = time.perf_counter()

    def report(done: int) -> None:
        if progress is not None:
            progress(
                Progress(
                    phase='shake',
                    fraction=done / total,
                    candidates=total - done,
                    best_score=math.nan,
                    elapsed=time.perf_counter() - start,
                )
            )

    return report


def _postures(grasps: GraspSet, n: int) -> Postures:
    return Postures(
        pregrasp_pose=grasps.pregrasp_base_pose[n],
        grasp_pose=grasps.base_pose[n],
        pregrasp=grasps.pregrasp[n],
        grasp=grasps.grasp[n],
        squeeze=grasps.squeeze[n],
    )


def _result(answer: ShakeResult | Failure) -> ShakeResult:
    if isinstance(answer, ShakeResult):
        return answer
    cause = Cause.TIME_OUT if answer.timed_out else Cause.ERROR
    return ShakeResult(cause=cause, message=answer.message)


def _stiffness_warnings(grasps: GraspSet, hand: HandModel, gain: float) -> list[str]:
    """Say where squeezes are meant for other joints than those of the test."""
    sliding = hand.coordinates[hand.joint_types == JointType.PRISMATIC]
    planned = grasps.joint_stiffness
    other = np.abs(planned - gain) > _STIFFER * gain
    other[sliding[sliding >= 0]] = False
    if not other.any():
        return []
    low, high = planned[other].min(), planned[other].max()
    return [
        f'{other.sum()} joints squeeze for a stiffness of {low:.4g} to {high:.4g} N m/rad; the '
        f'shake test has {gain:.4g}, so their forces there are others.'
    ]


def _evaluation(
    grasps: GraspSet,
    hand: HandModel,
    obj: ObjectModel,
    protocol: Protocol,
    results: list[ShakeResult],
    lies: list[Lie],
    volume_ratio: float,
) -> Evaluation:
    friction = protocol.physics.sliding_friction
    quality = [
        hull_quality(
            contact_wrenches(
                lie.points,
                lie.normals,
                friction=friction,
                center=obj.center_of_mass,
                length=obj.characteristic_length,
            )
        )
        for lie in lies
    ]
    epsilon, volume = np.array(quality).reshape(-1, 2).T
    palm = compose(grasps.base_pose, hand.palm_pose)
    warnings = [*obj.warnings, *_stiffness_warnings(grasps, hand, protocol.physics.joint_gain)]
    if not volume_ratio <= _SWOLLEN:
        warnings.append(
            f'The convex pieces have {volume_ratio:.2f} times the volume of the mesh: hollows are '
            'filled in the shake test.'
        )

    def column(name: str) -> NDArray:
        return np.array([getattr(r, name) for r in results])

    return Evaluation(
        protocol=protocol.name,
        grasps=dataclasses.replace(grasps, epsilon=epsilon),
        held=column('cause') == Cause.HELD,
        cause=column('cause').astype(str),
        motion=column('motion').astype(str),
        displacement=column('displacement'),
        rotation=column('rotation'),
        closing_displacement=column('closing_displacement'),
        pregrasp_depth=column('pregrasp_depth'),
        piece_depth=column('piece_depth'),
        cpu_time=column('cpu_time'),
        message=column('message').astype(str),
        epsilon=epsilon,
        volume=volume,
        penetration=np.array([lie.penetration for lie in lies]),
        self_penetration=column('self_depth'),
        contact_count=np.array([lie.contact_count for lie in lies], dtype=np.int64).reshape(
            -1, len(THRESHOLDS)
        ),
        contact_area=np.array([lie.contact_area for lie in lies]).reshape(-1, len(THRESHOLDS)),
        tip_distance=np.array([lie.tip_distance for lie in lies]),
        explained_variance=explained_variance(
            palm, grasps.grasp, length=obj.characteristic_length
        ),
        distinct_count=distinct_count(palm, grasps.grasp),
        volume_ratio=volume_ratio,
        torque_length=obj.characteristic_length,
        friction=friction,
        warnings=tuple(warnings),
    )
