"""`grasp_planning_node`: the action `plan_grasps` (`grasping_msgs/GraspPlanning`) for others.

An object goes in, `moveit_msgs/Grasp` come out, best first. `grasp_node` does the work, by
`synthesize_grasps`; this node translates, and needs grasping_msgs and moveit_msgs. The action
has no error code: a goal that fails is aborted, and the log says why.
"""

from __future__ import annotations

import math
from typing import Any

from rclpy.action import ActionClient, CancelResponse
from rclpy.action.client import ClientGoalHandle
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.goals import IDENTITY
from dexgrasp_ros.bridge.grasp_planning import synthesis_goal
from dexgrasp_ros.bridge.moveit import moveit_grasps
from dexgrasp_ros.bridge.optional import optional_messages
from dexgrasp_ros.bridge.parameters import NodeParameters
from dexgrasp_ros.bridge.server_watch import ServerWatch
from dexgrasp_ros.bridge.servers import ReachingActionServer
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import ErrorCode, SynthesisError
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.shared.time_limit import RESULT_TIMEOUT
from dexgrasp_ros.nodes.shared.worker import settle
from dexgrasp_ros.nodes.synthesis.parameters import GraspPlanningParameters

_LOOK_PERIOD = 0.5  # s between two looks whether the search can still end


class GraspPlanningNode(Node):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('grasp_planning_node')
        optional_messages('moveit_msgs')
        self._kind = optional_messages('grasping_msgs', 'action').GraspPlanning
        self._parameters_of_node = NodeParameters(self, GraspPlanningParameters)
        group = ReentrantCallbackGroup()
        self._transforms = transform_listener(self)
        self._client = ActionClient(
            self, SynthesizeGrasps, 'synthesize_grasps', callback_group=group
        )
        self._running: dict[bytes, ClientGoalHandle] = {}
        self._waits: set[Future] = set()  # for answers about searches
        self._server = ReachingActionServer(
            self,
            self._kind,
            'plan_grasps',
            execute_callback=self._execute,
            cancel_callback=self._on_cancel,
            callback_group=group,
            result_timeout=RESULT_TIMEOUT,
        )

    def close(self) -> None:
        """End the searches that are under way."""
        for running in self._running.values():
            running.cancel_goal_async()
        for outcome in self._waits:
            settle(outcome, None, SynthesisError('The node has ended.', ErrorCode.PREEMPTED))

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        running = self._running.get(bytes(handle.goal_id.uuid))
        if running is not None:
            running.cancel_goal_async()
        return CancelResponse.ACCEPT

    async def _execute(self, handle: ServerGoalHandle) -> Any:
        result = self._kind.Result()
        try:
            result.grasps = await self._plan(handle)
        except Exception as error:
            code, sentence = error_fields(error)
            self.get_logger().error(f'No grasps ({ErrorCode(code).name}): {sentence}')
        if result.grasps:
            handle.succeed()
        elif handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return result

    async def _unless_gone(self, answer: Future) -> Any:
        """Wait for an answer about a search; none comes where the node that searches is gone."""
        outcome = Future(executor=self.executor)
        self._waits.add(outcome)
        server = ServerWatch(self, 'synthesize_grasps')

        def look() -> None:
            if server.is_gone():
                gone = SynthesisError("Whoever offered 'synthesize_grasps' is gone.")
                settle(outcome, None, gone)

        steady = Clock(clock_type=ClockType.STEADY_TIME)
        timer = self.create_timer(_LOOK_PERIOD, look, clock=steady)
        answer.add_done_callback(lambda done: settle(outcome, done.result(), done.exception()))
        try:
            return await outcome
        finally:
            self._waits.remove(outcome)
            self.destroy_timer(timer)

    async def _plan(self, handle: ServerGoalHandle) -> list[Any]:
        config = self._parameters_of_node.value
        goal = synthesis_goal(handle.request.object, max_grasps=config.max_grasps)
        if not self._client.server_is_ready():
            raise SynthesisError("Nobody offers 'synthesize_grasps'; is grasp_node active?")
        running = await self._unless_gone(self._client.send_goal_async(goal))
        if not running.accepted:
            raise SynthesisError("'synthesize_grasps' rejected the goal: grasp_node is inactive.")
        key = bytes(handle.goal_id.uuid)
        self._running[key] = running
        if handle.is_cancel_requested:
            running.cancel_goal_async()
        try:
            found = (await self._unless_gone(running.get_result_async())).result
        finally:
            del self._running[key]
        if not found.grasps.grasps:
            raise SynthesisError(found.error_message, ErrorCode(found.error_code))
        best = found.grasps.grasps[0]
        # Without an arm the hand is moved by its own root link.
        mount = None if best.flange_frame else IDENTITY
        if config.parent_link:
            mount = self._transforms.lookup(config.parent_link, best.hand_frame, 0)
        limit = goal.max_contact_force
        return moveit_grasps(
            found.grasps,
            T_parent_hand=mount,
            max_contact_force=limit if math.isfinite(limit) else 0.0,
        )


main = main_of(GraspPlanningNode)

if __name__ == '__main__':
    main()
