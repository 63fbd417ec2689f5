"""The action `execute_grasp`, as ROS sees it.

A goal ends as those of `grasp_node` do: by its work, a cancel request, a newer goal, its time
limit, disabling, the node's deactivation, or another hand in `robot_description`, whatever comes
first. Its one terminal state follows at once, and whatever ends it early stops the hand where it
is. While another hand is loaded, goals are rejected.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence

from numpy.typing import NDArray
from rclpy.action import CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from rclpy.timer import Timer

from dexgrasp_msgs.action import ExecuteGrasp
from dexgrasp_ros.bridge.servers import ReachingActionServer
from dexgrasp_ros.core.errors import CommandError, DexGraspError, ErrorCode, choices
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.nodes.execution.command_gate import CommandGate
from dexgrasp_ros.nodes.execution.goal import Execution
from dexgrasp_ros.nodes.execution.joint_feed import JointFeed
from dexgrasp_ros.nodes.execution.parameters import HandCommandParameters
from dexgrasp_ros.nodes.execution.way_planner import WayPlanner
from dexgrasp_ros.nodes.shared.goal_end import end_goal
from dexgrasp_ros.nodes.shared.time_limit import RESULT_TIMEOUT, time_limit
from dexgrasp_ros.nodes.shared.worker import settle

_TICK = 0.02  # s between two looks at a robot that moves
_FEEDBACK_PERIOD = 0.1  # s between two feedbacks of one phase
_LOOK_PERIOD = 1.0  # s between two looks whether somebody still moves a simulation's clock


@dataclasses.dataclass
class _Job:
    """A goal that was accepted and has no terminal state yet."""

    handle: ServerGoalHandle
    execution: Execution
    outcome: Future
    timers: list[Timer] = dataclasses.field(default_factory=list)
    told: tuple[str, float] = ('', -math.inf)  # phase and time [s] of the last feedback


class ExecutionServer:
    """See the module.

    Parameters
    ----------
    node
        Has the executor, whose one thread everything here runs on.
    config, is_active
        Give the present parameters and whether the node is active.
    gate
        What every command passes.
    wrist
        Gives the newest pose T_frame_hand [7] of two frames, and its stamp [ns].
    planner
        Of ways to pre-grasps.
    """

    def __init__(
        self,
        node: Node,
        config: Callable[[], HandCommandParameters],
        is_active: Callable[[], bool],
        gate: CommandGate,
        wrist: Callable[[str, str], tuple[NDArray, int]],
        planner: WayPlanner,
    ) -> None:
        self._node, self._config, self._is_active = node, config, is_active
        self._gate, self._wrist, self._planner = gate, wrist, planner
        # Durations are real ones, even where a simulation's clock stands still.
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._server: ReachingActionServer | None = None
        self._hand: HandModel | None = None  # None: goals are rejected
        self._joints: JointFeed | None = None
        self._job: _Job | None = None  # of the newest goal
        # Goals whose execution has not begun; a newer one may be accepted before that.
        self._accepted: dict[bytes, _Job] = {}
        self._joint_names: tuple[str, ...] = ()  # of the newest hand
        self.holds = False  # whether the last goal left the hand closed about something
        self.goals = 0
        self.last = 'none yet'  # how the last goal ended

    @property
    def is_busy(self) -> bool:
        """Whether a goal is under way."""
        return self._job is not None and not self._job.outcome.done()

    @property
    def phase(self) -> str:
        """Phase of the newest goal."""
        return '' if self._job is None else self._job.execution.phase

    def use(self, hand: HandModel | None, joints: JointFeed | None) -> None:
        """Take goals for this hand from now on; None while there is none."""
        if hand is not None and hand.joint_names != self._joint_names:
            self._joint_names, self.holds = hand.joint_names, False
        self._hand, self._joints = hand, joints

    def offer(self) -> None:
        """Offer the action."""
        if self._server is None:
            self._server = ReachingActionServer(
                self._node,
                ExecuteGrasp,
                'execute_grasp',
                execute_callback=self._execute,
                goal_callback=self._on_goal,
                handle_accepted_callback=self._on_accepted,
                cancel_callback=self._on_cancel,
                callback_group=ReentrantCallbackGroup(),
                result_timeout=RESULT_TIMEOUT,
            )

    def end(self, code: ErrorCode, sentence: str) -> None:
        """End the goal that is under way, if there is one."""
        if self._job is not None:
            self._settle(self._job, CommandError(sentence, code))

    def _on_goal(self, _goal: ExecuteGrasp.Goal) -> GoalResponse:
        # What a goal asks for is checked by its work, since a rejection carries no reason.
        if self._hand is None:
            self._node.get_logger().warning('Rejected a goal: there is no hand, or not yet.')
        ready = self._is_active() and self._hand is not None
        return GoalResponse.ACCEPT if ready else GoalResponse.REJECT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self.end(ErrorCode.PREEMPTED, 'A newer goal took the place of this one.')
        execution = Execution(
            handle.request,
            self._hand,
            self._config,
            self._gate,
            self._joints,
            self._wrist,
            lambda: self._node.get_clock().now().nanoseconds,
            self._planner,
        )
        job = _Job(
            handle=handle, execution=execution, outcome=Future(executor=self._node.executor)
        )
        self._job = self._accepted[bytes(handle.goal_id.uuid)] = job
        self.goals += 1
        handle.execute()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        job = self._job
        if job is None or job.handle != handle or job.outcome.done():
            return CancelResponse.REJECT
        self.end(ErrorCode.CANCELLED, 'The goal was cancelled.')
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> ExecuteGrasp.Result:
        job = self._accepted.pop(bytes(handle.goal_id.uuid))
        error = None
        try:
            self._begin(job)
            await job.outcome
        except Exception as raised:
            error = raised
            self._settle(job, raised)  # nothing may go on that could not be begun
        for timer in job.timers:
            self._node.destroy_timer(timer)
        result = job.execution.result(error)
        self.last = _summary(result)
        self._node.get_logger().info(self.last)
        end_goal(self._node, handle, result, error)
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
        if limited := job.execution.limited:
            self._node.get_logger().warning(limited_sentence(limited))
        job.timers = [
            self._node.create_timer(period, functools.partial(look, job), clock=self._steady)
            for period, look in ((_TICK, self._tick), (_LOOK_PERIOD, self._check_clock))
        ]
        limit = job.handle.request.time_limit
        timer = time_limit(
            self._node, limit, lambda code, text: self._settle(job, CommandError(text, code))
        )
        if timer is not None:
            job.timers.append(timer)

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

    def _check_clock(self, job: _Job) -> None:
        """End a goal whose time nobody makes any more; while a simulation rests, goals wait."""
        is_simulated = self._node.get_clock().ros_time_is_active
        if is_simulated and not self._node.count_publishers('/clock'):
            gone = "Nobody publishes '/clock' any more; expected a simulation, for 'use_sim_time'."
            self._settle(job, CommandError(gone, ErrorCode.STALE_DATA))

    def _settle(self, job: _Job, error: BaseException | None) -> None:
        """Let a goal end, unless it has an outcome already; an early end stops the hand."""
        if job.outcome.done():
            return
        if error is None:
            self._gate.release()
            goal = job.handle.request
            self.holds = (self.holds or not goal.carry_only) and not goal.open_at_end
        else:
            # A goal that was refused says nothing about what the hand holds from before. And a
            # hand that holds something does not let go of it, unless holding is what is wrong.
            strained = isinstance(error, DexGraspError) and error.code == ErrorCode.EFFORT_LIMIT
            grips = self.holds or not job.handle.request.carry_only
            keep_grip = grips and job.execution.holds and not strained
            self._gate.stop(only_moving=not job.execution.has_moved, keep_grip=keep_grip)
            if job.execution.has_moved:
                self.holds = keep_grip
        settle(job.outcome, None, error)


def limited_sentence(joints: Sequence[str]) -> str:
    """Say that the planned squeeze of `joints` was cut."""
    return f'The squeeze of {choices(joints)} is cut to the effort limit.'


def _summary(result: ExecuteGrasp.Result) -> str:
    times = ', '.join(f'{t.phase} {t.seconds:.2f}' for t in result.timing)
    outcome = ErrorCode(result.error_code).name
    return f"{outcome} in phase '{result.phase}'; s: {times}. {result.error_message}".rstrip()
