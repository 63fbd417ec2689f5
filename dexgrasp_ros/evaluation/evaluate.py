"""Evaluation of a set of grasps as one call."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.convex_pieces import FINE
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.core.progress import ProgressCallback, StopCallback, check_stop
from dexgrasp_ros.evaluation.coverage import touched_share
from dexgrasp_ros.evaluation.diversity import distinct_count, explained_variance
from dexgrasp_ros.evaluation.geometry import THRESHOLDS, GraspGeometry, Lie
from dexgrasp_ros.evaluation.inputs import (
    PIECE_THRESHOLDS,
    MeshOrModel,
    check_fit,
    check_floor,
    check_physics,
    check_processes,
    check_threshold,
    chosen_rows,
    floor_of,
    hand_of,
    object_of,
)
from dexgrasp_ros.evaluation.perturbation import Perturbation
from dexgrasp_ros.evaluation.protocols import Protocol, find_protocol
from dexgrasp_ros.evaluation.result import Evaluation
from dexgrasp_ros.evaluation.shake_test import Cause, ShakeResult
from dexgrasp_ros.evaluation.shaking import Setting, shake_grasps, surfaces_of
from dexgrasp_ros.evaluation.wrenches import contact_wrenches, hull_quality
from dexgrasp_ros.hand.kinematics import driving_links
from dexgrasp_ros.object import object_pieces
from dexgrasp_ros.simulation import settle

_STIFFER = 0.01  # relative difference of stiffness that is worth a warning
# Beyond these an object has not kept the place that the grasps are for: the hand's clearance of it
# at the pre-grasp is 10 mm.
_STIRRED, _TILTED = 0.005, math.radians(5.0)  # m, rad
_SWOLLEN = 1.25  # pieces of more volume than this times the mesh's make another object of it


def evaluate(
    grasps: GraspSet,
    *,
    object: MeshOrModel | None = None,
    protocol: str | Protocol = 'fc',
    hand: HandModel | None = None,
    support_plane: ArrayLike | None = None,
    perturbation: Perturbation | None = None,
    shaken: ArrayLike | None = None,
    piece_threshold: float = FINE,
    physics: str = 'mujoco',
    device: str = 'auto',
    processes: int | None = None,
    time_limit: float = 120.0,
    progress: ProgressCallback | None = None,
    should_stop: StopCallback | None = None,
) -> Evaluation:
    """Shake grasps in a physics simulation, and measure them where they stand.

    Parameters
    ----------
    grasps
        What to evaluate; they need not come from this package's search.
    object
        Mesh file, (vertices [V, 3], faces [F, 3]) or `ObjectModel`; default: the grasps' own
        `object_mesh`.
    protocol
        ``'fc'``, ``'hard'``, ``'tabletop'``, ``'tabletop-bench'`` or a `Protocol`.
    hand
        Default: made from the grasps' URDF; a hand whose URDF names mesh files must be given.
    support_plane
        For protocols that lift: n, d [4] in the mesh's frame with the free side n·x + d > 0.
        Default: the object's own, else the grasps', else the horizontal plane below its lowest
        point (z is up). An object that does not rest on it by itself gives a warning.
    perturbation
        For the shake test alone: the object is not quite where, and not quite what, it should
        be; it must stay within the protocol's limits of where it starts. A floor is lowered as
        far as is needed not to cut it. Default: none.
    shaken
        Which grasps are shaken [N], true or false; the others are only measured, and have the
        cause ``not shaken``. Default: all.
    piece_threshold
        Concavity that a convex piece of the object may have in the shake test, 0.01 to 1 of its
        half size (CoACD's threshold). A finer one is for hollow objects whose pieces fill them,
        which a warning tells; cutting then takes minutes, once.
    physics
        ``'mujoco'``: the shake test runs on the CPU, grasp by grasp. ``'mujoco_warp'``: in batches
        on `device` (extra ``gpu``), in single precision: verdicts of some grasps differ.
    device
        Of MuJoCo Warp, as in `SynthesisConfig`.
    processes
        That run the shake test in MuJoCo, at most one for each core (the default).
    time_limit
        For the shake test of one grasp in MuJoCo [s]; beyond it the cause is ``time-out``.
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
        OUT_OF_RANGE for the protocol, the support plane, `piece_threshold`, `physics` or
        `processes`; INVALID_INPUT: MuJoCo Warp is not installed;
        MISSING_KEY where there is no object; WRONG_SHAPE or INVALID_INPUT where the grasps do not
        fit the hand.
    ObjectError, HandError
        As from `load_object` and `load_hand_text`.
    DeviceError
        DEVICE_UNAVAILABLE or OUT_OF_MEMORY.
    SynthesisError
        CANCELLED.
    """
    test = find_protocol(protocol) if isinstance(protocol, str) else protocol
    check_physics(physics, test)
    check_processes(processes)
    check_threshold(piece_threshold)
    if support_plane is not None:
        check_floor(support_plane)
    model = hand_of(grasps) if hand is None else hand
    check_fit(grasps, model)
    chosen = chosen_rows(shaken, len(grasps))
    obj = object_of(grasps, object)
    check_stop(should_stop)
    parts = object_pieces(obj, threshold=piece_threshold, should_stop=should_stop)
    floor = floor_of(grasps, obj, parts.pieces, support_plane) if test.lift_height else None
    # Before the shaking, so that an object that cannot settle does not cost its results.
    is_spared = shaken is not None and not len(chosen)
    unrest = [] if floor is None or is_spared else _unrest(obj, parts.pieces, test, floor)
    results = shake_grasps(
        grasps,
        model,
        obj,
        Setting(
            protocol=test,
            surfaces=surfaces_of(obj, parts.pieces, perturbation),
            floor=floor,
            perturbation=perturbation,
        ),
        chosen,
        physics=physics,
        device=device,
        processes=processes,
        time_limit=time_limit,
        progress=progress,
        should_stop=should_stop,
    )
    geometry = GraspGeometry(model, obj)
    lies = []
    for n in range(len(grasps)):
        check_stop(should_stop)
        lies.append(geometry.measure(grasps.base_pose[n], grasps.grasp[n]))
    found = _evaluation(grasps, model, obj, test, results, lies, parts.volume_ratio)
    swollen = _swollen_warnings(parts.volume_ratio, piece_threshold)
    return dataclasses.replace(
        found,
        perturbation=perturbation,
        piece_threshold=piece_threshold,
        physics=physics,
        warnings=(*found.warnings, *_table_warnings(grasps, floor), *swollen, *unrest),
    )


def _stiffness_warnings(grasps: GraspSet, hand: HandModel, gain: float) -> list[str]:
    """Say where squeezes are meant for other joints than those of the test."""
    sliding = hand.joint_types[driving_links(hand)] == JointType.PRISMATIC
    planned = grasps.joint_stiffness
    other = ~sliding & (np.abs(planned - gain) > _STIFFER * gain)
    if not other.any():
        return []
    low, high = planned[other].min(), planned[other].max()
    return [
        f'{other.sum()} joints squeeze for a stiffness of {low:.4g} to {high:.4g} N m/rad; the '
        f'shake test has {gain:.4g}, so their forces there are others.'
    ]


def _swollen_warnings(volume_ratio: float, threshold: float) -> list[str]:
    """Say where the test knows a hollow object as a solid one, and what helps."""
    if volume_ratio <= _SWOLLEN:
        return []
    finest = PIECE_THRESHOLDS[0]
    wish = f'; a piece_threshold of {finest:g} to {threshold:g} fills less of them'
    return [
        f'The convex pieces have {volume_ratio:.2f} times the volume of the mesh: hollows are '
        f'filled in the shake test{wish if threshold > finest else ""}.'
    ]


def _table_warnings(grasps: GraspSet, floor: NDArray[np.float64] | None) -> list[str]:
    """Say where grasps are lifted from a floor that nobody told their planner of."""
    if floor is None or np.isfinite(grasps.support_plane).all():
        return []
    return ['Planned for no table: hands may start or close inside of this one.']


def _unrest(
    obj: ObjectModel,
    pieces: Sequence[NDArray[np.float64]],
    protocol: Protocol,
    floor: NDArray[np.float64],
) -> list[str]:
    """Say where the object does not stay on the floor even if no hand comes near."""
    if not protocol.physics.gravity > 0.0:
        return []
    rest = settle(obj, pieces, protocol.physics, up=floor[:3])
    if rest.at_rest and rest.displacement < _STIRRED and rest.rotation < _TILTED:
        return []
    return [
        f'On this floor the object moves by itself, by {1e3 * rest.displacement:.0f} mm and '
        f'{math.degrees(rest.rotation):.0f} degrees before it '
        f'{"rests" if rest.at_rest else "is given up as restless"}; a support plane '
        'on which it rests is what grasps should be planned for and lifted from.'
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
        touched_share=touched_share(
            *(obj.vertices, obj.faces),
            np.concatenate([np.empty((0, 3)), *(lie.points for lie in lies)]),
            np.concatenate([np.empty((0, 3)), *(lie.normals for lie in lies)]),
        ),
        volume_ratio=volume_ratio,
        torque_length=obj.characteristic_length,
        friction=friction,
        warnings=tuple(warnings),
    )
