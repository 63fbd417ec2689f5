"""`BagRecorder`: writes what comes on topics into a recording, as it came over the wire.

Topics are subscribed when somebody publishes them, with the reliability and durability that all
of their publishers offer, so that latched messages are in the recording too.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from dexgrasp_ros.bridge.bags import (
    TOPICS,
    harmless_name,
    recorded_profile,
    subscription_profile,
)
from dexgrasp_ros.bridge.executor import SteadyExecutor
from dexgrasp_ros.bridge.message_types import message_class
from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.dataset.formats.bags import BagWriter

_DISCOVERY_PERIOD = 0.2  # s between two looks for publishers of further topics
_SPIN = 0.1  # s; how often the loop asks whether it should stop


class BagRecorder:
    """Records on behalf of a node for as long as it lives.

    Parameters
    ----------
    node
        Its name space is that of relative topics.
    writer
        The recording.
    topics
        Which topics; by default all of the package.
    """

    def __init__(self, node: Node, writer: BagWriter, topics: Sequence[str] = TOPICS) -> None:
        self._node, self._writer = node, writer
        self._wanted = [node.resolve_topic_name(topic) for topic in topics]
        self._subscriptions: dict[str, tuple[QoSProfile, Subscription]] = {}
        self._refused: set[str] = set()
        self._timer = node.create_timer(_DISCOVERY_PERIOD, self._discover)

    @property
    def counts(self) -> dict[str, int]:
        """Messages so far, by topic."""
        return dict(self._writer.counts)

    def _discover(self) -> None:
        types = dict(self._node.get_topic_names_and_types())
        for topic in self._wanted:
            if topic in self._refused:
                continue
            offered = [info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)]
            if topic in self._subscriptions:
                self._follow(topic, offered)
            elif offered and topic in types:
                self._subscribe(topic, types[topic][0], offered)

    def _follow(self, topic: str, offered: Sequence[QoSProfile]) -> None:
        """Ask for less where a publisher has come that offers less: else it would not be heard."""
        before, subscription = self._subscriptions[topic]
        profile = subscription_profile([before, *offered])
        if (profile.reliability, profile.durability) != (before.reliability, before.durability):
            self._node.destroy_subscription(subscription)
            self._subscriptions[topic] = (
                profile,
                self._node.create_subscription(
                    subscription.msg_type, topic, subscription.callback, profile, raw=True
                ),
            )

    def _subscribe(self, topic: str, kind: str, offered: Sequence[QoSProfile]) -> None:
        try:
            message = message_class(kind)
            name = harmless_name(topic, kind)
            self._writer.add_topic(name, kind, [recorded_profile(p) for p in offered])
        except DexGraspError as error:
            self._refused.add(topic)
            self._node.get_logger().warning(f"'{topic}' is not recorded: {error}")
            return
        profile = subscription_profile(offered)
        self._subscriptions[topic] = (
            profile,
            self._node.create_subscription(
                message, topic, functools.partial(self._take, name), profile, raw=True
            ),
        )

    def _take(self, topic: str, data: bytes) -> None:
        self._writer.write(topic, self._node.get_clock().now().nanoseconds, data)


def record(
    node: Node,
    writer: BagWriter,
    topics: Sequence[str] = TOPICS,
    *,
    should_stop: Callable[[], bool],
    progress: Callable[[dict[str, int]], None] = lambda _: None,
) -> None:
    """Record until `should_stop`; `progress` takes the messages so far, by topic."""
    recorder = BagRecorder(node, writer, topics)
    executor = SteadyExecutor(context=node.context)
    executor.add_node(node)
    due = time.monotonic()
    try:
        while not should_stop():
            executor.spin_once(timeout_sec=_SPIN)
            if time.monotonic() >= due:
                due += _DISCOVERY_PERIOD
                progress(recorder.counts)
    finally:
        executor.shutdown()
