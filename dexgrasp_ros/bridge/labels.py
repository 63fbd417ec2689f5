"""Names of labels, from `vision_msgs/LabelInfo` on `label_info` where vision_msgs is installed."""

from __future__ import annotations

import importlib.util
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from dexgrasp_ros.bridge.optional import optional_messages
from dexgrasp_ros.bridge.qos import latched_subscription, standard
from dexgrasp_ros.core.errors import LONGEST_QUOTE


def label_names(message: Any) -> dict[int, str]:
    """Names by label of a `vision_msgs/LabelInfo`.

    Labels without a name, or with one that is no name for its length, are left out.
    """
    names = {int(entry.class_id): entry.class_name for entry in message.class_map}
    return {
        k: n for k, n in names.items() if n and len(n.encode(errors='replace')) <= LONGEST_QUOTE
    }


class LabelNames:
    """The newest names on `label_info`; without vision_msgs there are none.

    Parameters
    ----------
    node
        Its topic `label_info` is subscribed until `close`.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._names: dict[int, str] = {}
        self._subscriptions: list[Subscription] = []
        if importlib.util.find_spec('vision_msgs') is None:
            return
        kind = optional_messages('vision_msgs').LabelInfo
        # Some publish it once and latched, others with every image: no profile takes both.
        self._subscriptions = [
            node.create_subscription(kind, 'label_info', self._take, profile)
            for profile in (standard(), latched_subscription())
        ]

    def __call__(self, label: int) -> str:
        """Name of a label, or an empty text."""
        return self._names.get(label, '')

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    def _take(self, message: Any) -> None:
        self._names = label_names(message)
