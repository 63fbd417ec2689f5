"""The fingers' trajectories as goals of a controller's action, where control_msgs is installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
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


def _no_tolerances(names: Sequence[str]) -> list[Any]:
    """Return tolerances that say of each joint that it may be anywhere: negative ones."""
    kind = importlib.import_module('control_msgs.msg').JointTolerance
    return [kind(name=n, position=-1.0, velocity=-1.0, acceleration=-1.0) for n in names]


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
        self._kind, self._on_failure = kind, on_failure
        self._client = ActionClient(node, kind, _NAME)
        self._newest = 0

    def send(self, trajectory: JointTrajectory, *, touches: bool) -> None:
        """Send a goal, which takes the place of the one before.

        Parameters
        ----------
        trajectory
            At least one point.
        touches
            Tell the controller that joints may stay behind: its tolerances of positions do not
            count for this goal.

        Raises
        ------
        CommandError
            INVALID_COMMAND where no controller offers the action.
        """
        self._newest += 1
        if not self._client.server_is_ready():
            raise CommandError(f"Nobody offers the action '{_NAME}'; is the controller running?")
        number, goal = self._newest, self._kind.Goal(trajectory=trajectory)
        if touches:
            goal.path_tolerance = _no_tolerances(trajectory.joint_names)
            goal.goal_tolerance = _no_tolerances(trajectory.joint_names)
        future = self._client.send_goal_async(goal)
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
            handle.get_result_async().add_done_callback(lambda done: self._end(done, number))
        else:
            handle.cancel_goal_async()  # a newer goal came before the answer

    def _end(self, future: Future, number: int) -> None:
        if future.result().status != GoalStatus.STATUS_SUCCEEDED:
            words = getattr(future.result().result, 'error_string', '')
            self._fail(number, f'gave up{f" ({words})" if words else ""}')

    def _fail(self, number: int, what: str) -> None:
        if number == self._newest:
            self._on_failure(f"The controller of '{_NAME}' {what} the trajectory of the fingers.")
