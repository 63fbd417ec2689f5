"""The colour image that goes with a depth image, where somebody publishes one."""

from __future__ import annotations

import collections
import dataclasses

from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from dexgrasp_ros.bridge.color_images import color_array
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import sensor_data
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError

_TOPIC = 'rgb/image'
_KEPT = 10  # images: a third of a second at 30 Hz
_WARN_PERIOD = 30.0  # s between two warnings


class ColorSource:
    """Keeps the newest images of `rgb/image`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._kept: collections.deque[tuple[int, Image]] = collections.deque(maxlen=_KEPT)
        self._subscription: Subscription | None = None
        self._slop = 0

    def start(self, slop: int) -> None:
        """Listen; images match whose stamps are `slop` [ns] apart at most."""
        self._slop = slop
        self._subscription = self._node.create_subscription(
            Image, _TOPIC, self._take, sensor_data()
        )

    def stop(self) -> None:
        """Stop listening and forget all images."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        self._kept.clear()

    def is_published(self) -> bool:
        """Whether somebody publishes colours."""
        return self._subscription is not None and self._node.count_publishers(_TOPIC) > 0

    def at(self, stamp: int) -> Image | None:
        """Image nearest to `stamp` [ns], if one matches."""
        distance, image = min(
            ((abs(s - stamp), image) for s, image in self._kept),
            key=lambda entry: entry[0],
            default=(0, None),
        )
        return image if distance <= self._slop else None

    def added(self, frame: DepthFrame, image: Image | None) -> DepthFrame:
        """`frame` with the colours of `image`; without them, and a warning, where it cannot be."""
        if image is None:
            return frame
        try:
            return dataclasses.replace(frame, rgb=color_array(image))
        except DexGraspError as error:
            self._node.get_logger().warning(
                f"'{_TOPIC}' is not used, depth alone is: {error}",
                throttle_duration_sec=_WARN_PERIOD,
            )
            return frame

    def _take(self, message: Image) -> None:
        self._kept.append((stamp_to_nanoseconds(message.header.stamp), message))
