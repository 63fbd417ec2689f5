"""The colour image that goes with a depth image, where somebody publishes one."""

from __future__ import annotations

import collections
import dataclasses

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from dexgrasp_ros.bridge.camera import check_same_camera
from dexgrasp_ros.bridge.color_images import color_array
from dexgrasp_ros.bridge.compressed_images import as_color_image
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.image_topics import ImageSubscription
from dexgrasp_ros.bridge.qos import sensor_data
from dexgrasp_ros.bridge.rectification import Rectification
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError

_TOPIC = 'rgb/image'
_KEPT = 10  # images: a third of a second at 30 Hz
_WARN_PERIOD = 30.0  # s between two warnings

Colors = Image | CompressedImage


class ColorSource:
    """Keeps the newest images of `rgb/image`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._kept: collections.deque[tuple[int, Colors]] = collections.deque(maxlen=_KEPT)
        self._images: ImageSubscription | None = None
        self._slop = 0

    def start(self, slop: int, transport: str) -> None:
        """Listen; images match whose stamps are `slop` [ns] apart at most."""
        self._slop = slop
        self._images = ImageSubscription(
            self._node, _TOPIC, self._take, sensor_data(), transport=transport
        )

    def stop(self) -> None:
        """Stop listening and forget all images."""
        if self._images is not None:
            self._images.close()
            self._images = None
        self._kept.clear()

    def is_published(self) -> bool:
        """Whether somebody publishes colours."""
        return self._images is not None and self._images.is_published()

    def at(self, stamp: int) -> Colors | None:
        """Image nearest to `stamp` [ns], if one matches."""
        distance, image = min(
            ((abs(s - stamp), image) for s, image in self._kept),
            key=lambda entry: entry[0],
            default=(0, None),
        )
        return image if distance <= self._slop else None

    def added(
        self,
        frame: DepthFrame,
        image: Colors,
        lens: Rectification | None,
        *,
        assume_aligned: bool,
    ) -> DepthFrame:
        """`frame` with the colours of `image`; without them, and a warning, where it cannot be.

        They are rectified by `lens`, as the depth of `frame` was.
        """
        try:
            if not assume_aligned:
                check_same_camera('colour image', image.header.frame_id, frame.frame_id)
            colors = color_array(as_color_image(image))
            if lens is not None and colors.shape[:2] == frame.depth.shape:
                colors = lens.rectified(colors)
            return dataclasses.replace(frame, rgb=colors)
        except DexGraspError as error:
            self._node.get_logger().warning(
                f"'{_TOPIC}' is not used, depth alone is: {error}",
                throttle_duration_sec=_WARN_PERIOD,
            )
            return frame

    def _take(self, message: Colors) -> None:
        self._kept.append((stamp_to_nanoseconds(message.header.stamp), message))
