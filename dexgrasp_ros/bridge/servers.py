"""Servers whose first answer reaches a client that is only just being discovered.

A client sees a server before the server has seen all of the client: a request may come in by a
writer that is known, from a client whose reader for answers is not. DDS drops that answer (after
.1 s with Fast DDS), and the client waits for good. On a busy machine, or after a lost packet of
discovery, that takes seconds. Here a request is looked at once its client can be answered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer
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
_ACTION_SERVICES = ('_action/send_goal', '_action/cancel_goal', '_action/get_result')


class ReachingActionServer(ActionServer):
    """Action server that looks at a goal once its client can be answered; see the module.

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

        async def on_goal(goal: Any) -> Any:
            await _until_reachable(node, services, callback_group)
            return await await_or_execute(goal_callback, goal)

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
    services = [node.resolve_service_name(name)]

    async def on_request(request: Any, response: Any) -> Any:
        await _until_reachable(node, services, callback_group)
        return await await_or_execute(callback, request, response)

    return node.create_service(kind, name, on_request, callback_group=callback_group)


async def _until_reachable(node: Node, services: list[str], group: ReentrantCallbackGroup) -> None:
    """Wait until each client that is known to ask one of `services` is known to hear it."""
    until = time.monotonic() + _PATIENCE
    while any(_is_half_known(node, service) for service in services):
        if time.monotonic() > until:
            node.get_logger().warning(
                f"A client of '{services[0]}' can ask and cannot hear: its answer may be lost."
            )
            return
        await _sleep(node, group)


def _is_half_known(node: Node, service: str) -> bool:
    """Whether some participant has a writer of requests, and no reader of answers as yet.

    That an endpoint's name begins with its participant's is known of Fast DDS alone: with another
    middleware nobody is.
    """
    if not get_rmw_implementation_identifier().startswith('rmw_fastrtps'):
        return False
    asking = node.get_publishers_info_by_topic(f'rq{service}Request', no_mangle=True)
    hearing = node.get_subscriptions_info_by_topic(f'rr{service}Reply', no_mangle=True)
    return not _participants(asking) <= _participants(hearing)


def _participants(endpoints: list[Any]) -> set[tuple[int, ...]]:
    return {tuple(endpoint.endpoint_gid[:_PREFIX]) for endpoint in endpoints}


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
