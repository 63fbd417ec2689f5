"""One goal of `execute_grasp`: its phases one after the other, watched at every tick.

Nothing here waits: `tick` is called often, looks at the state of the robot, and sends what the
next phase needs. It raises what ends the goal; stopping the hand then is the caller's part.
`watch` says what is watched.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.geometry import age_text
from dexgrasp_ros.bridge.grasps import phase_times
from dexgrasp_ros.bridge.trajectories import (
    finger_time,
    finger_trajectory,
    pose_trajectory,
    travel_time,
    turn_angle,
)
from dexgrasp_ros.core.errors import CommandError, DexGraspError, ErrorCode
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.nodes.execution.command_gate import CommandGate
from dexgrasp_ros.nodes.execution.finger_topic import Answer
from dexgrasp_ros.nodes.execution.joint_feed import JointFeed, JointReading
from dexgrasp_ros.nodes.execution.motion import FingerMotion, WristMotion, in_time
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters
from dexgrasp_ros.nodes.execution.plan import Phase, execution_plan
from dexgrasp_ros.nodes.execution.watch import ExecutionWatch
from dexgrasp_ros.nodes.execution.way_planner import WayPlanner
from dexgrasp_ros.nodes.execution.workspace import check_course

Goal, Result, Feedback = ExecuteGrasp.Goal, ExecuteGrasp.Result, ExecuteGrasp.Feedback

_STILL_TIME = 0.3  # s without motion after which a finger that touches has arrived where it can
_STILL = 0.01  # rad in that time


class Execution:
    """See the module.

    Parameters
    ----------
    goal
        What is asked for.
    hand
        The node's hand.
    config
        Gives the present parameters.
    gate
        What every command passes.
    joints
        Where the joints are.
    wrist
        Gives the newest pose T_frame_hand [7] of two frames, and its stamp [ns] (0: fixed).
    clock
        Gives the time [ns] that stamps are compared with and motions take.
    planner
        Of the way to the pre-grasp.
    """

    def __init__(
        self,
        goal: Goal,
        hand: HandModel,
        config: Callable[[], HandCommandParameters],
        gate: CommandGate,
        joints: JointFeed,
        wrist: Callable[[str, str], tuple[NDArray[np.float64], int]],
        clock: Callable[[], int],
        planner: WayPlanner,
    ) -> None:
        self._goal, self._hand, self._config = goal, hand, config
        self._gate, self._joints, self._lookup, self._clock = gate, joints, wrist, clock
        self._planner = planner
        self._planned: Future[NDArray[np.float64]] | None = None  # until the first move
        self._watch = ExecutionWatch(hand, config)
        self._started = self._mark = time.perf_counter()
        self._timing: Counter[str] = Counter()
        self._index = -1  # of the phase that runs
        self._now = -math.inf  # s
        self._fingers: FingerMotion | None = None
        self._wrist: WristMotion | None = None
        self._begin = self._length = 0.0  # s, of the motion of the phase
        self._arrived_at: float | None = None
        self._past: deque[tuple[float, NDArray]] = deque()  # positions of the last moments

    def start(self) -> None:
        """Check the goal and make the first move, or begin to plan its way.

        Raises
        ------
        DexGraspError
            What ends the goal: see `tick`, `execution_plan` and `check_course`.
        """
        self._gate.check_allowed()
        self._plan = execution_plan(self._goal, self._hand, self._config())
        reading, pose = self._observe()
        self._check_course(reading, pose)
        if self._plan.approaches:
            self._planned = self._planner.plan(self._plan, self._hand, pose, reading.positions)
        if self._planned is None:
            self._enter(0, reading, pose)

    def tick(self) -> bool:
        """Look and act; true when the last phase is over.

        Raises
        ------
        DexGraspError
            COMMAND_DISABLED, STALE_DATA, TRANSFORM_UNAVAILABLE, TRACKING_FAILED, EFFORT_LIMIT,
            WAY_BLOCKED, and what the gate refuses a command with.
        """
        self._gate.check_allowed()
        reading, pose = self._observe()
        if self._planned is not None:
            if self._planned.done():
                self._plan = dataclasses.replace(self._plan, way=self._planned.result())
                self._lap()
                self._planned = None
                self._check_course(reading, pose)
                self._enter(0, reading, pose)
            return False
        self._watch.check_efforts(self._phase, reading.efforts, self._now)
        if self._fingers is not None:
            self._watch.check_fingers(self._phase, reading.positions, self._fingers, self._now)
        if pose is not None and self._wrist is not None:
            self._watch.check_wrist(self._phase, pose, self._wrist, self._now)
        if self._arrived_at is None and self._has_arrived(reading.positions, pose):
            self._arrived_at = self._now
        if self._arrived_at is None or self._now < self._arrived_at + self._phase.pause:
            return False
        self._lap()
        if self._index + 1 == len(self._plan.phases):
            return True
        self._enter(self._index + 1, reading, pose)
        return False

    @property
    def limited(self) -> tuple[str, ...]:
        """Joints whose planned squeeze was cut to their effort limit; once it has started."""
        return self._plan.limited

    @property
    def has_moved(self) -> bool:
        """Whether a command has left."""
        return self._fingers is not None or self._wrist is not None

    @property
    def holds(self) -> bool:
        """Whether the hand has the object, and the fingers have no more way to go."""
        return self.phase in ('hold', 'lift', 'carry')

    @property
    def phase(self) -> str:
        """Name of the phase that runs; empty before the first."""
        if self._planned is not None:
            return 'plan'
        return self._phase.name if self._index >= 0 else ''

    def feedback(self) -> Feedback:
        """How far it is."""
        if self._index < 0:
            return Feedback(phase=self.phase, elapsed=time.perf_counter() - self._started)
        span = self._length + self._phase.pause
        share = min(1.0, (self._now - self._begin) / span) if span > 0 else 1.0
        watch = self._watch
        return Feedback(
            phase=self.phase,
            fraction=(self._index + share) / len(self._plan.phases),
            tracking_error=watch.tracking[0],
            tracking_joint=watch.tracking[1],
            effort=watch.effort[0],
            effort_joint=watch.effort[1],
            elapsed=time.perf_counter() - self._started,
        )

    def result(self, error: BaseException | None = None) -> Result:
        """Return what came of it, with the code and sentence of `error`."""
        if error is not None:
            self._lap()
        result = Result(phase=self.phase, timing=phase_times(self._timing))
        if error is not None:
            result.error_code, result.error_message = error_fields(error)
        return result

    def _check_course(self, reading: JointReading, pose: NDArray | None) -> None:
        check_course(
            self._plan, self._hand, self._config(), self._starts(reading), pose, self._clock()
        )

    @property
    def _phase(self) -> Phase:
        return self._plan.phases[self._index]

    def _observe(self) -> tuple[JointReading, NDArray | None]:
        """Where the joints and the wrist are; None for a wrist that is not watched."""
        config, now = self._config(), self._clock()
        if now / 1e9 < self._now:
            raise DexGraspError(
                f'The clock went back from {self._now:.3f} to {now / 1e9:.3f} s.',
                ErrorCode.STALE_DATA,
            )
        self._now = now / 1e9
        reading = self._joints.read(now, config.joint_state_max_age)
        if not self._plan.poses:
            return reading, None
        plan = self._plan
        pose, stamp = self._lookup(plan.frame, plan.hand_frame)
        if not stamp:
            raise DexGraspError(
                f"'{plan.hand_frame}' is fixed to '{plan.frame}', so that no motion leads it to a"
                ' pose there; expected a grasp in a frame that stands still while the arm moves'
                " (parameter 'reference_frame' of the grasp node).",
                ErrorCode.TRANSFORM_UNAVAILABLE,
            )
        age = (now - stamp) / 1e9
        if not abs(age) <= config.wrist_max_age:
            raise DexGraspError(
                f"The newest transform from '{plan.hand_frame}' to '{plan.frame}' is"
                f' {age_text(age)}; expected at most {config.wrist_max_age:g} s.',
                ErrorCode.STALE_DATA,
            )
        return reading, pose

    def _enter(self, index: int, reading: JointReading, pose: NDArray | None) -> None:
        """Begin a phase: send what moves in it, fingers and wrist in time with each other."""
        self._index, phase = index, self._plan.phases[index]
        self._begin, self._length, self._arrived_at = self._now, 0.0, None
        self._past.clear()
        fingers, wrist = self._finger_motion(phase, reading), self._wrist_motion(phase, pose)
        if fingers is not None and wrist is not None:
            fingers, wrist = in_time(fingers, wrist, together=not phase.free)
        if fingers is not None:
            self._send_fingers(phase, fingers)
        if wrist is not None:
            self._send_wrist(phase, wrist)

    def _finger_motion(self, phase: Phase, reading: JointReading) -> FingerMotion | None:
        if phase.fingers is None:
            return None
        starts = self._starts(reading)
        speeds = self._plan.speed_scale * self._hand.velocity_limits
        length = finger_time(starts, phase.fingers, speeds)
        return FingerMotion(
            starts=starts,
            target=phase.fingers,
            begin=self._now,
            length=length,
            keeps_time=self._gate.fingers_keep_time,
        )

    def _starts(self, reading: JointReading) -> NDArray[np.float64]:
        """Positions [S, J] that a controller may start from."""
        told = self._gate.finger_target
        return np.stack([reading.positions] + ([] if told is None else [told]))

    def _wrist_motion(self, phase: Phase, pose: NDArray | None) -> WristMotion | None:
        if not phase.wrist:
            return None
        config, plan = self._config(), self._plan
        poses = plan.poses[phase.wrist][None]
        if phase.name == 'pregrasp' and not self._is_at(pose, poses[-1]):
            poses = plan.approach(pose, config.approach_distance)
        starts = np.stack([pose] + ([] if self._wrist is None else [self._wrist.poses[-1]]))
        linear, angular = (
            plan.speed_scale * speed
            for speed in (config.wrist_linear_speed, config.wrist_angular_speed)
        )
        spans = [
            travel_time(before, after, linear, angular)
            for before, after in zip([starts, *poses[:-1, None]], poses, strict=True)
        ]
        return WristMotion(starts=starts, poses=poses, times=np.cumsum(spans), begin=self._now)

    def _send_fingers(self, phase: Phase, motion: FingerMotion) -> None:
        plan = self._plan
        self._gate.send_fingers(
            finger_trajectory(self._hand.joint_names, [motion.target], [motion.length]),
            starts=motion.starts,
            speed_scale=plan.speed_scale,
            stamp=phase.stamp,
            rest=plan.postures.grasp if phase.presses else None,
            stiffness=plan.postures.stiffness,
            touches=not phase.free,
        )
        self._fingers, self._length = motion, max(self._length, motion.length)

    def _send_wrist(self, phase: Phase, motion: WristMotion) -> None:
        plan = self._plan
        self._gate.send_wrist(
            pose_trajectory(plan.frame, plan.hand_frame, motion.poses, motion.times),
            starts=motion.starts,
            speed_scale=plan.speed_scale,
            stamp=phase.stamp,
        )
        self._wrist, self._length = motion, max(self._length, float(motion.times[-1]))

    def _has_arrived(self, q: NDArray, pose: NDArray | None) -> bool:
        """Whether the phase's motion is over; fingers that touch end where they stop.

        Where the fingers' controller gives an answer, it is waited for; that fingers which move
        freely have arrived is for it to say, within its own tolerances.
        """
        config = self._config()
        self._past.append((self._now, q))
        while self._now - self._past[0][0] > _STILL_TIME:
            self._past.popleft()
        end = self._begin + self._length
        if self._now < end:
            return False
        late = self._now > end + config.settle_timeout
        if self._phase.wrist and not self._is_at(pose, self._wrist.poses[-1]):
            return self._must_arrive(late, f"The wrist '{self._plan.hand_frame}'")
        if self._phase.fingers is None:
            return True
        answer = self._gate.finger_answer
        if answer == Answer.PENDING:
            return self._must_arrive(late, 'By the word of their controller, the fingers')
        if answer == Answer.SUCCEEDED and self._phase.free:
            return True
        off = np.abs(q - self._fingers.target) / self._watch.scale
        if off.max() <= config.joint_tolerance:
            return True
        if self._phase.free:
            worst = int(np.argmax(off))
            name = f"Joint '{self._hand.joint_names[worst]}', {off[worst]:.3f} rad off,"
            return self._must_arrive(late, name)
        first, positions = self._past[0][0], np.stack([past for _, past in self._past])
        still = np.ptp(positions, axis=0) / self._watch.scale
        return late or (self._now - first > 0.8 * _STILL_TIME and still.max() <= _STILL)

    def _must_arrive(self, late: bool, what: str) -> bool:
        if late:
            raise CommandError(
                f"{what} did not arrive in the phase '{self.phase}' within"
                f' {self._config().settle_timeout:g} s after the time of its trajectory.',
                ErrorCode.TRACKING_FAILED,
            )
        return False

    def _is_at(self, pose: NDArray, target: NDArray) -> bool:
        config = self._config()
        way = np.linalg.norm(pose[:3] - target[:3])
        turn = turn_angle(pose, target)
        return bool(way <= config.wrist_tolerance and turn <= config.wrist_turn_tolerance)

    def _lap(self) -> None:
        now = time.perf_counter()
        if self.phase:
            self._timing[self.phase] += now - self._mark
        self._mark = now
