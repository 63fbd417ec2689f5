"""Servers whose first answer reaches a client that is only just being discovered.

A client sees a server before the server has seen all of the client: a request may come in by a
writer that is known, from a client whose reader for answers is not. DDS drops that answer (after
.1 s with Fast DDS), and the client waits for good. On a busy machine, or after a lost packet of
discovery, that takes seconds. Here a request is looked at once its client can be answered, one
after the other. Whose request it is cannot be known: all clients count that are known by half.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, GoalResponse
from rclpy.action.server import default_goal_callback
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.executors import await_or_execute
from rclpy.node import Node
from rclpy.service import Service
from rclpy.task import Future
from rclpy.utilities import get_rmw_implementation_identifier

_LOOK_PERIOD = 0.02  # s
_PATIENCE = 10.0  # s; Fast DDS repeats what was lost of discovery within 3 s
_PREFIX = 12  # bytes of an endpoint's name that are its participant's (RTPS 2.5, 8.2.4)
_Client = tuple[str, bytes]  # service and participant
_ACTION_SERVICES = ('_action/send_goal', '_action/cancel_goal', '_action/get_result')


class ReachingActionServer(ActionServer):
    """Action server that looks at a goal once its client can be answered; see the module.

    Goals are looked at in the order in which they came. A goal is rejected if a client that was
    known by half is gone, or still cannot hear after 10 s: nobody would know what goes on.

    Parameters
    ----------
    node, action_type, action_name, execute_callback
        As of rclpy's.
    callback_group
        A reentrant one: in an exclusive group, the wait for one client would hold up all.
    goal_callback
        As of rclpy's.
    """

    def __init__(
        self,
        node: Node,
        action_type: Any,
        action_name: str,
        execute_callback: Callable[[Any], Any],
        *,
        callback_group: ReentrantCallbackGroup,
        goal_callback: Callable[[Any], Any] = default_goal_callback,
        **others: Any,
    ) -> None:
        name = node.resolve_topic_name(action_name)
        services = [f'{name}/{service}' for service in _ACTION_SERVICES]
        clients = _Clients(node, services, callback_group)

        async def on_goal(goal: Any) -> Any:
            if await clients.all_hear():
                return await await_or_execute(goal_callback, goal)
            node.get_logger().warning(
                f"Rejected a goal of '{name}': its client is gone, or can ask and cannot hear."
            )
            return GoalResponse.REJECT

        super().__init__(
            node,
            action_type,
            action_name,
            execute_callback,
            callback_group=callback_group,
            goal_callback=on_goal,
            **others,
        )


def create_reaching_service(
    node: Node,
    kind: Any,
    name: str,
    callback: Callable[[Any, Any], Any],
    *,
    callback_group: ReentrantCallbackGroup,
) -> Service:
    """Return a service that looks at a request once its client can be answered; see the module.

    Parameters
    ----------
    node, kind, name, callback
        As of `Node.create_service`; the callback may be a coroutine.
    callback_group
        A reentrant one: in an exclusive group, the wait for one client would hold up all.
    """
    clients = _Clients(node, [node.resolve_service_name(name)], callback_group)

    async def on_request(request: Any, response: Any) -> Any:
        if not await clients.all_hear():
            node.get_logger().warning(
                f"A client of '{name}' is gone, or can ask and cannot hear: its answer is lost."
            )
        return await await_or_execute(callback, request, response)

    return node.create_service(kind, name, on_request, callback_group=callback_group)


class _Clients:
    """Who asks one server by `services`, and whether they are known to hear its answers."""

    def __init__(self, node: Node, services: list[str], group: ReentrantCallbackGroup) -> None:
        self._node, self._services, self._group = node, services, group
        self._last = Future()  # of the newest request; done once that has been let through
        self._last.set_result(None)
        self._deaf: set[_Client] = set()  # waited for in vain: not again

    async def all_hear(self) -> bool:
        """Wait, behind earlier requests, until all can hear; False if one cannot, or is gone."""
        before, self._last = self._last, (own := Future())
        try:
            await before
            return await self._wait()
        finally:
            own.set_result(None)

    async def _wait(self) -> bool:
        until, missing = time.monotonic() + _PATIENCE, set()
        while half := self._asking() - self._hearing() - self._deaf:
            missing |= half
            if time.monotonic() > until:
                self._deaf |= half
                return False
            await _sleep(self._node, self._group)
        return missing <= self._hearing()

    def _asking(self) -> set[_Client]:
        return self._clients(self._node.get_publishers_info_by_topic, 'rq{}Request')

    def _hearing(self) -> set[_Client]:
        return self._clients(self._node.get_subscriptions_info_by_topic, 'rr{}Reply')

    def _clients(self, endpoints_of: Callable[..., list[Any]], topic: str) -> set[_Client]:
        """Return each service with the name of a participant that has such an endpoint of it.

        That an endpoint's name begins with its participant's is known of Fast DDS alone: with
        another middleware there are none.
        """
        if not get_rmw_implementation_identifier().startswith('rmw_fastrtps'):
            return set()
        return {
            (service, bytes(endpoint.endpoint_gid[:_PREFIX]))
            for service in self._services
            for endpoint in endpoints_of(topic.format(service), no_mangle=True)
        }


async def _sleep(node: Node, group: ReentrantCallbackGroup) -> None:
    woken = Future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    steady = Clock(clock_type=ClockType.STEADY_TIME)
    timer = node.create_timer(_LOOK_PERIOD, wake, callback_group=group, clock=steady)
    try:
        await woken
    finally:
        node.destroy_timer(timer)
