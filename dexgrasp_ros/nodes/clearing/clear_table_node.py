"""`clear_table_node`: the action `clear_table`, attempt after attempt until the table is empty.

It asks the other nodes by their services and actions only, as any client would: looks by
`reconstruct_objects`, searches by `synthesize_grasps`, moves by `execute_grasp`. What ends a goal
first decides: its work, a cancel request, a newer goal, its time limit, or the node's
deactivation. Its one terminal state follows at once; the motion that is under way is cancelled,
which stops the hand where it is.
"""

from __future__ import annotations

import dataclasses
import threading

from rclpy.action import CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future

from dexgrasp_msgs.action import ClearTable
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.diagnostics import OK, Diagnostics, Report
from dexgrasp_ros.bridge.servers import ReachingActionServer
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import ErrorCode, SynthesisError
from dexgrasp_ros.nodes.clearing.choosing import load_choice
from dexgrasp_ros.nodes.clearing.parameters import ClearTableParameters
from dexgrasp_ros.nodes.clearing.robot import Robot
from dexgrasp_ros.nodes.clearing.task import ClearingTask
from dexgrasp_ros.nodes.shared.goal_end import end_goal
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.present_joints import PresentJoints
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.shared.time_limit import RESULT_TIMEOUT, time_limit
from dexgrasp_ros.nodes.shared.worker import Worker, settle


@dataclasses.dataclass
class _Job:
    """A goal that was accepted and has no terminal state yet."""

    handle: ServerGoalHandle
    task: ClearingTask
    stop: threading.Event
    outcome: Future | None = None

    def end(self, code: ErrorCode, sentence: str) -> None:
        """Let the goal end now, unless it has an outcome already; on the executor's thread."""
        self.stop.set()
        settle(self.outcome, None, SynthesisError(sentence, code))


class ClearTableNode(AutostartNode[ClearTableParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('clear_table_node', ClearTableParameters)
        self._worker = Worker(self)
        self._transforms = transform_listener(self)
        self._joints = PresentJoints(self)
        self._client: GraspClient | None = None
        self._server: ReachingActionServer | None = None
        self._job: _Job | None = None  # of the newest goal
        # Goals whose execution has not begun; a newer one may be accepted before that.
        self._accepted: dict[bytes, _Job] = {}
        self._goals, self._last = 0, 'none yet'
        self._diagnostics = Diagnostics(self, 'clearing', self._report)

    def configure(self) -> None:
        """Make the strategy and the client."""
        self._choice = load_choice(self.config.strategy)
        self._client = GraspClient(
            namespace=self.get_namespace(), node_name=f'{self.get_name()}_client'
        )

    def activate(self) -> None:
        """Offer the action."""
        if self._server is None:
            self._server = ReachingActionServer(
                self,
                ClearTable,
                'clear_table',
                execute_callback=self._execute,
                goal_callback=self._on_goal,
                handle_accepted_callback=self._on_accepted,
                cancel_callback=self._on_cancel,
                callback_group=ReentrantCallbackGroup(),
                result_timeout=RESULT_TIMEOUT,
            )

    def deactivate(self) -> None:
        """End the goal that is under way; further goals are rejected."""
        self._end_job(ErrorCode.PREEMPTED, 'The clear table node was deactivated.')

    def cleanup(self) -> None:
        """Leave the graph."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _on_goal(self, _goal: ClearTable.Goal) -> GoalResponse:
        return GoalResponse.ACCEPT if self.is_active else GoalResponse.REJECT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self._end_job(ErrorCode.PREEMPTED, 'A newer goal took the place of this one.')
        stop, config = threading.Event(), self.config
        robot = Robot(
            self._client, config, lambda: self.get_clock().now().nanoseconds, stop.is_set
        )
        task = ClearingTask(
            handle.request,
            config,
            robot,
            self._choice,
            wrist=lambda frame, hand: self._transforms.newest(frame, hand)[0],
            positions=self._joints.positions,
            report=lambda feedback: self._worker.call(self._feedback, job, feedback),
            should_stop=stop.is_set,
        )
        job = self._job = _Job(handle=handle, task=task, stop=stop)
        job.outcome = self._worker.submit(task.run)
        self._accepted[bytes(handle.goal_id.uuid)] = job
        handle.execute()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        job = self._job
        if job is None or job.handle != handle or job.outcome.done():
            return CancelResponse.REJECT
        job.end(ErrorCode.CANCELLED, 'The goal was cancelled.')
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> ClearTable.Result:
        job = self._accepted.pop(bytes(handle.goal_id.uuid))
        timer = failure = None
        try:
            timer = time_limit(self, handle.request.time_limit, job.end)
            result = await job.outcome
        except Exception as error:
            job.stop.set()
            result, failure = job.task.result(error), error
        if timer is not None:
            self.destroy_timer(timer)
        self._goals += 1
        self._last = _summary(result)
        self.get_logger().info(self._last)
        end_goal(self, handle, result, failure)
        if failure is not None:
            failure.__traceback__ = None  # it holds this frame, whose job holds the error
        return result

    def _end_job(self, code: ErrorCode, sentence: str) -> None:
        if self._job is not None:
            self._job.end(code, sentence)

    def _feedback(self, job: _Job, feedback: ClearTable.Feedback) -> None:
        if not job.outcome.done():
            job.handle.publish_feedback(feedback)

    def _report(self) -> Report:
        busy = self._job is not None and not self._job.outcome.done()
        text = 'Clears.' if busy else 'Ready.' if self.is_active else 'Not active.'
        return OK, text, {'goals': self._goals, 'last goal': self._last}


def _summary(result: ClearTable.Result) -> str:
    outcomes = ', '.join(r.outcome for r in result.reports) or 'none'
    return (
        f'{result.cleared} of {result.objects} objects cleared in {result.attempts} attempts'
        f' ({outcomes}). {result.error_message}'
    ).rstrip()


main = main_of(ClearTableNode)

if __name__ == '__main__':
    main()
