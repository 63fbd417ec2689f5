"""`tabletop_segmentation_node`: labels for those who have no segmentation.

Takes `depth/image`, `depth/camera_info` and, where it comes, `rgb/image` (of the depth image's
size and stamp, registered to it), and publishes `segmentation` with the depth image's header and
for its pixels, as its lens shows them: the objects on the table, or the one that a prompt names.
Prompts stay until the next one comes:

- `segmentation_box` (sensor_msgs/RegionOfInterest): pixels; a box without width or height takes
  the prompt back;
- `clicked_point` (geometry_msgs/PointStamped, as RViz publishes it): in any frame that tf
  connects with the camera's.

The newest image is segmented in a worker, `rate` times a second at most. Where nothing is found
the label image is empty. Why, and why an image has none, is said on `segmentation_refusals` and in
the log.
"""

from __future__ import annotations

import threading
import time
import traceback

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PointStamped
from rclpy.clock import Clock, ClockType
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from rclpy.task import Future
from rclpy.timer import Timer
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest

from dexgrasp_ros.bridge.diagnostics import OK, WARN, CountRates, Diagnostics, Report
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.images import label_message
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.bridge.refusals import refusal_message
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.nodes.segmentation.color_source import ColorSource
from dexgrasp_ros.nodes.segmentation.parameters import TabletopSegmentationParameters
from dexgrasp_ros.nodes.segmentation.task import Images, Prompt, SegmentationTask
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.matched_topics import DEPTH, INFO, MatchedTopics
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.shared.worker import Worker

_POLL = 0.02  # s between two looks whether there is something to do
_LABEL_DEPTH = 2  # label images that may wait for a reliable subscription
_WARN_PERIOD = 2.0  # s between two warnings
_SILENCE = 5.0  # s without images after which diagnostics say so


class TabletopSegmentationNode(AutostartNode[TabletopSegmentationParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('tabletop_segmentation_node', TabletopSegmentationParameters)
        self._overrides = QoSOverridingOptions.with_default_policies()
        # Reliable, so that a subscription of either kind gets the labels.
        self._labels = self.create_publisher(
            Image, 'segmentation', standard(_LABEL_DEPTH), qos_overriding_options=self._overrides
        )
        self._refusals = self.create_publisher(
            DiagnosticArray, 'segmentation_refusals', standard()
        )
        self._worker = Worker(self)
        self._colors = ColorSource(self)
        self._task = SegmentationTask(self._colors, transform_listener(self), lambda: self.config)
        self._camera: MatchedTopics | None = None  # while active
        self._prompts: list[Subscription] = []
        self._timer: Timer | None = None
        self._newest: Images | None = None  # not yet segmented
        self._running: Future | None = None
        self._stop = threading.Event()
        self._last_start = -np.inf
        self._prompt = Prompt()
        self._diagnostics: Diagnostics | None = None  # while active

    def activate(self) -> None:
        """Listen to the camera and to prompts."""
        config = self.config
        self._newest, self._last_start = None, -np.inf
        self._stop.clear()
        self._heard = time.monotonic()  # when the last images came
        self._camera = MatchedTopics(
            self,
            {DEPTH: Image, INFO: CameraInfo},
            self._on_images,
            transport=config.transport,
            slop=config.sync_slop,
            queue_size=config.sync_queue_size,
            overrides=self._overrides,
        )
        self._prompts = [
            self.create_subscription(kind, topic, callback, standard())
            for kind, topic, callback in (
                (RegionOfInterest, 'segmentation_box', self._on_box),
                (PointStamped, 'clicked_point', self._on_point),
            )
        ]
        self._colors.start(int(config.sync_slop * 1e9), config.transport)
        self._published = 0  # label images
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
        self._camera.close()
        self._diagnostics.close()
        for subscription in self._prompts:
            self.destroy_subscription(subscription)
        self._prompts = []
        if self._timer is not None:
            self.destroy_timer(self._timer)
            self._timer = None

    def _on_images(self, depth: Image | CompressedImage, info: CameraInfo) -> None:
        self._heard = time.monotonic()
        self._newest = Images(
            depth=depth,
            info=info,
            stamp=stamp_to_nanoseconds(depth.header.stamp),
            arrival=self._heard,
        )

    def _on_box(self, message: RegionOfInterest) -> None:
        self._prompt = Prompt(box=message if message.width and message.height else None)

    def _on_point(self, message: PointStamped) -> None:
        self._prompt = Prompt(point=message)

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
        self._running = self._worker.submit(self._segment, images, color, self._prompt, self._stop)
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
            self._published += 1

    def _segment(
        self,
        images: Images,
        color: Image | CompressedImage | None,
        prompt: Prompt,
        stop: threading.Event,
    ) -> Image | None:
        """Make the label image, in the worker.

        Without labels where there is no object, so that who waits for labels learns it; None where
        the images themselves are wrong.
        """
        seen = None
        try:
            seen = self._task.see(images, color)
            found = self._task.segment(seen, prompt, stop)
        except DexGraspError as error:
            self._refuse(images, error)
            labels = None if seen is None else np.zeros(seen.frame.depth.shape, np.int32)
        else:
            labels = found.labels
            self._last = {'last objects': int(labels.max()), 'last [s]': found.timing['total']}
            for warning in found.warnings:
                self.get_logger().warning(warning, throttle_duration_sec=_WARN_PERIOD)
            self.get_logger().debug(
                f'{labels.max()} objects in {found.timing["total"]:.2f} s'
                f' {"with" if seen.frame.rgb is not None else "without"} colours.'
            )
        return None if labels is None else label_message(labels, images.depth.header)

    def _refuse(self, images: Images, error: DexGraspError) -> None:
        """Tell why an image has no labels, before who waits for them gets an empty image."""
        self._refusals.publish(
            refusal_message(self.get_fully_qualified_name(), images.depth.header, error)
        )
        code, message = error_fields(error)
        self._last = {'last error': f'{ErrorCode(code).name}: {message}'}
        self.get_logger().warning(
            f'No labels ({ErrorCode(code).name}): {message}',
            throttle_duration_sec=_WARN_PERIOD,
        )

    def _report(self) -> Report:
        counts = {**self._camera.counts(), 'label images': self._published}
        rates = self._rates.add(time.monotonic(), counts)
        level, text = OK, 'Images come in.'
        if not counts['matches']:
            level, text = WARN, self._camera.missing()
        elif (silence := time.monotonic() - self._heard) > _SILENCE:
            level, text = WARN, f'No images have come for {silence:.1f} s.'
        elif 'last error' in self._last:
            level, text = WARN, str(self._last['last error'])
        given = {'box': self._prompt.box, 'point': self._prompt.point}
        prompt = next((name for name, prompt in given.items() if prompt is not None), 'none')
        values = {f'{name} [Hz]': rate for name, rate in rates.items()}
        return level, text, {**values, 'prompt': prompt, **self._last}


main = main_of(TabletopSegmentationNode)

if __name__ == '__main__':
    main()
