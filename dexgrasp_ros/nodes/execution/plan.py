"""From a goal of `execute_grasp` to the phases that it consists of."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import Pose
from numpy.typing import NDArray

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Grasp
from dexgrasp_ros.bridge.checks import check_numbers, check_texts
from dexgrasp_ros.bridge.geometry import pose_array, stamp_to_nanoseconds
from dexgrasp_ros.core.errors import CommandError, ErrorCode, quoted
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.nodes.execution.approach import approach_poses
from dexgrasp_ros.nodes.execution.hand_limits import (
    LIMIT_TOLERANCE,
    check_effort,
    check_hand,
    check_limits,
)
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters

# m in front of the palm, for where the object is in a grasp that lists no contacts
_PALM_DEPTH = 0.08
# A planned grasp is open by up to three squeezes (docs/method.md), so that kp (squeeze - grasp) is
# up to four times the effort with which the finger, stopped by the object on its way, presses.
_MOST_EFFORT = 4.0
_MOST_CONTACTS = 1000  # of a grasp; each is looked at where the robot is watched
_LEAST_SPEED = 0.01  # of `speed_scale`; slower is no motion


@dataclass(frozen=True, kw_only=True)
class Postures:
    """The fingers' side of a grasp, checked against the hand."""

    pregrasp: NDArray[np.float64]  # [J] rad or m
    grasp: NDArray[np.float64]  # [J]
    squeeze: NDArray[np.float64]  # [J]
    stiffness: NDArray[np.float64]  # [J] N m/rad or N/m


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase of an execution: where fingers and wrist go, and for how long they rest there."""

    name: str
    fingers: NDArray[np.float64] | None = None  # [J] where they go; None: they stay
    presses: bool = False  # `fingers` lie beyond the touch
    free: bool = False  # nothing is touched, so each joint must get where it is sent
    wrist: str = ''  # which pose of the grasp it goes to; empty: it stays
    pause: float = 0.0  # s of rest at the end
    stamp: int | None = None  # ns, of the image, as long as a new one could make a difference


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All phases of a goal, and what they share."""

    phases: tuple[Phase, ...]
    postures: Postures
    frame: str  # of the wrist's poses
    hand_frame: str
    poses: dict[str, NDArray[np.float64]]  # by field of the grasp; empty where no wrist moves
    center: NDArray[np.float64]  # [3] m, of the contacts
    palm_axis: NDArray[np.float64]  # [3] in the hand's frame
    limited: tuple[str, ...]  # joints whose squeeze was cut to their effort limit
    speed_scale: float
    way: NDArray[np.float64] | None = None  # [K, 7] to the pre-grasp, where one was planned

    @property
    def approaches(self) -> bool:
        """Whether a wrist is led to the pre-grasp."""
        return bool(self.poses) and self.phases[0].name == 'pregrasp'

    @property
    def up(self) -> NDArray[np.float64]:
        """Unit vector [3] of the lift; zero where there is none."""
        lift = self.poses['lift_pose'][:3] - self.poses['pose'][:3]
        length = np.linalg.norm(lift)
        return lift / length if length > 0 else np.zeros(3)

    def approach(self, start: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
        """Poses [K, 7] on the way from `start` to the pre-grasp.

        As it was planned, else as `approach_poses` has it.
        """
        if self.way is not None:
            return self.way
        poses = self.poses
        return approach_poses(
            start,
            poses['pregrasp_pose'],
            poses['pose'],
            center=self.center,
            lift=poses['lift_pose'][:3] - poses['pose'][:3],
            palm_axis=self.palm_axis,
            distance=distance,
        )


def checked_postures(grasp: Grasp, hand: HandModel) -> Postures:
    """Return the postures of a grasp.

    Raises
    ------
    CommandError
        INVALID_COMMAND where the grasp is not of this hand, where postures are not finite or
        outside its limits (the squeeze may pass them, since only a push follows from it), or
        where a stiffness is not positive.
    InputError
        INVALID_INPUT for a name without an end, OUT_OF_RANGE for any number that is not finite.
    """
    if len(grasp.contacts) > _MOST_CONTACTS:
        raise CommandError(
            f'The grasp has {len(grasp.contacts)} contacts; expected at most {_MOST_CONTACTS}.'
        )
    check_texts(grasp)
    check_hand(grasp, hand)
    arrays = {
        name: np.asarray(getattr(grasp, name), dtype=np.float64)
        for name in ('pregrasp', 'grasp', 'squeeze', 'joint_stiffness')
    }
    if not len(grasp.joint_stiffness):
        arrays['joint_stiffness'] = hand.joint_stiffness
    for name, q in arrays.items():
        if q.shape != hand.lower.shape or not np.isfinite(q).all():
            raise CommandError(
                f"'{name}' is {quoted(q.tolist())}; expected {len(hand.lower)} finite numbers."
            )
        if name in ('pregrasp', 'grasp'):
            check_limits(q, hand, f"'{name}'")
    check_numbers(grasp, unknown=('opening_width', 'quality'))
    if not (arrays['joint_stiffness'] > 0).all():
        raise CommandError(
            f"'joint_stiffness' is {quoted(arrays['joint_stiffness'].tolist())}; expected numbers"
            ' above 0.'
        )
    # What a softer hand would press is no measure of what this one does.
    arrays['joint_stiffness'] = np.maximum(arrays['joint_stiffness'], hand.joint_stiffness)
    return Postures(stiffness=arrays.pop('joint_stiffness'), **arrays)


def within_efforts(
    postures: Postures, hand: HandModel, max_effort: float
) -> tuple[Postures, tuple[str, ...]]:
    """Cut a planned squeeze to what the joints' efforts allow from the grasp on.

    Returns
    -------
    postures
        With a squeeze for which kp (squeeze - grasp) is within `max_effort` of each limit.
    names
        The joints for which that made a difference; whoever commands it should say so.

    Raises
    ------
    CommandError
        EFFORT_LIMIT where it asks for more than any plan of this package does.
    """
    rest, kp = postures.grasp, postures.stiffness
    check_effort(hand, rest, postures.squeeze, kp, _MOST_EFFORT * max_effort)
    most = max_effort * hand.effort_limits / kp
    squeeze = np.clip(postures.squeeze, rest - most, rest + most)
    cut = np.flatnonzero(np.abs(squeeze - postures.squeeze) > LIMIT_TOLERANCE)
    return dataclasses.replace(postures, squeeze=squeeze), tuple(hand.joint_names[i] for i in cut)


def execution_plan(
    goal: ExecuteGrasp.Goal, hand: HandModel, config: HandCommandParameters
) -> Plan:
    """Phases of a goal, with everything checked that can be before something moves.

    Raises
    ------
    CommandError
        INVALID_COMMAND for a grasp that cannot be commanded, EFFORT_LIMIT for a squeeze that asks
        for too much, OUT_OF_RANGE for the goal's numbers.
    InputError
        OUT_OF_RANGE for a pose that is none.
    """
    _check_numbers(goal)
    grasp = goal.grasp
    postures, limited = checked_postures(grasp, hand), ()
    if goal.hold_force > 0:
        # Who names a force wants it; less in some joint would be another one.
        postures = _scaled(postures, grasp, goal.hold_force)
        rest, kp = postures.grasp, postures.stiffness
        check_effort(hand, rest, postures.squeeze, kp, config.max_effort)
    else:
        postures, limited = within_efforts(postures, hand, config.max_effort)
    poses = {}
    if not goal.fingers_only:
        if grasp.hand_frame != hand.hand_frame or grasp.header.frame_id in ('', hand.hand_frame):
            raise CommandError(
                f"The grasp places '{grasp.hand_frame}' in '{grasp.header.frame_id}'; expected"
                f" '{hand.hand_frame}' in another frame, which is named."
            )
        poses = _poses(grasp, lifts=not (goal.stop_before_lift or goal.carry_only))
        poses |= {_carry(k): pose_array(pose) for k, pose in enumerate(goal.carry_poses)}
    elif goal.carry_poses:
        raise CommandError(
            f"'carry_poses' has {len(goal.carry_poses)} poses; expected none with 'fingers_only'."
        )
    if goal.carry_only and not goal.carry_poses and not goal.open_at_end:
        raise CommandError(
            "'carry_only' has nothing to do; expected 'carry_poses' or 'open_at_end'."
        )
    return Plan(
        phases=_phases(goal, postures, config),
        postures=postures,
        frame=grasp.header.frame_id,
        hand_frame=hand.hand_frame,
        poses=poses,
        center=_center(grasp, hand, poses.get('pose')),
        palm_axis=pose_to_matrix(hand.palm_pose)[:3, 2],
        limited=limited,
        speed_scale=goal.speed_scale,
    )


def _poses(grasp: Grasp, lifts: bool) -> dict[str, NDArray[np.float64]]:
    """Poses [7] of the wrist by field; one that nobody has filled in is refused."""
    poses = {}
    for name in ('pregrasp_pose', 'pose', 'lift_pose'):
        pose = getattr(grasp, name)
        turn = pose.orientation
        if pose != Pose() and any((turn.x, turn.y, turn.z, turn.w)):
            poses[name] = pose_array(pose)
        elif name != 'lift_pose' or lifts:
            raise CommandError(
                f"'{name}' is not filled in; expected where '{grasp.hand_frame}' is to be in"
                f" '{grasp.header.frame_id}', or a goal with 'fingers_only'."
            )
    return {'lift_pose': poses['pose']} | poses


def _carry(number: int) -> str:
    return f'carry_poses[{number}]'


def _phases(
    goal: ExecuteGrasp.Goal, postures: Postures, config: HandCommandParameters
) -> tuple[Phase, ...]:
    stamp = stamp_to_nanoseconds(goal.grasp.header.stamp)
    pause = goal.hold_time or config.hold_time
    arm = not goal.fingers_only
    phases = [
        Phase(
            name='pregrasp',
            fingers=postures.pregrasp,
            free=True,
            wrist='pregrasp_pose' if arm else '',
            stamp=stamp,
        ),
        Phase(name='grasp', fingers=postures.grasp, wrist='pose' if arm else '', stamp=stamp),
        Phase(name='squeeze', fingers=postures.squeeze, presses=True, stamp=stamp),
        Phase(name='hold', pause=pause),
    ]
    if goal.carry_only:
        phases = []
    elif arm and not goal.stop_before_lift:
        phases.append(Phase(name='lift', wrist='lift_pose', pause=pause))
    phases += [Phase(name='carry', wrist=_carry(k)) for k in range(len(goal.carry_poses))]
    if goal.open_at_end:
        phases.append(Phase(name='open', fingers=postures.pregrasp, free=True))
    return tuple(phases)


def _check_numbers(goal: ExecuteGrasp.Goal) -> None:
    """Refuse numbers outside their ranges; NaN is outside each."""
    ranges = {
        'speed_scale': (_LEAST_SPEED <= goal.speed_scale <= 1, f'{_LEAST_SPEED:g} to 1'),
        'hold_force': (0 <= goal.hold_force < math.inf, '0 N or more'),
        'hold_time': (0 <= goal.hold_time < math.inf, '0 s or more'),
        'time_limit': (goal.time_limit >= 0, '0 s or more'),
    }
    for name, (fits, expected) in ranges.items():
        if not fits:
            raise CommandError(
                f"'{name}' is {getattr(goal, name)}; expected {expected}.", ErrorCode.OUT_OF_RANGE
            )


def _scaled(postures: Postures, grasp: Grasp, force: float) -> Postures:
    """Postures whose squeeze presses with `force` [N], the sum of the contacts' normal forces.

    A joint gives kp (squeeze - grasp), so all forces grow with that distance.
    """
    planned = sum(
        c.force.x * c.normal.x + c.force.y * c.normal.y + c.force.z * c.normal.z
        for c in grasp.contacts
    )
    if not 0 < planned < math.inf:
        raise CommandError(
            f"'hold_force' is {force:g} N, but the {len(grasp.contacts)} contacts of the grasp"
            f' carry {planned:g} N; expected contacts with the forces of the squeeze, or 0.'
        )
    step = force / planned * (postures.squeeze - postures.grasp)
    return dataclasses.replace(postures, squeeze=postures.grasp + step)


def _center(grasp: Grasp, hand: HandModel, pose: NDArray | None) -> NDArray[np.float64]:
    """Middle of the contacts [3] m; without any, a point in front of the palm."""
    if grasp.contacts:
        return np.mean([(c.point.x, c.point.y, c.point.z) for c in grasp.contacts], axis=0)
    if pose is None:
        return np.zeros(3)
    palm = pose_to_matrix(pose) @ pose_to_matrix(hand.palm_pose)
    return palm[:3, 3] + _PALM_DEPTH * palm[:3, 2]
