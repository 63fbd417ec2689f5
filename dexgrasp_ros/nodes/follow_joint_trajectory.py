"""The fingers' trajectories as goals of a controller's action, where control_msgs is installed."""

from __future__ import annotations

import importlib

from rclpy.action import ActionClient
from rclpy.action.client import ClientGoalHandle
from rclpy.node import Node
from rclpy.task import Future
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_ros.core.errors import CommandError


class FollowJointTrajectoryOutlet:
    """Takes the place of the publisher of `joint_trajectory`.

    Raises
    ------
    CommandError
        INVALID_COMMAND, from the constructor, where control_msgs cannot be imported.
    """

    def __init__(self, node: Node) -> None:
        try:
            self._kind = importlib.import_module('control_msgs.action').FollowJointTrajectory
        except ImportError as error:
            raise CommandError(
                "'use_follow_joint_trajectory' needs the package control_msgs, which cannot be"
                f' imported ({error}); install it, or leave the parameter false for the topic'
                " 'joint_trajectory'."
            ) from error
        self._node = node
        self._client = ActionClient(node, self._kind, 'follow_joint_trajectory')
        self._newest = 0
        self._handle: ClientGoalHandle | None = None

    def publish(self, trajectory: JointTrajectory) -> None:
        """Send a goal, which takes the place of the one before; without points, cancel that."""
        self._newest += 1
        if not trajectory.points:
            if self._handle is not None:
                self._handle.cancel_goal_async()
            return
        number = self._newest
        future = self._client.send_goal_async(self._kind.Goal(trajectory=trajectory))
        future.add_done_callback(lambda done: self._take(done, number))

    def _take(self, future: Future, number: int) -> None:
        handle = future.result()
        if not handle.accepted:
            self._node.get_logger().error("'follow_joint_trajectory' rejected the trajectory.")
        elif number == self._newest:
            self._handle = handle
        else:
            handle.cancel_goal_async()  # a stop or a newer goal came before the answer
