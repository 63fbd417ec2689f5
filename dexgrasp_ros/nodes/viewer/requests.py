"""What the buttons of the page ask of other nodes, one thing at a time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future

from dexgrasp_msgs.action import ExecuteGrasp, SynthesizeGrasps
from dexgrasp_msgs.msg import Grasp
from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.bridge.server_watch import ServerWatch
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.nodes.viewer.parameters import ViewerParameters
from dexgrasp_ros.viewer import GraspPage

_LOOK_PERIOD = 0.5  # s between two looks whether who works is still there


@dataclasses.dataclass
class _Job:
    """Something that was asked for and has no end yet."""

    name: str  # of the service or action
    is_offered: Callable[[], bool]  # of what is under way: by the node that took it
    handle: ClientGoalHandle | None = None  # of a goal, once it is accepted
    is_stopped: bool = False


class ViewerRequests:
    """Service and action clients of a node, whose progress and end a page shows.

    All methods are for the executor's thread. A job that nobody can end (its node is gone, or its
    service cannot be interrupted) is given up; what comes of it later changes nothing.
    """

    def __init__(
        self,
        node: Node,
        page: Callable[[], GraspPage | None],
        config: Callable[[], ViewerParameters],
    ) -> None:
        self._node, self._page, self._config = node, page, config
        group = ReentrantCallbackGroup()
        self._reconstruct = node.create_client(
            ReconstructObjects, 'reconstruct_objects', callback_group=group
        )
        self._synthesize = ActionClient(
            node, SynthesizeGrasps, 'synthesize_grasps', callback_group=group
        )
        self._execute = ActionClient(node, ExecuteGrasp, 'execute_grasp', callback_group=group)
        self._job: _Job | None = None
        node.create_timer(_LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def reconstruct(self) -> None:
        """Mesh all objects of the newest image."""
        job = self._begin('reconstruct_objects', self._reconstruct.service_is_ready)
        if job is not None:
            server = ServerWatch(self._node, job.name, is_service=True)
            job.is_offered = lambda: not server.is_gone() and self._reconstruct.service_is_ready()
            future = self._reconstruct.call_async(ReconstructObjects.Request())
            future.add_done_callback(lambda f: self._finish(job, f, _objects_sentence))

    def synthesize(self) -> None:
        """Search grasps of all objects."""
        goal = SynthesizeGrasps.Goal(
            label=SynthesizeGrasps.Goal.LABEL_ALL, max_grasps=self._config().max_grasps
        )
        self._send(self._synthesize, 'synthesize_grasps', goal, _grasps_sentence)

    def execute(self, grasp: Grasp) -> None:
        """Carry out a grasp; whoever commands the hand decides whether that is allowed."""
        config = self._config()
        goal = ExecuteGrasp.Goal(
            grasp=grasp,
            speed_scale=config.speed_scale,
            fingers_only=config.fingers_only,
            stop_before_lift=config.stop_before_lift,
        )
        self._send(self._execute, 'execute_grasp', goal, lambda _r: 'The grasp was carried out.')

    def stop(self) -> None:
        """End what is under way."""
        job = self._job
        if job is None:
            return
        job.is_stopped = True
        if job.name == 'reconstruct_objects':
            self._end(job, 'Stopped; what the reconstruction finds is shown when it comes.')
            return
        self._say(f"Stopping '{job.name}' …")
        if job.handle is not None:
            job.handle.cancel_goal_async()

    def _begin(self, name: str, is_offered: Callable[[], bool]) -> _Job | None:
        if self._job is not None:  # another browser was faster
            return None
        if not is_offered():
            self._say(
                f"Nobody offers '{name}'; is its node running in namespace"
                f" '{self._node.get_namespace()}' of the same ROS domain?",
                error=True,
            )
            return None
        self._job = _Job(name=name, is_offered=is_offered)
        self._progress(0.0)
        self._say(f"Waiting for '{name}' …")
        return self._job

    def _send(
        self, client: ActionClient, name: str, goal: Any, sentence: Callable[[Any], str]
    ) -> None:
        job = self._begin(name, client.server_is_ready)
        if job is not None:
            future = client.send_goal_async(goal, lambda m: self._feedback(job, m.feedback))
            future.add_done_callback(lambda f: self._on_answer(job, f, sentence))

    def _on_answer(self, job: _Job, future: Future, sentence: Callable[[Any], str]) -> None:
        if future.exception() is not None:
            self._end(job, f"'{job.name}' failed: {future.exception()}", error=True)
            return
        handle = future.result()
        if not handle.accepted:
            self._end(job, f"'{job.name}' rejected the goal: its node is not active.", error=True)
            return
        job.handle, server = handle, ServerWatch(self._node, job.name)
        job.is_offered = lambda: not server.is_gone()
        if job.is_stopped or job is not self._job:
            handle.cancel_goal_async()
        handle.get_result_async().add_done_callback(lambda f: self._finish(job, f, sentence))

    def _finish(self, job: _Job, future: Future, sentence: Callable[[Any], str]) -> None:
        if future.exception() is not None:
            self._end(job, f"'{job.name}' failed: {future.exception()}", error=True)
            return
        answer = future.result()
        result = getattr(answer, 'result', answer)  # of an action, or the response of a service
        if result.error_code == ErrorCode.SUCCESS:
            self._end(job, sentence(result))
        else:
            name = _code_name(result.error_code)
            self._end(job, f'{name}: {result.error_message}', error=not job.is_stopped)

    def _feedback(self, job: _Job, feedback: Any) -> None:
        if job is self._job and not job.is_stopped:
            self._progress(feedback.fraction)
            self._say(_feedback_sentence(feedback))

    def _end(self, job: _Job, text: str, *, error: bool = False) -> None:
        if job is self._job:
            self._job = None
            self._progress(None)
            self._say(text, error=error)

    def _look(self) -> None:
        """Give up a job whose node is gone: its end would never come."""
        job = self._job
        if job is not None and not job.is_offered():
            if job.handle is not None:  # in case it is only out of reach
                job.handle.cancel_goal_async()
            self._end(job, f"Whoever offered '{job.name}' is gone.", error=True)

    def _say(self, text: str, *, error: bool = False) -> None:
        if error:
            self._node.get_logger().warning(text)
        if (page := self._page()) is not None:
            page.say(text, error=error)

    def _progress(self, fraction: float | None) -> None:
        if (page := self._page()) is not None:
            page.set_progress(fraction)


def _objects_sentence(response: ReconstructObjects.Response) -> str:
    seconds = sum(t.seconds for t in response.timing)
    return _with_failures(
        f'{_count(len(response.objects.objects), "object")} in {seconds:.2f} s.', response.failures
    )


def _grasps_sentence(result: SynthesizeGrasps.Result) -> str:
    grasps = result.grasps.grasps
    seconds = sum(t.seconds for t in result.timing)
    objects = _count(len({g.object_id for g in grasps}), 'object')
    return _with_failures(
        f'{_count(len(grasps), "grasp")} of {objects} in {seconds:.1f} s.', result.failures
    )


def _with_failures(text: str, failures: Any) -> str:
    return ' '.join([text, *(f'Label {f.label}: {f.error_message}' for f in failures)])


def _feedback_sentence(feedback: Any) -> str:
    if isinstance(feedback, ExecuteGrasp.Feedback):
        return f'{feedback.phase}, {feedback.elapsed:.1f} s'
    words = [feedback.phase]
    if feedback.label:
        words.insert(0, f'label {feedback.label}')
    if feedback.candidates:
        words.append(f'{feedback.candidates} candidates')
    if math.isfinite(feedback.best_score) and feedback.best_score:
        words.append(f'best score {feedback.best_score:.3f}')
    return ', '.join([*words, f'{feedback.elapsed:.1f} s'])


def _count(number: int, noun: str) -> str:
    return f'{number} {noun}' + ('' if number == 1 else 's')


def _code_name(code: int) -> str:
    try:
        return ErrorCode(code).name
    except ValueError:  # of another version of the package
        return f'error {code}'
