"""The one terminal state of an action's goal."""

from __future__ import annotations

import traceback
from typing import Any

from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from dexgrasp_ros.core.errors import ErrorCode


def end_goal(
    node: Node, handle: ServerGoalHandle, result: Any, error: BaseException | None
) -> None:
    """Let a goal end as its result says: well, cancelled if that was asked for, or aborted.

    Parameters
    ----------
    node
        Logs the stack of an error that is a defect of this package.
    handle
        Of the goal.
    result
        What came of it; SUCCESS or another code is in `error_code`.
    error
        What ended it early, if anything did.
    """
    if result.error_code == ErrorCode.INTERNAL:
        node.get_logger().error(''.join(traceback.format_exception(error)))
    if result.error_code == ErrorCode.SUCCESS:
        handle.succeed()
    elif handle.is_cancel_requested:
        handle.canceled()
    else:
        handle.abort()
