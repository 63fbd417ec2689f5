"""`hand_command_node`: what moves a hand, once that is allowed.

The action `execute_grasp` carries out one grasp, watched phase by phase (see `execution`). With
`follow_grasps`, the fingers also close on the best grasp of each `grasps` that arrives while no
goal runs: pregrasp, grasp and squeeze at a share of the velocity limits, unwatched.

Everything that leaves passes one gate (see `command_gate`), which is shut until the parameter
`command_enabled` is true. Grasps that came before that, that are empty, of another hand, outside
the joints' limits or from an image older than `max_age` move nothing.

A goal ends as those of `grasp_node` do: by its work, a cancel request, a newer goal, its time
limit, disabling, or the node's deactivation, whatever comes first. Its one terminal state follows
at once, and whatever ends it early stops the hand where it is.
"""

from __future__ import annotations

import dataclasses
import math
import traceback

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from numpy.typing import NDArray
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.task import Future
from rclpy.timer import Timer
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_msgs.msg import Grasp, GraspArray
from dexgrasp_ros.bridge.diagnostics import OK, WARN, diagnostics_message
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.grasps import joint_trajectory
from dexgrasp_ros.bridge.qos import latched_subscription, sensor_data, standard
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import CommandError, DexGraspError, ErrorCode, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.command_gate import CommandGate
from dexgrasp_ros.nodes.configuration import HandCommandParameters
from dexgrasp_ros.nodes.execution import Execution
from dexgrasp_ros.nodes.execution_plan import checked_postures, within_efforts
from dexgrasp_ros.nodes.joint_feed import JointFeed
from dexgrasp_ros.nodes.lifecycle import AutostartNode
from dexgrasp_ros.nodes.process import main_of
from dexgrasp_ros.nodes.worker import settle

_TICK = 0.02  # s between two looks at a robot that moves
_FEEDBACK_PERIOD = 0.1  # s between two feedbacks of one phase
_DIAGNOSTICS_PERIOD = 1.0  # s, as diagnostic_updater has it
# A joint without limits is at most half a turn from anywhere.
_HALF_TURN = np.pi


@dataclasses.dataclass
class _Job:
    """A goal that was accepted and has no terminal state yet."""

    handle: ServerGoalHandle
    execution: Execution
    outcome: Future
    timers: list[Timer] = dataclasses.field(default_factory=list)
    told: tuple[str, float] = ('', -math.inf)  # phase and time [s] of the last feedback


