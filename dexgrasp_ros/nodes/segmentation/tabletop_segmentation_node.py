"""`tabletop_segmentation_node`: labels for those who have no segmentation.

Takes `depth/image`, `depth/camera_info` and, where it comes, `rgb/image` (of the depth image's
size and stamp, registered to it), and publishes `segmentation` with the depth image's header: the
objects on the table, or the one that a prompt names. Prompts stay until the next one comes:

- `segmentation_box` (sensor_msgs/RegionOfInterest): pixels; a box without width or height takes
  the prompt back;
- `clicked_point` (geometry_msgs/PointStamped, as RViz publishes it): in any frame that tf
  connects with the camera's.

The newest image is segmented in a worker, `rate` times a second at most. Where nothing is found
the label image is empty, and the log says why.
"""

from __future__ import annotations

import functools
import threading
import time
import traceback
from collections import Counter
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PointStamped
from rclpy.clock import Clock, ClockType
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from rclpy.task import Future
from rclpy.timer import Timer
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest

from dexgrasp_ros.bridge.camera import depth_frame
from dexgrasp_ros.bridge.diagnostics import OK, WARN, CountRates, Diagnostics, Report
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.images import label_message
from dexgrasp_ros.bridge.qos import sensor_data, standard
from dexgrasp_ros.bridge.synchronizer import StampSynchronizer
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.nodes.segmentation.color_source import ColorSource
from dexgrasp_ros.nodes.segmentation.parameters import TabletopSegmentationParameters
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.shared.worker import Worker
from dexgrasp_ros.perception.segmentation.tabletop import segment_tabletop

_CAMERA = {'depth/image': Image, 'depth/camera_info': CameraInfo}
_POLL = 0.02  # s between two looks whether there is something to do
_LABEL_DEPTH = 2  # label images that may wait for a reliable subscription
_WARN_PERIOD = 2.0  # s between two warnings
_SILENCE = 5.0  # s without images after which diagnostics say so


@dataclass(frozen=True, kw_only=True)
class _Images:
    """One moment of the camera."""

    depth: Image
    info: CameraInfo
    stamp: int  # ns
    arrival: float  # s, monotonic


