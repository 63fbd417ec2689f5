"""`reconstruction_node`: from depth and labels to meshes, on request.

Keeps the newest match of `depth/image`, `depth/camera_info` and `segmentation`. The service
`reconstruct_objects` meshes it; what came of it is the response and, latched, `objects` and
`object_markers`. `clear_objects` empties both. Meshing runs in a worker, one request at a time.
"""

from __future__ import annotations

import functools
import time
import traceback
from collections import Counter

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.service import Service
from rclpy.subscription import Subscription
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray

from dexgrasp_msgs.msg import ObjectArray, ObjectFailure
from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.grasps import phase_times
from dexgrasp_ros.bridge.markers import object_markers
from dexgrasp_ros.bridge.objects import object_array_message
from dexgrasp_ros.bridge.qos import latched_publisher, sensor_data
from dexgrasp_ros.bridge.synchronizer import StampSynchronizer
from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.nodes.configuration import ReconstructionParameters
from dexgrasp_ros.nodes.lifecycle import AutostartNode
from dexgrasp_ros.nodes.process import main_of
from dexgrasp_ros.nodes.worker import Worker
from dexgrasp_ros.perception import reconstruct_frame

_TOPICS = {'depth/image': Image, 'depth/camera_info': CameraInfo, 'segmentation': Image}
_POLL = 0.02  # s between two looks for a new image
_CLOSE_TIMEOUT = 5.0  # s for work that cannot be interrupted to end with the process


class ReconstructionNode(AutostartNode[ReconstructionParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('reconstruction_node', ReconstructionParameters)
        self._overrides = QoSOverridingOptions.with_default_policies()
        self._objects = self.create_publisher(
            ObjectArray, 'objects', latched_publisher(), qos_overriding_options=self._overrides
        )
        self._markers = self.create_publisher(
            MarkerArray,
            'object_markers',
            latched_publisher(),
            qos_overriding_options=self._overrides,
        )
        self._worker = Worker(self)
        self._offered: list[Service] = []
        self._inputs: list[Subscription] = []
        self._newest: tuple[Image, CameraInfo, Image] | None = None
        self._received: Counter[str] = Counter()

    def activate(self) -> None:
        """Listen to the camera and offer the services."""
        config = self.config
        self._newest = None
        self._received.clear()
        self._synchronizer = StampSynchronizer(
            list(_TOPICS),
            slop=0 if config.exact_sync else int(config.sync_slop * 1e9),
            queue_size=config.sync_queue_size,
        )
        self._inputs = [
            self.create_subscription(
                kind,
                topic,
                functools.partial(self._take, topic),
                sensor_data(),
                qos_overriding_options=self._overrides,
            )
            for topic, kind in _TOPICS.items()
        ]
        if not self._offered:
            # Their coroutines wait for the worker; in an exclusive group that would hold up the
            # images.
            group = ReentrantCallbackGroup()
            self._offered = [
                self.create_service(
                    ReconstructObjects,
                    'reconstruct_objects',
                    self._on_reconstruct,
                    callback_group=group,
                ),
                self.create_service(
                    Trigger, 'clear_objects', self._on_clear, callback_group=group
                ),
            ]

    def deactivate(self) -> None:
        """Stop listening; requests are refused."""
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._inputs = []

    def close(self) -> None:
        """Refuse further requests and let the worker come to an end."""
        super().close()
        self._worker.close(_CLOSE_TIMEOUT)

    def _take(self, topic: str, message: Image | CameraInfo) -> None:
        self._received[topic] += 1
        stamp = stamp_to_nanoseconds(message.header.stamp)
        match = self._synchronizer.add(topic, stamp, message)
        if match is not None:
            self._newest = match

    async def _on_reconstruct(
        self, request: ReconstructObjects.Request, response: ReconstructObjects.Response
    ) -> ReconstructObjects.Response:
        start = time.perf_counter()
        try:
            found, markers = await self._worker.submit(self._reconstruct, request, response)
        except Exception as error:
            response.error_code, response.error_message = error_fields(error)
            if response.error_code == ErrorCode.INTERNAL:
                self.get_logger().error(''.join(traceback.format_exception(error)))
        else:
            response.objects = found
            self._objects.publish(found)
            self._markers.publish(markers)
        self.get_logger().info(
            f'Labels {list(request.labels) or "all"}: {len(response.objects.objects)} objects,'
            f' {len(response.failures)} failures in {time.perf_counter() - start:.2f} s.'
            f' {response.error_message}'
        )
        return response

    def _reconstruct(
        self, request: ReconstructObjects.Request, response: ReconstructObjects.Response
    ) -> tuple[ObjectArray, MarkerArray]:
        """Do the work of one request, in the worker; fills in all of the response but objects."""
        config = self.config
        depth, info, labels = self._wait_for_images(request.max_age or config.max_age)
        frame = depth_frame(depth, info, labels, assume_rectified=config.assume_rectified)
        wanted = list(request.labels) or None
        made = reconstruct_frame(frame, labels=wanted, config=config.perception)
        response.timing = phase_times(made.timing)
        for label, error in made.failures.items():
            code, message = error_fields(error)
            response.failures.append(
                ObjectFailure(label=label, error_code=code, error_message=message)
            )
        if not made.objects:
            response.error_code = response.failures[0].error_code
            response.error_message = ' '.join(f.error_message for f in response.failures)
        found = object_array_message(made.objects, frame.frame_id, frame.stamp)
        return found, object_markers(found.objects, found.header)

    def _wait_for_images(self, max_age: float) -> tuple[Image, CameraInfo, Image]:
        """Return the newest match, once there is one that is not older than `max_age` [s]."""
        until = time.monotonic() + self.config.image_timeout
        while True:
            newest = self._newest
            if newest is not None:
                stamp = stamp_to_nanoseconds(newest[0].header.stamp)
                age = (self.get_clock().now().nanoseconds - stamp) / 1e9
                if age <= max_age:
                    return newest
            if not self.is_active:
                raise PerceptionError(
                    'The reconstruction node is not active.', ErrorCode.PREEMPTED
                )
            if time.monotonic() > until:
                break
            time.sleep(_POLL)
        if newest is not None:
            raise PerceptionError(
                f'The newest images are {age:.2f} s old; expected at most {max_age:g} s (does the'
                ' camera still publish, and on the same clock?).',
                ErrorCode.STALE_DATA,
            )
        counts = ', '.join(
            f"{self._received[t]} on '{self.resolve_topic_name(t)}'" for t in _TOPICS
        )
        raise PerceptionError(
            f'No depth, camera_info and segmentation of one moment came; messages: {counts}.'
            ' Large best-effort images get lost without config/fastdds_shm.xml at the sender.',
            ErrorCode.NO_IMAGES,
        )

    def _on_clear(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        empty = object_array_message((), '', self.get_clock().now().nanoseconds)
        self._objects.publish(empty)
        self._markers.publish(object_markers((), empty.header))
        response.success = True
        return response


main = main_of(ReconstructionNode)

if __name__ == '__main__':
    main()
