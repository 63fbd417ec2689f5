"""`GraspClient`: the whole of dexgrasp_ros from another process, with blocking calls."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from action_msgs.msg import GoalStatus
from geometry_msgs.msg import Pose
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.task import Future
from std_srvs.srv import Trigger

from dexgrasp_msgs.action import ClearTable, ExecuteGrasp, SynthesizeGrasps
from dexgrasp_msgs.msg import Grasp
from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.bridge.server_watch import ServerWatch
from dexgrasp_ros.bridge.spun_node import SpunNode
from dexgrasp_ros.core.errors import CommandError, DexGraspError, ErrorCode, SynthesisError

_ENDED = (GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_ABORTED)
_CANCEL_TIMEOUT = 10.0  # s for a node to answer a cancel request; it needs 0.1 s
_CLOSE_TIMEOUT = 5.0  # s for all that is still to be cancelled at the end


@dataclass(frozen=True, kw_only=True)
class GoalReply:
    """How a goal ended."""

    status: int  # of action_msgs/GoalStatus: SUCCEEDED, ABORTED or CANCELED
    result: SynthesizeGrasps.Result | ExecuteGrasp.Result | ClearTable.Result

    @property
    def succeeded(self) -> bool:
        """Whether there are grasps, or the last phase of one was reached."""
        return self.status == GoalStatus.STATUS_SUCCEEDED

    def check(self) -> SynthesizeGrasps.Result | ExecuteGrasp.Result:
        """Return the result of a goal that went well.

        Raises
        ------
        DexGraspError
            With the result's code and sentence, for one that did not.
        """
        if not self.succeeded:
            raise DexGraspError(self.result.error_message, ErrorCode(self.result.error_code))
        return self.result


class GraspClient:
    """Blocking calls of the package's services and its actions, spun by a thread of its own.

    Use it as a context manager or call `close`, which cancels what `execute_grasp` still does for
    it; a process that is killed cannot, so give goals a `time_limit`. Every wait can be
    interrupted with Ctrl-C. Who has something else to do meanwhile sends a goal, asks
    `is_complete` and `newest_feedback` as often as is wanted, and takes the result from
    `wait_for_result`, which then returns at once.

    Parameters
    ----------
    namespace
        Of the nodes it talks to.
    domain_id
        ROS domain; by default that of the environment.
    node_name
        Name of the client's own node.
    """

    def __init__(
        self,
        *,
        namespace: str = '',
        domain_id: int | None = None,
        node_name: str = 'grasp_client',
    ) -> None:
        self._spun = SpunNode(node_name, namespace=namespace, domain_id=domain_id)
        self.node = self._spun.node
        self._reconstruct = self.node.create_client(ReconstructObjects, 'reconstruct_objects')
        self._clear = self.node.create_client(Trigger, 'clear_objects')
        self._synthesize = ActionClient(self.node, SynthesizeGrasps, 'synthesize_grasps')
        self._execute = ActionClient(self.node, ExecuteGrasp, 'execute_grasp')
        self._clearing = ActionClient(self.node, ClearTable, 'clear_table')
        self._feedback: dict[bytes, Any] = {}  # the newest of each goal that runs
        self._executions: dict[bytes, ClientGoalHandle] = {}  # whose end nobody has seen
        self._servers: dict[bytes, ServerWatch] = {}  # of goals whose result nobody has taken
        self._owed: set[int] = set()  # ids of answers that are awaited only to end a goal

    def wait_until_ready(
        self,
        timeout: float = 60.0,
        *,
        grasps: bool = True,
        reconstruction: bool = True,
        execution: bool = False,
        clearing: bool = False,
    ) -> None:
        """Wait until the nodes answer that find, reconstruct, execute and clear, as is asked for.

        Raises
        ------
        DexGraspError
            TIME_LIMIT, with the name that nobody offers, after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        waits = []
        if grasps:
            waits.append(('synthesize_grasps', self._synthesize.server_is_ready))
        if reconstruction:
            waits.append(('reconstruct_objects', self._reconstruct.service_is_ready))
        if execution:
            waits.append(('execute_grasp', self._execute.server_is_ready))
        if clearing:
            waits.append(('clear_table', self._clearing.server_is_ready))
        for name, ready in waits:
            while not ready():
                if time.monotonic() > deadline:
                    raise DexGraspError(
                        f"Nobody offers '{name}' after {timeout:g} s; is its node running in"
                        f" namespace '{self.node.get_namespace()}' of the same domain?",
                        ErrorCode.TIME_LIMIT,
                    )
                time.sleep(0.02)

    def reconstruct(
        self, labels: Sequence[int] = (), *, max_age: float = 0.0, timeout: float = 60.0
    ) -> ReconstructObjects.Response:
        """Mesh the objects of the newest image; see `ReconstructObjects.srv`.

        Raises
        ------
        DexGraspError
            TIME_LIMIT where no response came within `timeout` seconds.
        """
        request = ReconstructObjects.Request(labels=list(labels), max_age=max_age)
        return self._spun.call(
            "'reconstruct_objects'", timeout, self._reconstruct.call_async, request
        )

    def clear_objects(self, *, timeout: float = 10.0) -> None:
        """Forget all objects."""
        self._spun.call("'clear_objects'", timeout, self._clear.call_async, Trigger.Request())

    def send_goal(
        self,
        goal: SynthesizeGrasps.Goal,
        *,
        feedback: Callable[[SynthesizeGrasps.Feedback], None] | None = None,
        timeout: float = 10.0,
    ) -> ClientGoalHandle:
        """Send a goal and return its handle once it is accepted.

        `feedback` is called on the client's own thread.

        Raises
        ------
        SynthesisError
            CANCELLED where the node does not accept goals now (it is not active).
        DexGraspError
            TIME_LIMIT where no answer came within `timeout` seconds.
        """
        handle = self._send(self._synthesize, 'synthesize_grasps', goal, feedback, timeout)
        if not handle.accepted:
            raise SynthesisError(
                'The grasp node rejected the goal: it is not active.', ErrorCode.CANCELLED
            )
        return handle

    def send_execution(
        self,
        goal: ExecuteGrasp.Goal,
        *,
        feedback: Callable[[ExecuteGrasp.Feedback], None] | None = None,
        timeout: float = 10.0,
    ) -> ClientGoalHandle:
        """Send a goal that moves the robot and return its handle once it is accepted.

        `feedback` is called on the client's own thread.

        Raises
        ------
        CommandError
            CANCELLED where the node does not accept goals now (it is not active).
        DexGraspError
            TIME_LIMIT where no answer came within `timeout` seconds.
        """
        handle = self._send(self._execute, 'execute_grasp', goal, feedback, timeout)
        if not handle.accepted:
            raise CommandError(
                'The hand command node rejected the goal: it is not active.', ErrorCode.CANCELLED
            )
        self._executions[bytes(handle.goal_id.uuid)] = handle
        return handle

    def wait_for_result(self, handle: ClientGoalHandle, timeout: float | None = None) -> GoalReply:
        """Wait for the end of a goal; one that is still running after `timeout` s is cancelled.

        The nodes keep the result of a goal that has ended for a minute.

        Raises
        ------
        DexGraspError
            PREEMPTED where its node is gone without a word, up to half a minute after that;
            TIME_LIMIT after `timeout` seconds.
        """
        gone = DexGraspError(
            'The node of the goal is gone: it was killed, or cannot be reached any more.',
            ErrorCode.PREEMPTED,
        )

        def look() -> None:
            if self._is_lost(handle):
                raise gone

        try:
            response = self._spun.call('The goal', timeout, handle.get_result_async, look=look)
        except BaseException:
            if self._is_lost(handle):
                self._spun.run_soon(handle.cancel_goal_async)  # in case it is only out of reach
            else:
                with contextlib.suppress(DexGraspError):  # what ended the wait is what counts
                    self.cancel(handle)
            raise
        finally:
            for kept in (self._feedback, self._executions, self._servers):
                kept.pop(bytes(handle.goal_id.uuid), None)
        if response.status == GoalStatus.STATUS_UNKNOWN:  # says one that was started in its place
            raise gone
        return GoalReply(status=response.status, result=response.result)

    def is_complete(self, handle: ClientGoalHandle) -> bool:
        """Whether a goal has ended, or never will since its node is gone; does not wait."""
        return handle.status in _ENDED or self._is_lost(handle)

    def newest_feedback(
        self, handle: ClientGoalHandle
    ) -> SynthesizeGrasps.Feedback | ExecuteGrasp.Feedback | None:
        """How far a goal is; None before the first feedback and after `wait_for_result`."""
        return self._feedback.get(bytes(handle.goal_id.uuid))

    def cancel(self, handle: ClientGoalHandle) -> bool:
        """Ask for the end of a goal; True where it was still running."""
        response = self._spun.call('The goal', _CANCEL_TIMEOUT, handle.cancel_goal_async)
        return bool(response.goals_canceling)

    def synthesize(
        self,
        goal: SynthesizeGrasps.Goal | None = None,
        *,
        feedback: Callable[[SynthesizeGrasps.Feedback], None] | None = None,
        timeout: float | None = None,
        **fields: Any,
    ) -> GoalReply:
        """Send a goal and wait for its end.

        Parameters
        ----------
        goal
            The goal; by default one made of `fields`, such as ``label=3, max_grasps=8``.
        feedback
            Called with each feedback, on the client's own thread.
        timeout
            Seconds after which the goal is cancelled and TIME_LIMIT is raised.
        """
        goal = SynthesizeGrasps.Goal(**fields) if goal is None else goal
        return self.wait_for_result(self.send_goal(goal, feedback=feedback), timeout)

    def execute(
        self,
        grasp: Grasp,
        *,
        speed_scale: float = 1.0,
        hold_force: float = 0.0,
        hold_time: float = 0.0,
        fingers_only: bool = False,
        stop_before_lift: bool = False,
        carry_poses: Sequence[Pose] = (),
        carry_only: bool = False,
        open_at_end: bool = False,
        time_limit: float = 0.0,
        feedback: Callable[[ExecuteGrasp.Feedback], None] | None = None,
        timeout: float | None = None,
    ) -> GoalReply:
        """Carry out a grasp and wait for its end; the robot moves, where commands are enabled.

        Parameters
        ----------
        grasp
            As `synthesize` found it.
        speed_scale, hold_force, hold_time, fingers_only, stop_before_lift, carry_poses, carry_only
            As in `ExecuteGrasp.action`.
        open_at_end, time_limit
            As in `ExecuteGrasp.action`.
        feedback
            Called with each feedback, on the client's own thread.
        timeout
            Seconds after which the goal is cancelled and TIME_LIMIT is raised.
        """
        goal = ExecuteGrasp.Goal(
            grasp=grasp,
            speed_scale=speed_scale,
            hold_force=hold_force,
            hold_time=hold_time,
            fingers_only=fingers_only,
            stop_before_lift=stop_before_lift,
            carry_poses=list(carry_poses),
            carry_only=carry_only,
            open_at_end=open_at_end,
            time_limit=time_limit,
        )
        return self.wait_for_result(self.send_execution(goal, feedback=feedback), timeout)

    def send_clearing(
        self,
        goal: ClearTable.Goal,
        *,
        feedback: Callable[[ClearTable.Feedback], None] | None = None,
        timeout: float = 10.0,
    ) -> ClientGoalHandle:
        """Send a goal that clears the table and return its handle once it is accepted.

        `feedback` is called on the client's own thread.

        Raises
        ------
        CommandError
            CANCELLED where the node does not accept goals now (it is not active).
        DexGraspError
            TIME_LIMIT where no answer came within `timeout` seconds.
        """
        handle = self._send(self._clearing, 'clear_table', goal, feedback, timeout)
        if not handle.accepted:
            raise CommandError(
                'The clear table node rejected the goal: it is not active.', ErrorCode.CANCELLED
            )
        self._executions[bytes(handle.goal_id.uuid)] = handle
        return handle

    def clear_table(
        self,
        *,
        feedback: Callable[[ClearTable.Feedback], None] | None = None,
        timeout: float | None = None,
        **fields: Any,
    ) -> GoalReply:
        """Clear the table and wait for the end; the robot moves, where commands are enabled.

        Parameters
        ----------
        feedback
            Called with each feedback, on the client's own thread.
        timeout
            Seconds after which the goal is cancelled and TIME_LIMIT is raised.
        fields
            As in `ClearTable.action`.
        """
        goal = ClearTable.Goal(**fields)
        return self.wait_for_result(self.send_clearing(goal, feedback=feedback), timeout)

    def close(self) -> None:
        """Cancel what `execute_grasp` still does, as far as its node answers; leave the graph."""
        for handle in self._executions.values():
            if not self.is_complete(handle):
                self._owed.add(id(handle))
                self._spun.run_soon(self._cancel_late, handle)
        until = time.monotonic() + _CLOSE_TIMEOUT
        while self._owed and time.monotonic() < until:
            time.sleep(0.01)
        self._spun.close()

    def __enter__(self) -> GraspClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _send(
        self,
        client: ActionClient,
        name: str,
        goal: Any,
        feedback: Callable[[Any], None] | None,
        timeout: float,
    ) -> ClientGoalHandle:
        def take(message: Any) -> None:
            self._feedback[bytes(message.goal_id.uuid)] = message.feedback
            if feedback is not None:
                feedback(message.feedback)

        handle = self._spun.call(
            f"'{name}'", timeout, client.send_goal_async, goal, take, unwanted=self._give_up
        )
        if handle.accepted:
            self._servers[bytes(handle.goal_id.uuid)] = ServerWatch(self.node, name)
        return handle

    def _is_lost(self, handle: ClientGoalHandle) -> bool:
        server = self._servers.get(bytes(handle.goal_id.uuid))
        return server is not None and server.is_gone()

    def _give_up(self, answer: Future) -> None:
        """End a goal whose sender has given up on it, where it is accepted after all."""
        self._owed.add(id(answer))
        answer.add_done_callback(self._take_late)

    def _take_late(self, answer: Future) -> None:
        if answer.exception() is None and answer.result().accepted:
            self._cancel_late(answer.result())
        self._owed.discard(id(answer))

    def _cancel_late(self, handle: ClientGoalHandle) -> None:
        """Ask for the end of a goal, on the thread that spins."""
        self._owed.add(id(handle))
        handle.cancel_goal_async().add_done_callback(lambda _: self._owed.discard(id(handle)))
