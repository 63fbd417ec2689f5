"""Depth frames for a node: what came on its topics, matched by stamp.

The depth comes as `depth/image` with `depth/camera_info`, or as the point cloud `points`; labels
always come as `segmentation`.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.clouds import cloud_frame
from dexgrasp_ros.bridge.geometry import age_text, stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import sensor_data
from dexgrasp_ros.bridge.synchronizer import StampSynchronizer
from dexgrasp_ros.bridge.transforms import TransformListener
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.nodes.reconstruction.parameters import ReconstructionParameters

_INFO = 'depth/camera_info'
# What makes a match, the depth first; the camera_info of a cloud need not be of its moment.
_TOPICS: Mapping[str, Mapping[str, type]] = {
    'depth': {'depth/image': Image, _INFO: CameraInfo, 'segmentation': Image},
    'points': {'points': PointCloud2, 'segmentation': Image},
}
_POLL = 0.02  # s between two looks for a new image


class FrameSource:
    """Subscribes on behalf of a node and keeps the newest match; see the module.

    Parameters
    ----------
    node
        The node; its topics are subscribed until `close`.
    config
        Gives its present parameters.
    overrides
        Of the subscriptions' QoS.
    transforms
        Where the pose of a cloud's frame in the camera's is looked up.
    on_match
        Called on the spinning thread after each new match.
    """

    def __init__(
        self,
        node: Node,
        config: Callable[[], ReconstructionParameters],
        overrides: QoSOverridingOptions,
        transforms: TransformListener,
        on_match: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_match = on_match
        self._node, self._config, self._transforms = node, config, transforms
        self._input = config().input
        topics = _TOPICS[self._input]
        self._synchronizer = StampSynchronizer(
            list(topics),
            slop=0 if config().exact_sync else int(config().sync_slop * 1e9),
            queue_size=config().sync_queue_size,
        )
        self._newest: tuple[Any, ...] | None = None
        self._info: CameraInfo | None = None
        self.received: Counter[str] = Counter(dict.fromkeys(topics, 0))
        self.matched = 0
        self._subscriptions = [
            node.create_subscription(
                kind,
                topic,
                functools.partial(self._take, topic),
                sensor_data(),
                qos_overriding_options=overrides,
            )
            for topic, kind in {**topics, _INFO: CameraInfo}.items()
        ]

    def close(self) -> None:
        """Stop listening."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    @property
    def newest_stamp(self) -> int | None:
        """Stamp of the newest match [ns]."""
        return None if self._newest is None else _stamp(self._newest)

    @property
    def age(self) -> float | None:
        """Age of the newest match [s], by the node's clock; negative where that is behind."""
        if self._newest is None:
            return None
        return (self._node.get_clock().now().nanoseconds - _stamp(self._newest)) / 1e9

    def wait(self, max_age: float, timeout: float, is_wanted: Callable[[], bool]) -> DepthFrame:
        """Return the newest match, once there is one whose stamp is within `max_age` [s] of now.

        Not on the thread that spins the node.

        Parameters
        ----------
        max_age
            Oldest match that will do [s]; the clock of the camera may be so far ahead.
        timeout
            How long to wait for one [s].
        is_wanted
            Asked often.

        Raises
        ------
        PerceptionError
            PREEMPTED when it is not wanted any more, STALE_DATA or NO_IMAGES after the timeout,
            TRANSFORM_UNAVAILABLE for a cloud in another frame than the camera's.
        InputError
            As `depth_frame` and `cloud_frame`.
        """
        until = time.monotonic() + timeout
        while True:
            newest, age = self._newest, self.age
            # A stamp that is ahead of the clock says as little as an old one.
            if newest is not None and abs(age) <= max_age:
                return self._frame(newest)
            if not is_wanted():
                raise PerceptionError(
                    f"The node '{self._node.get_name()}' is not active.", ErrorCode.PREEMPTED
                )
            if time.monotonic() > until:
                break
            time.sleep(_POLL)
        if newest is not None:
            raise PerceptionError(
                f'The newest images are {age_text(age)}; expected stamps of the last {max_age:g} s'
                ' (does the camera still publish, and on the same clock?).',
                ErrorCode.STALE_DATA,
            )
        counts = ', '.join(
            f"{count} on '{self._node.resolve_topic_name(topic)}'"
            for topic, count in self.received.items()
        )
        expected = ' and '.join(self.received)
        raise PerceptionError(
            f'No {expected} of one moment came; messages: {counts}.'
            ' Large best-effort images get lost without config/fastdds_shm.xml at the sender.',
            ErrorCode.NO_IMAGES,
        )

    def _take(self, topic: str, message: Any) -> None:
        if topic == _INFO:
            self._info = message
        if topic not in self.received:
            return
        self.received[topic] += 1
        match = self._synchronizer.add(topic, stamp_to_nanoseconds(message.header.stamp), message)
        if match is not None:
            self.matched += 1
            self._newest = match
            self._on_match()

    def _frame(self, match: tuple[Any, ...]) -> DepthFrame:
        config = self._config()
        if self._input == 'depth':
            return depth_frame(*match, assume_rectified=config.assume_rectified)
        cloud, labels = match
        return cloud_frame(
            cloud,
            self._info,
            labels,
            T_cam_cloud=self._pose_of(cloud),
            assume_rectified=config.assume_rectified,
        )

    def _pose_of(self, cloud: PointCloud2) -> Any:
        """Pose of the cloud's frame in the camera's; None where it is the same or not needed."""
        camera = '' if self._info is None else self._info.header.frame_id
        own = cloud.header.frame_id
        if cloud.height > 1 or not camera or camera == own:
            return None
        return self._transforms.lookup(
            camera,
            own,
            stamp_to_nanoseconds(cloud.header.stamp),
            self._config().tf_timeout,
        )


def _stamp(match: tuple[Any, ...]) -> int:
    return stamp_to_nanoseconds(match[0].header.stamp)
