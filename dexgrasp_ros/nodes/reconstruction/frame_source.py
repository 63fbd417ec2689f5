"""Depth frames for a node: what came on its topics, matched by stamp.

The depth comes as `depth/image` with `depth/camera_info`, or as the point cloud `points`; labels
always come as `segmentation`. Where a segmentation says on `segmentation_refusals` why it gives
none, that is the answer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.clouds import cloud_frame
from dexgrasp_ros.bridge.geometry import age_text, stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import sensor_data, standard
from dexgrasp_ros.bridge.refusals import refusal_error
from dexgrasp_ros.bridge.transforms import TransformListener
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.nodes.reconstruction.parameters import ReconstructionParameters
from dexgrasp_ros.nodes.shared.matched_topics import DEPTH, INFO, MatchedTopics

# What makes a match, the depth first; the camera_info of a cloud need not be of its moment.
_TOPICS: Mapping[str, Mapping[str, type]] = {
    'depth': {DEPTH: Image, INFO: CameraInfo, 'segmentation': Image},
    'points': {'points': PointCloud2, 'segmentation': Image},
}
_REFUSALS = 10  # of a segmentation that are kept
_POLL = 0.02  # s between two looks for a new image
_ADVICE = ' (does the camera still publish, and on the same clock?).'


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
        self._newest: tuple[Any, ...] | None = None
        self._info: CameraInfo | None = None  # of a cloud
        # The newest; one of another image may come between those of image and labels.
        self._refusals: deque[DiagnosticArray] = deque(maxlen=_REFUSALS)
        self.topics = MatchedTopics(
            node,
            _TOPICS[self._input],
            self._on_messages,
            transport=config().transport,
            slop=0 if config().exact_sync else config().sync_slop,
            queue_size=config().sync_queue_size,
            overrides=overrides,
        )
        self._subscriptions: list[Subscription] = [
            node.create_subscription(
                DiagnosticArray, 'segmentation_refusals', self._on_refusal, standard()
            )
        ]
        if self._input == 'points':
            info = node.create_subscription(
                CameraInfo, INFO, self._on_info, sensor_data(), qos_overriding_options=overrides
            )
            self._subscriptions.append(info)

    def close(self) -> None:
        """Stop listening."""
        self.topics.close()
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
        return None if self._newest is None else self._age_of(_stamp(self._newest))

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
            PREEMPTED when it is not wanted any more; what the segmentation has said in place of
            labels; STALE_DATA or NO_IMAGES after the timeout; TRANSFORM_UNAVAILABLE for a cloud in
            another frame than the camera's.
        InputError
            As `depth_frame` and `cloud_frame`.
        """
        until = time.monotonic() + timeout
        while True:
            newest, age = self._newest, self.age
            # A stamp that is ahead of the clock says as little as an old one.
            if newest is not None and abs(age) <= max_age:
                self._check_labelled(newest)
                return self._frame(newest)
            if not is_wanted():
                raise PerceptionError(
                    f"The node '{self._node.get_name()}' is not active.", ErrorCode.PREEMPTED
                )
            if time.monotonic() > until:
                break
            time.sleep(_POLL)
        if self._refusals and abs(self._age_of(_stamp([self._refusals[-1]]))) <= max_age:
            raise refusal_error(self._refusals[-1])
        if newest is not None:
            stopped = self.topics.stopped()
            raise PerceptionError(
                f'The newest images are {age_text(age)}; expected stamps of the last {max_age:g} s'
                + (f'. {stopped}' if stopped else _ADVICE),
                ErrorCode.STALE_DATA,
            )
        raise PerceptionError(self.topics.missing(), ErrorCode.NO_IMAGES)

    def _on_messages(self, *match: Any) -> None:
        self._newest = match
        self._on_match()

    def _on_info(self, message: CameraInfo) -> None:
        self._info = message

    def _on_refusal(self, message: DiagnosticArray) -> None:
        self._refusals.append(message)

    def _age_of(self, stamp: int) -> float:
        return (self._node.get_clock().now().nanoseconds - stamp) / 1e9

    def _check_labelled(self, match: tuple[Any, ...]) -> None:
        """Raise what the segmentation has said about the image of the labels, if it refused it."""
        for refusal in tuple(self._refusals):  # more come on another thread
            if refusal.header.stamp == match[-1].header.stamp:
                raise refusal_error(refusal)

    def _frame(self, match: tuple[Any, ...]) -> DepthFrame:
        config = self._config()
        if self._input == 'depth':
            return depth_frame(
                *match,
                assume_rectified=config.assume_rectified,
                assume_aligned=config.assume_aligned,
            )
        cloud, labels = match
        return cloud_frame(
            cloud,
            self._info,
            labels,
            T_cam_cloud=self._pose_of(cloud),
            assume_rectified=config.assume_rectified,
            assume_aligned=config.assume_aligned,
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
