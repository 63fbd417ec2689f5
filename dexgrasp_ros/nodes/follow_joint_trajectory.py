"""The fingers' trajectories as goals of a controller's action, where control_msgs is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_ros.core.errors import CommandError

_NAME = 'follow_joint_trajectory'


def follow_joint_trajectory_type() -> type:
    """Return the action's type.

    Raises
    ------
    CommandError
        INVALID_COMMAND where control_msgs cannot be imported.
    """
    try:
        return importlib.import_module('control_msgs.action').FollowJointTrajectory
    except ImportError as error:
        raise CommandError(
            "'use_follow_joint_trajectory' needs the package control_msgs, which cannot be"
            f' imported ({error}); install it, or leave the parameter false for the topic'
            " 'joint_trajectory'."
        ) from error


class FollowJointTrajectoryOutlet:
    """Takes the place of the publisher of `joint_trajectory`.

    Parameters
    ----------
    node
        Has the action client.
    kind
        The action's type.
    on_failure
        Called with a sentence where the controller rejects the newest trajectory or gives it up.
    """

    def __init__(self, node: Node, kind: type, on_failure: Callable[[str], None]) -> None:
        self._node, self._kind, self._on_failure = node, kind, on_failure
        self._client = ActionClient(node, kind, _NAME)
        self._newest = 0
        self._handle: ClientGoalHandle | None = None

    def publish(self, trajectory: JointTrajectory) -> None:
        """Send a goal, which takes the place of the one before; without points, cancel that.

        Raises
        ------
        CommandError
            INVALID_COMMAND where no controller offers the action.
        """
        self._newest += 1
        if not trajectory.points:
            if self._handle is not None:
                self._handle.cancel_goal_async()
            return
        if not self._client.server_is_ready():
            raise CommandError(f"Nobody offers the action '{_NAME}'; is the controller running?")
        number = self._newest
        future = self._client.send_goal_async(self._kind.Goal(trajectory=trajectory))
        future.add_done_callback(lambda done: self._take(done, number))

    def close(self) -> None:
        """Leave the controller to itself."""
        self._newest += 1
        self._client.destroy()

    def _take(self, future: Future, number: int) -> None:
        handle = future.result()
        if not handle.accepted:
            self._fail(number, 'rejected')
        elif number == self._newest:
            self._handle = handle
            handle.get_result_async().add_done_callback(lambda done: self._end(done, number))
        else:
            handle.cancel_goal_async()  # a stop or a newer goal came before the answer

    def _end(self, future: Future, number: int) -> None:
        if future.result().status != GoalStatus.STATUS_SUCCEEDED:
            words = getattr(future.result().result, 'error_string', '')
            self._fail(number, f'gave up{f" ({words})" if words else ""}')

    def _fail(self, number: int, what: str) -> None:
        if number == self._newest:
            self._on_failure(f"The controller of '{_NAME}' {what} the trajectory of the fingers.")
