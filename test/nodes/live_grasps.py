"""Publishes grasps as `grasp_node` does, with the token that says that they are no recording."""

from __future__ import annotations

import time

from rclpy.node import Node
from std_msgs.msg import String

from dexgrasp_msgs.msg import Grasp, GraspArray
from dexgrasp_ros.bridge.qos import latched_publisher, latched_subscription

_PATIENCE = 60.0  # s; a machine may be busy


class LiveGrasps:
    """A publisher of `grasps` in a node that somebody spins."""

    def __init__(self, node: Node) -> None:
        self._node, self._token, self._spent = node, '', ''
        self._publisher = node.create_publisher(GraspArray, 'grasps', latched_publisher())
        self._tokens = node.create_subscription(
            String, 'follow_token', self._take, latched_subscription()
        )

    def wait_until_heard(self) -> None:
        """Return once somebody takes grasps and has given out a token that is not spent."""
        until = time.monotonic() + _PATIENCE
        while not self._publisher.get_subscription_count() or self._token == self._spent:
            assert time.monotonic() < until, 'nobody gives out a token for grasps'
            time.sleep(0.005)

    def publish(self, grasp: Grasp, **fields: object) -> GraspArray:
        """Publish a grasp, with the newest token unless another one is given."""
        self.wait_until_heard()
        self._spent = self._token
        message = GraspArray(header=grasp.header, grasps=[grasp], follow_token=self._token)
        for name, value in fields.items():
            setattr(message, name, value)
        self.publish_again(message)
        return message

    def publish_again(self, message: GraspArray) -> None:
        """Publish a message as it is, as who plays a recording does."""
        self._publisher.publish(message)

    def close(self) -> None:
        self._node.destroy_publisher(self._publisher)
        self._node.destroy_subscription(self._tokens)

    def _take(self, message: String) -> None:
        self._token = message.data
