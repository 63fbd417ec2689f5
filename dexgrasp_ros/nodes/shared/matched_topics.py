"""Topics of a camera for a node: messages of one moment, and how many have come of each."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.image_topics import ImageSubscription
from dexgrasp_ros.bridge.qos import sensor_data
from dexgrasp_ros.bridge.silent_topics import why_silent
from dexgrasp_ros.bridge.synchronizer import StampSynchronizer

DEPTH, INFO = 'depth/image', 'depth/camera_info'
_SILENT = 2.0  # s without a message after which a topic has stopped


class MatchedTopics:
    """Subscribes topics until `close` and matches their messages by stamp.

    Parameters
    ----------
    node
        Who listens.
    topics
        Type of each topic's messages, in the order of a match; images may come compressed.
    on_match
        Takes the messages of one moment, on the spinning thread.
    transport
        Form of images, see `ImageSubscription`.
    slop
        Largest distance between the stamps of a match [s].
    queue_size
        Messages of a topic that wait for the others.
    overrides
        Of the subscriptions' QoS.
    """

    def __init__(
        self,
        node: Node,
        topics: Mapping[str, type],
        on_match: Callable[..., None],
        *,
        transport: str,
        slop: float,
        queue_size: int,
        overrides: QoSOverridingOptions,
    ) -> None:
        self._node, self._on_match = node, on_match
        self._synchronizer = StampSynchronizer(
            list(topics), slop=int(slop * 1e9), queue_size=queue_size
        )
        self.received: Counter[str] = Counter(dict.fromkeys(topics, 0))
        self._heard: dict[str, float] = {}  # when each topic was, on the monotonic clock [s]
        self.matched = 0
        self._images: dict[str, ImageSubscription] = {}
        self._others: dict[str, Subscription] = {}
        for topic, kind in topics.items():
            take = functools.partial(self._take, topic)
            if kind is Image:
                self._images[topic] = ImageSubscription(
                    node,
                    topic,
                    take,
                    sensor_data(),
                    transport=transport,
                    is_depth=topic == DEPTH,
                    overrides=overrides,
                )
            else:
                self._others[topic] = node.create_subscription(
                    kind, topic, take, sensor_data(), qos_overriding_options=overrides
                )

    def close(self) -> None:
        """Stop listening."""
        for images in self._images.values():
            images.close()
        for subscription in self._others.values():
            self._node.destroy_subscription(subscription)
        self._images, self._others = {}, {}

    def counts(self) -> dict[str, int]:
        """Messages of each topic so far, and matches."""
        return {**self.received, 'matches': self.matched}

    def missing(self) -> str:
        """Say that nothing has matched: how much came, and why nothing may come of the rest."""
        counts = ', '.join(
            f"{count} on '{self._node.resolve_topic_name(topic)}'"
            for topic, count in self.received.items()
        )
        silent = [topic for topic, count in self.received.items() if not count]
        return ' '.join(
            [
                f'No {" and ".join(self.received)} of one moment came; messages: {counts}.',
                *(self._why_silent(topic) for topic in silent),
            ]
        )

    def stopped(self) -> str:
        """Name what has come and comes no more while other topics go on; empty where none does."""
        now = time.monotonic()
        silent = {topic: now - at for topic, at in self._heard.items() if now - at > _SILENT}
        if not silent or len(silent) == len(self._heard):
            return ''
        told = ' and '.join(
            f"'{self._node.resolve_topic_name(topic)}' for {seconds:.0f} s"
            for topic, seconds in silent.items()
        )
        return ' '.join(
            [
                f'Nothing has come of {told}, while the other topics go on.',
                *(self._why_silent(topic) for topic in silent),
            ]
        )

    def _why_silent(self, topic: str) -> str:
        if topic in self._images:
            return self._images[topic].why_silent()
        heard = self._others[topic]
        return why_silent(self._node, topic, [heard.msg_type], heard.qos_profile)

    def _take(self, topic: str, message: Any) -> None:
        self.received[topic] += 1
        self._heard[topic] = time.monotonic()
        match = self._synchronizer.add(topic, stamp_to_nanoseconds(message.header.stamp), message)
        if match is not None:
            self.matched += 1
            self._on_match(*match)
