"""An executor that outlives what cannot be taken from the middleware."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Task


class SteadyExecutor(SingleThreadedExecutor):
    """Executor of one thread whose nodes stay reachable whatever a take raises.

    rclpy enters a callback group before it takes a message, an answer or a timer's turn, and does
    not leave it where that raises: the group of nearly all of a node's callbacks stays taken, so
    that the node is deaf for good. One cause is a timer that another thread cancels at the moment
    that it is due. Here it is an error in the log, and nothing was taken.
    """

    def _make_handler(
        self, entity: Any, node: Node, take_from_wait_list: Callable[[Any], Any]
    ) -> Task:
        def take(entity: Any) -> Any:
            try:
                return take_from_wait_list(entity)
            except Exception:
                node.get_logger().error(
                    f'Something could not be taken from the middleware:\n{traceback.format_exc()}',
                    throttle_duration_sec=1.0,
                )
                return None

        return super()._make_handler(entity, node, take)
