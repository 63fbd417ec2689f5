"""What tells grasps that were found just now from those that come out of a recording.

The node gives out a random text on the topic `follow_token`, and `grasp_node` writes the newest
one into what it publishes. A text is good for one array of grasps: whatever is published again
later, with whatever stamps, by whatever clock, has one that is spent. Replayed tokens do no harm
either: they only make live grasps look like replayed ones.
"""

from __future__ import annotations

import secrets

from rclpy.node import Node
from std_msgs.msg import String

from dexgrasp_ros.bridge.qos import latched_publisher

_BYTES = 16


class FollowToken:
    """See the module; `node` publishes it."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(String, 'follow_token', latched_publisher())
        self.renew()

    def renew(self) -> None:
        """Give out another one; what carries the one before is not followed any more."""
        self._text = secrets.token_hex(_BYTES)
        self._publisher.publish(String(data=self._text))

    def spend(self, text: str) -> bool:
        """Whether `text` is the one that is good now, which it then is no longer."""
        good = text == self._text
        if good:
            self.renew()
        return good
