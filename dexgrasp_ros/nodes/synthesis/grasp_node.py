"""`grasp_node`: the action `synthesize_grasps`.

The work of a goal runs in a worker thread, all that ROS sees of it on the executor's thread. What
ends a goal first decides: its work, a cancel request, a newer goal, its time limit, the node's
deactivation, or another hand in `robot_description`. Its one terminal state follows at once; work
that cannot be interrupted finishes unseen, and the next goal's begins when it has, or when the
other hand is ready.

Publishes, latched, for each goal that came to an answer: `grasps`, `grasp_poses`, `grasp_markers`
(empty where there are no grasps), `joint_targets` and `wrist_targets` of the best grasp, and its
hand as a robot of its own, `planned_hand` with frames in tf.
`/diagnostics` says whether the kernels are there, on which device, and how the last goal went.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

from geometry_msgs.msg import PoseArray
from rclpy.action import CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from trajectory_msgs.msg import MultiDOFJointTrajectory
from visualization_msgs.msg import MarkerArray

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import GraspArray
from dexgrasp_ros.bridge.diagnostics import ERROR, OK, WARN, Diagnostics, Report
from dexgrasp_ros.bridge.markers import drawn_hand
from dexgrasp_ros.bridge.qos import latched_publisher, latched_subscription
from dexgrasp_ros.bridge.servers import ReachingActionServer
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import LONGEST_QUOTE, DeviceError, ErrorCode, SynthesisError
from dexgrasp_ros.hand import find_arm
from dexgrasp_ros.nodes.shared.goal_end import end_goal
from dexgrasp_ros.nodes.shared.hand_source import HandSource
from dexgrasp_ros.nodes.shared.held_hand import HeldHand, check_hand
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.present_joints import PresentJoints
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.shared.time_limit import RESULT_TIMEOUT, time_limit
from dexgrasp_ros.nodes.shared.worker import Worker, settle
from dexgrasp_ros.nodes.synthesis.object_source import ObjectSource
from dexgrasp_ros.nodes.synthesis.parameters import GraspParameters
from dexgrasp_ros.nodes.synthesis.planned_hand import PlannedHand
from dexgrasp_ros.nodes.synthesis.task import Answer, GraspTask
from dexgrasp_ros.nodes.synthesis.warm_up import warm_up
from dexgrasp_ros.synthesis.device import resolve_device

_FEEDBACK_PERIOD = 0.1  # s between two feedbacks of one phase

# How a goal ends that could have done better on a machine in order; diagnostics warn of it.
_FAULTS = ('DEVICE_UNAVAILABLE', 'OUT_OF_MEMORY', 'INTERNAL')
_TOPICS = {
    'grasps': GraspArray,
    'grasp_poses': PoseArray,
    'grasp_markers': MarkerArray,
    'joint_targets': JointState,
    'wrist_targets': MultiDOFJointTrajectory,
}


@dataclasses.dataclass
class _Job:
    """A goal that was accepted and has no terminal state yet."""

    handle: ServerGoalHandle
    task: GraspTask
    stop: threading.Event
    outcome: Future | None = None

    def end(self, code: ErrorCode, sentence: str) -> None:
        """Let the goal end now, unless it has an outcome already; on the executor's thread."""
        self.stop.set()
        settle(self.outcome, None, SynthesisError(sentence, code))


