"""Where trajectories of the fingers go: what a topic and the actions of a controller share."""

from __future__ import annotations

import enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from trajectory_msgs.msg import JointTrajectory

from dexgrasp_ros.bridge.qos import standard


class Answer(enum.Enum):
    """What a controller says of the newest trajectory."""

    NONE = 'none'  # nothing, ever: who listens to a topic does not answer
    PENDING = 'pending'
    SUCCEEDED = 'succeeded'


class Outlet(Protocol):
    """Takes trajectories of the fingers, each in place of the one before."""

    answer: Answer
    keeps_time: bool  # whether joints are where the trajectory has them, at each moment

    def send(
        self,
        trajectory: JointTrajectory,
        *,
        touches: bool,
        efforts: NDArray[np.float64],
        speeds: NDArray[np.float64],
    ) -> None:
        """Send at least one point; see `CommandGate.send_fingers`.

        Parameters
        ----------
        trajectory
            Stamp 0, at least one point.
        touches
            Whether the object may hold fingers up.
        efforts, speeds
            What the joints may press with [J], N m or N, and how fast they may be [J], rad/s or
            m/s, for controllers that take such limits.

        Raises
        ------
        CommandError
            INVALID_COMMAND where it cannot be sent.
        """

    def forget(self) -> None:
        """Leave what was sent to the controller: no answer to it counts any more."""

    def close(self) -> None:
        """Take nothing more."""


class FingerTopic:
    """The topic of a joint_trajectory_controller, or of whoever else follows it."""

    answer, keeps_time = Answer.NONE, True

    def __init__(self, node: Node, name: str) -> None:
        self._node = node
        self._publisher = node.create_publisher(
            JointTrajectory,
            name,
            standard(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def send(
        self,
        trajectory: JointTrajectory,
        *,
        touches: bool,
        efforts: NDArray[np.float64],
        speeds: NDArray[np.float64],
    ) -> None:
        """Publish it."""
        self._publisher.publish(trajectory)

    def forget(self) -> None:
        """Nobody answers."""

    def close(self) -> None:
        """Publish nothing more."""
        self._node.destroy_publisher(self._publisher)
