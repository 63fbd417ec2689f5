"""Where the joints of the robot are, as far as anybody says so on `joint_states`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import JointState

from dexgrasp_ros.bridge.qos import sensor_data

_MOST_JOINTS = 10_000  # those of a hundred robots; names that nobody has would come without end


class PresentJoints:
    """Newest position of each joint; arm and hand may be published by different nodes."""

    def __init__(self, node: Node) -> None:
        self._positions: dict[str, float] = {}
        self._subscription = node.create_subscription(
            JointState,
            'joint_states',
            self._take,
            sensor_data(),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def positions(self, names: Sequence[str]) -> NDArray[np.float64] | None:
        """Positions [J] of these joints, rad or m; None where one is missing or not finite."""
        found = np.array([self._positions.get(name, np.nan) for name in names])
        return found if np.isfinite(found).all() else None

    def _take(self, message: JointState) -> None:
        self._positions.update(zip(message.name, message.position, strict=False))
        if len(self._positions) > _MOST_JOINTS:
            self._positions.clear()  # those of the robot come again