class TabletopSegmentationNode(AutostartNode[TabletopSegmentationParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('tabletop_segmentation_node', TabletopSegmentationParameters)
        self._overrides = QoSOverridingOptions.with_default_policies()
        # Reliable, so that a subscription of either kind gets the labels.
        self._labels = self.create_publisher(
            Image, 'segmentation', standard(_LABEL_DEPTH), qos_overriding_options=self._overrides
        )
        self._transforms = transform_listener(self)
        self._worker = Worker(self)
        self._colors = ColorSource(self)
        self._inputs: list[Subscription] = []
        self._timer: Timer | None = None
        self._newest: _Images | None = None  # not yet segmented
        self._running: Future | None = None
        self._stop = threading.Event()
        self._last_start = -np.inf
        self._box: RegionOfInterest | None = None
        self._point: PointStamped | None = None
        self._diagnostics: Diagnostics | None = None  # while active

    def activate(self) -> None:
        """Listen to the camera and to prompts."""
        config = self.config
        self._newest, self._last_start = None, -np.inf
        self._stop.clear()
        self._synchronizer = StampSynchronizer(
            list(_CAMERA), slop=int(config.sync_slop * 1e9), queue_size=config.sync_queue_size
        )
        camera = [
            self.create_subscription(
                kind,
                topic,
                functools.partial(self._take, topic),
                sensor_data(),
                qos_overriding_options=self._overrides,
            )
            for topic, kind in _CAMERA.items()
        ]
        prompts = [
            self.create_subscription(kind, topic, callback, standard())
            for kind, topic, callback in (
                (RegionOfInterest, 'segmentation_box', self._on_box),
                (PointStamped, 'clicked_point', self._on_point),
            )
        ]
        self._inputs = [*camera, *prompts]
        self._colors.start(int(config.sync_slop * 1e9))
        self._counts: Counter[str] = Counter({'matches': 0, 'label images': 0})
        self._heard = time.monotonic()  # when the last images came
        self._rates, self._last = CountRates(), {}
        self._diagnostics = Diagnostics(self, 'segmentation', self._report)
        # Its rate is about this machine's load, not about the time that is simulated.
        self._timer = self.create_timer(
            _POLL, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def deactivate(self) -> None:
        """Stop listening; what is under way is not published."""
        self._stop.set()
        self._colors.stop()
        self._diagnostics.close()
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._inputs = []
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None

    def _take(self, topic: str, message: Image | CameraInfo) -> None:
        stamp = stamp_to_nanoseconds(message.header.stamp)
        match = self._synchronizer.add(topic, stamp, message)
        if match is not None:
            self._counts['matches'] += 1
            self._heard = time.monotonic()
            depth, info = match
            self._newest = _Images(
                depth=depth,
                info=info,
                stamp=stamp_to_nanoseconds(depth.header.stamp),
                arrival=time.monotonic(),
            )

    def _on_box(self, message: RegionOfInterest) -> None:
        self._box = message if message.width and message.height else None
        self._point = None

    def _on_point(self, message: PointStamped) -> None:
        self._box, self._point = None, message

    def _look(self) -> None:
        """Start on the newest image when it is time and its colours have come, or did not."""
        images, now = self._newest, time.monotonic()
        if self._running is not None or images is None:
            return
        if now - self._last_start < 1.0 / self.config.rate:
            return
        color = self._colors.at(images.stamp)
        waits = now - images.arrival < self.config.color_wait
        if color is None and self._colors.is_published() and waits:
            return
        self._newest, self._last_start = None, now
        self._running = self._worker.submit(
            self._segment, images, color, self._box, self._point, self._stop
        )
        self._running.add_done_callback(self._on_done)

    def _on_done(self, done: Future) -> None:
        self._running = None
        error = done.exception()
        if error is not None:
            # The worker catches what it expects.
            self.get_logger().error(
                ''.join(traceback.format_exception(error)), throttle_duration_sec=_WARN_PERIOD
            )
        elif self.is_active and done.result() is not None:
            self._labels.publish(done.result())
            self._counts['label images'] += 1

    def _segment(
        self,
        images: _Images,
        color: Image | None,
        box: RegionOfInterest | None,
        point: PointStamped | None,
        stop: threading.Event,
    ) -> Image | None:
        """Make the label image, in the worker.

        Without labels where there is no object, so that who waits for labels learns it; None where
        the images themselves are wrong.
        """
        config, frame = self.config, None
        try:
            frame = depth_frame(
                images.depth, images.info, None, assume_rectified=config.assume_rectified
            )
            frame = self._colors.added(frame, color)
            found = segment_tabletop(
                frame,
                box=None if box is None else (box.x_offset, box.y_offset, box.width, box.height),
                point=None if point is None else self._in_camera(frame, point, stop),
                config=config.segmentation,
            )
        except DexGraspError as error:
            code, message = error_fields(error)
            self._last = {'last error': f'{ErrorCode(code).name}: {message}'}
            self.get_logger().warning(
                f'No labels ({ErrorCode(code).name}): {message}',
                throttle_duration_sec=_WARN_PERIOD,
            )
            labels = None if frame is None else np.zeros(frame.depth.shape, np.int32)
        else:
            labels = found.labels
            self._last = {'last objects': int(labels.max()), 'last [s]': found.timing['total']}
            for warning in found.warnings:
                self.get_logger().warning(warning, throttle_duration_sec=_WARN_PERIOD)
            self.get_logger().debug(
                f'{labels.max()} objects in {found.timing["total"]:.2f} s'
                f' {"with" if frame.rgb is not None else "without"} colours.'
            )
        return None if labels is None else label_message(labels, images.depth.header)

    def _in_camera(
        self, frame: DepthFrame, message: PointStamped, stop: threading.Event
    ) -> tuple[float, float, float]:
        """Clicked point [m] in the camera's frame, at the moment of the image."""
        point = (message.point.x, message.point.y, message.point.z)
        source = message.header.frame_id.lstrip('/')
        if source in ('', frame.frame_id.lstrip('/')):
            return point
        pose = self._transforms.lookup(
            frame.frame_id.lstrip('/'),
            source,
            frame.stamp,
            self.config.tf_timeout,
            stop.is_set,
        )
        return tuple(transform_points(pose, [point])[0])

    def _report(self) -> Report:
        rates = self._rates.add(time.monotonic(), self._counts)
        level, text = OK, 'Images come in.'
        if not self._counts['matches']:
            level, text = WARN, f'No {" and ".join(_CAMERA)} of one moment came.'
        elif (silence := time.monotonic() - self._heard) > _SILENCE:
            level, text = WARN, f'No images have come for {silence:.1f} s.'
        elif 'last error' in self._last:
            level, text = WARN, str(self._last['last error'])
        prompt = 'box' if self._box is not None else 'point' if self._point is not None else 'none'
        values = {f'{name} [Hz]': rate for name, rate in rates.items()}
        return level, text, {**values, 'prompt': prompt, **self._last}


main = main_of(TabletopSegmentationNode)

if __name__ == '__main__':
    main()