class GraspNode(AutostartNode[GraspParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('grasp_node', GraspParameters)
        overrides = QoSOverridingOptions.with_default_policies()
        self._topics = {
            topic: self.create_publisher(
                kind, topic, latched_publisher(), qos_overriding_options=overrides
            )
            for topic, kind in _TOPICS.items()
        }
        self._planned = PlannedHand(self)
        self._follow_token = ''  # of the node that moves the hand, see `follow_token` there
        self._tokens = self.create_subscription(
            String, 'follow_token', self._take_token, latched_subscription()
        )
        self._worker = Worker(self)
        self._transforms = transform_listener(self)
        self._source = ObjectSource(self)
        self._server: ReachingActionServer | None = None
        self._hands = HandSource(
            self,
            self._worker,
            lambda: self.config,
            on_change=lambda sentence: self._end_job(ErrorCode.PREEMPTED, sentence),
            prepare=self._prepare,
        )
        self._joints = PresentJoints(self)
        self._job: _Job | None = None  # of the newest goal
        # Goals whose execution has not begun; a newer one may be accepted before that.
        self._accepted: dict[bytes, _Job] = {}
        self._goals = 0
        self._last: dict[str, object] = {}  # about the last goal, for diagnostics
        self._diagnostics = Diagnostics(self, 'synthesis', self._report)

    def check_parameters(self, before: GraspParameters, after: GraspParameters) -> None:
        """Refuse a hand that there is not."""
        check_hand(before.hand, after.hand)

    def configure(self) -> None:
        """Load the hand and compile the kernels."""
        self._hands.configure()

    def _prepare(self, held: HeldHand) -> HeldHand:
        """Find the hand's arm, make what is drawn of it, and compile the kernels."""
        arm = find_arm(held.hand, flange=self.config.flange_link or None)
        hand = drawn_hand(held.hand)
        self.get_logger().info('Loading the kernels (compiled at first, which takes a minute).')
        seconds = warm_up(hand, self.config.synthesis)
        self.get_logger().info(
            f"Ready for '{hand.name}' ({len(hand.joint_names)} joints) after {seconds:.1f} s."
        )
        return dataclasses.replace(held, hand=hand, arm=arm)

    def activate(self) -> None:
        """Offer the action."""
        if self._server is None:
            self._server = ReachingActionServer(
                self,
                SynthesizeGrasps,
                'synthesize_grasps',
                execute_callback=self._execute,
                goal_callback=self._on_goal,
                handle_accepted_callback=self._on_accepted,
                cancel_callback=self._on_cancel,
                callback_group=ReentrantCallbackGroup(),
                result_timeout=RESULT_TIMEOUT,
            )

    def deactivate(self) -> None:
        """End the goal that is under way; further goals are rejected."""
        self._end_job(ErrorCode.PREEMPTED, 'The grasp node was deactivated.')

    def cleanup(self) -> None:
        """Forget the hand."""
        self._hands.clear()

    def _on_goal(self, _goal: SynthesizeGrasps.Goal) -> GoalResponse:
        # What a goal asks for is checked by its work, since a rejection carries no reason.
        return GoalResponse.ACCEPT if self.is_active else GoalResponse.REJECT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self._end_job(ErrorCode.PREEMPTED, 'A newer goal took the place of this one.')
        stop = threading.Event()
        task = GraspTask(
            handle.request,
            self.config,
            self._hands,
            self._source,
            self._transforms,
            self._joints,
            report=_throttled(lambda feedback: self._worker.call(self._feedback, job, feedback)),
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

    async def _execute(self, handle: ServerGoalHandle) -> SynthesizeGrasps.Result:
        job = self._accepted.pop(bytes(handle.goal_id.uuid))
        start, timer, failure = time.perf_counter(), None, None
        try:
            limit = handle.request.time_limit or self.config.synthesis.time_limit
            timer = time_limit(self, limit, job.end)
            answer = await job.outcome
            self._publish(answer)
            result = answer.result
        except Exception as error:
            job.stop.set()  # nobody waits for it any more, whatever went wrong here
            result, failure = job.task.result(error), error
        if timer is not None:
            self.destroy_timer(timer)
        self._goals += 1
        self._last = _about(result, time.perf_counter() - start)
        self.get_logger().info(_summary(result))
        end_goal(self, handle, result, failure)
        if failure is not None:
            failure.__traceback__ = None  # it holds this frame, whose job holds the error
        return result

    def _end_job(self, code: ErrorCode, sentence: str) -> None:
        if self._job is not None:
            self._job.end(code, sentence)

    def _feedback(self, job: _Job, feedback: SynthesizeGrasps.Feedback) -> None:
        if not job.outcome.done():
            job.handle.publish_feedback(feedback)

    def _take_token(self, message: String) -> None:
        if len(message.data) <= LONGEST_QUOTE:
            self._follow_token = message.data

    def _publish(self, answer: Answer) -> None:
        grasps = answer.result.grasps
        messages = {
            'grasps': GraspArray(
                header=grasps.header, grasps=grasps.grasps, follow_token=self._follow_token
            ),
            'grasp_poses': answer.poses,
            'grasp_markers': answer.markers,
            'joint_targets': answer.targets,
            'wrist_targets': answer.wrist,
        }
        for topic, message in messages.items():
            if message is not None:
                self._topics[topic].publish(message)
        if grasps.grasps and self.config.planned_prefix:
            self._planned.show(grasps.grasps[0], answer.hand, self.config.planned_prefix)

    def _report(self) -> Report:
        level, text, device = OK, 'Ready.', 'none'
        if self._hands.held is None:
            level, text = (
                WARN,
                'There is no hand; the node has to be configured, or described one.',
            )
        else:
            try:
                found = resolve_device(self.config.synthesis.device)
                device = f'{found.alias} ({found.name})'
            except DeviceError as error:
                level, text = ERROR, str(error)
            if level == OK and not self.is_active:
                text = 'Not active.'
            elif level == OK and self._job is not None and not self._job.outcome.done():
                text = 'Searches.'
            elif level == OK and self._last.get('last outcome') in _FAULTS:
                level, text = WARN, f'The last goal failed: {self._last["last error"]}'
        values = {
            'device': device,
            'kernels ready': self._hands.held is not None,
            'hand': 'none' if self._hands.held is None else self._hands.held.name,
            'goals': self._goals,
            **self._last,
        }
        return level, text, values


def _about(result: SynthesizeGrasps.Result, seconds: float) -> dict[str, object]:
    """Numbers of a goal for diagnostics."""
    rejected = {r.stage: r.count for r in result.rejected}
    valid = len(result.grasps.grasps)
    return {
        'last synthesis [s]': seconds,
        'last candidates': valid + sum(rejected.values()),
        'last valid': valid,
        'last rejects': ', '.join(f'{s} {n}' for s, n in rejected.items() if n) or 'none',
        'last outcome': ErrorCode(result.error_code).name,
        'last error': result.error_message,
    }


def _throttled(
    report: Callable[[SynthesizeGrasps.Feedback], None],
) -> Callable[[SynthesizeGrasps.Feedback], None]:
    """Pass on the first feedback of a phase, then one each `_FEEDBACK_PERIOD`."""
    phase, due = '', 0.0

    def maybe(feedback: SynthesizeGrasps.Feedback) -> None:
        nonlocal phase, due
        if feedback.phase != phase or feedback.elapsed >= due:
            phase, due = feedback.phase, feedback.elapsed + _FEEDBACK_PERIOD
            report(feedback)

    return maybe


def _summary(result: SynthesizeGrasps.Result) -> str:
    times = ', '.join(f'{t.phase} {t.seconds:.2f}' for t in result.timing)
    return f'{len(result.grasps.grasps)} grasps; s: {times}. {result.error_message}'.rstrip()


main = main_of(GraspNode)

if __name__ == '__main__':
    main()