class HandCommandNode(AutostartNode[HandCommandParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('hand_command_node', HandCommandParameters)
        overrides = QoSOverridingOptions.with_default_policies()
        self._gate = CommandGate(self, lambda: self.config, lambda: self.is_active)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', standard())
        self._transforms = transform_listener(self)
        # Durations are real ones, even where a simulation's clock stands still.
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._hand: HandModel | None = None
        self._joints: JointFeed | None = None
        self._server: ActionServer | None = None
        self._job: _Job | None = None  # of the newest goal
        # Goals whose execution has not begun; a newer one may be accepted before that.
        self._accepted: dict[bytes, _Job] = {}
        self._last = 'none yet'  # how the last goal ended
        self._goals = 0
        self._inputs = [
            self.create_subscription(
                GraspArray,
                'grasps',
                self._take_grasps,
                latched_subscription(),
                qos_overriding_options=overrides,
            ),
            self.create_subscription(
                JointState,
                'joint_states',
                self._take_state,
                sensor_data(),
                qos_overriding_options=overrides,
            ),
        ]
        self.create_timer(_DIAGNOSTICS_PERIOD, self._diagnose, clock=self._steady)

    def configure(self) -> None:
        """Load the hand."""
        self._hand = load_hand(self.config.hand)
        self._joints = JointFeed(self._hand.joint_names)
        self._gate.configure(self._hand)

    def activate(self) -> None:
        """Offer the action."""
        if self._server is None:
            self._server = ActionServer(
                self,
                ExecuteGrasp,
                'execute_grasp',
                execute_callback=self._execute,
                goal_callback=self._on_goal,
                handle_accepted_callback=self._on_accepted,
                cancel_callback=self._on_cancel,
                callback_group=ReentrantCallbackGroup(),
            )

    def deactivate(self) -> None:
        """End the goal that is under way and stop the hand; further goals are rejected."""
        self._end_job(ErrorCode.PREEMPTED, 'The hand command node was deactivated.')
        self._gate.stop(only_moving=True)

    def cleanup(self) -> None:
        """Forget the hand."""
        self._hand = self._joints = None

    def reconfigure(self, before: HandCommandParameters, after: HandCommandParameters) -> None:
        """Stop what moves once commands are no longer wanted."""
        if before.command_enabled and not after.command_enabled:
            self._end_job(ErrorCode.COMMAND_DISABLED, "'command_enabled' was set to false.")
            self._gate.stop(only_moving=True)

    def _take_state(self, message: JointState) -> None:
        if self._joints is not None:
            self._joints.take(message)

    # The action.

    def _on_goal(self, _goal: ExecuteGrasp.Goal) -> GoalResponse:
        # What a goal asks for is checked by its work, since a rejection carries no reason.
        return GoalResponse.ACCEPT if self.is_active else GoalResponse.REJECT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self._end_job(ErrorCode.PREEMPTED, 'A newer goal took the place of this one.')
        execution = Execution(
            handle.request,
            self._hand,
            lambda: self.config,
            self._gate,
            self._joints,
            self._transforms.newest,
            lambda: self.get_clock().now().nanoseconds,
        )
        job = _Job(handle=handle, execution=execution, outcome=Future(executor=self.executor))
        self._job = self._accepted[bytes(handle.goal_id.uuid)] = job
        self._goals += 1
        handle.execute()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        job = self._job
        if job is None or job.handle != handle or job.outcome.done():
            return CancelResponse.REJECT
        self._end_job(ErrorCode.CANCELLED, 'The goal was cancelled.')
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> ExecuteGrasp.Result:
        job = self._accepted.pop(bytes(handle.goal_id.uuid))
        self._begin(job)
        error = None
        try:
            await job.outcome
        except Exception as raised:
            error = raised
        for timer in job.timers:
            self.destroy_timer(timer)
        result = job.execution.result(error)
        if result.error_code == ErrorCode.INTERNAL:
            self.get_logger().error(''.join(traceback.format_exception(error)))
        self._last = _summary(result)
        self.get_logger().info(self._last)
        if error is None:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return result

    def _begin(self, job: _Job) -> None:
        """Make the first move, unless something has ended the goal already."""
        if job.outcome.done():
            return
        try:
            job.execution.start()
        except Exception as error:
            self._settle(job, error)
            return
        self._tell_limited(job.execution.limited)
        job.timers.append(self.create_timer(_TICK, lambda: self._tick(job), clock=self._steady))
        limit = job.handle.request.time_limit
        if 0 < limit < math.inf:
            sentence = f'The goal took longer than its limit of {limit:g} s.'
            error = CommandError(sentence, ErrorCode.TIME_LIMIT)
            job.timers.append(
                self.create_timer(limit, lambda: self._settle(job, error), clock=self._steady)
            )

    def _tick(self, job: _Job) -> None:
        if job.outcome.done():
            return
        try:
            over = job.execution.tick()
        except Exception as error:
            self._settle(job, error)
            return
        feedback = job.execution.feedback()
        phase, time = job.told
        if feedback.phase != phase or feedback.elapsed - time >= _FEEDBACK_PERIOD or over:
            job.told = (feedback.phase, feedback.elapsed)
            job.handle.publish_feedback(feedback)
        if over:
            self._settle(job, None)

    def _end_job(self, code: ErrorCode, sentence: str) -> None:
        if self._job is not None:
            self._settle(self._job, CommandError(sentence, code))

    def _settle(self, job: _Job, error: BaseException | None) -> None:
        """Let a goal end, unless it has an outcome already; an early end stops the hand."""
        if job.outcome.done():
            return
        if error is None:
            self._gate.release()
        else:
            # A goal that was refused says nothing about what the hand holds from before.
            self._gate.stop(only_moving=not job.execution.has_moved)
        settle(job.outcome, None, error)

    # The grasps that are followed unasked.

    def _take_grasps(self, message: GraspArray) -> None:
        config = self.config
        if not (self.is_active and config.command_enabled and config.follow_grasps):
            return
        if not message.grasps or (self._job is not None and not self._job.outcome.done()):
            return
        grasp = message.grasps[0]
        try:
            end = self._follow(grasp)
        except DexGraspError as error:
            self.get_logger().error(f'No command: {error}')
            return
        self.get_logger().info(
            f"Commanded the best of {len(message.grasps)} grasps of '{grasp.object_id}', which"
            f' takes {end:.2f} s.'
        )

    def _follow(self, grasp: Grasp) -> float:
        """Send the fingers through a grasp; return the seconds that takes.

        Raises
        ------
        DexGraspError
            What the gate refuses it with.
        """
        hand, scale = self._hand, self.config.speed_scale
        postures, limited = within_efforts(
            checked_postures(grasp, hand), hand, self.config.max_effort
        )
        self._tell_limited(limited)
        grasp.squeeze = postures.squeeze.tolist()
        start = self._start_posture(postures.pregrasp)
        trajectory = joint_trajectory(
            grasp,
            start,
            dict(zip(hand.joint_names, hand.velocity_limits, strict=True)),
            header=Header(frame_id=grasp.hand_frame),
            speed_scale=scale,
        )
        self._gate.send_fingers(
            trajectory,
            starts=start,
            speed_scale=scale,
            stamp=stamp_to_nanoseconds(grasp.header.stamp),
            rest=postures.grasp,
            stiffness=postures.stiffness,
        )
        end = trajectory.points[-1].time_from_start
        return end.sec + end.nanosec / 1e9

    def _start_posture(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where the hand is; where nobody says so recently, as far from `target` as it can be.

        The trajectory then takes longer than it need, but no joint is asked for more than its
        speed.
        """
        hand, now = self._hand, self.get_clock().now().nanoseconds
        try:
            return self._joints.read(now, self.config.joint_state_max_age).positions
        except DexGraspError:
            lower = np.where(np.isfinite(hand.lower), hand.lower, target - _HALF_TURN)
            upper = np.where(np.isfinite(hand.upper), hand.upper, target + _HALF_TURN)
            return np.where(target - lower > upper - target, lower, upper)

    def _tell_limited(self, joints: tuple[str, ...]) -> None:
        if joints:
            self.get_logger().warning(
                f'The squeeze of {choices(joints)} is cut to the effort limit.'
            )

    def _diagnose(self) -> None:
        config, now = self.config, self.get_clock().now().nanoseconds
        age = self._joints.age(now) if self._joints is not None else math.inf
        busy = self._job is not None and not self._job.outcome.done()
        level, text = OK, 'Ready.'
        if busy:
            text = f"Executes a grasp: '{self._job.execution.phase}'."
        elif not self.is_active:
            text = 'Not active.'
        elif not config.command_enabled:
            text = 'Commands are not enabled.'
        elif not age <= config.joint_state_max_age:
            level, text = WARN, f'The newest joint states are {age:.1f} s old.'
        values = {
            'commands enabled': config.command_enabled,
            'age of joint states [s]': age,
            'goals': self._goals,
            'last goal': self._last,
        }
        name = f'{self.get_fully_qualified_name()}: commands'
        self._diagnostics.publish(diagnostics_message(now, name, level, text, values))


def _summary(result: ExecuteGrasp.Result) -> str:
    times = ', '.join(f'{t.phase} {t.seconds:.2f}' for t in result.timing)
    outcome = ErrorCode(result.error_code).name
    return f"{outcome} in phase '{result.phase}'; s: {times}. {result.error_message}".rstrip()


main = main_of(HandCommandNode)

if __name__ == '__main__':
    main()
