"""`reconstruction_node`: from depth and labels to meshes, on request or all the time.

Keeps the newest match of depth, camera_info and labels (see `frame_source`). The service
`reconstruct_objects` meshes it; what came of it is the response and, latched, `objects` and
`object_markers`. With the parameter `rate` new frames are meshed unasked, and published when an
object came, went or changed. Objects have the names that `label_info` gives their labels, where
vision_msgs is installed. `clear_objects` empties both topics. Meshing runs in a worker, one
frame at a time; requests that wait for the same labels have one answer. `/diagnostics` says what
comes in and how the last reconstruction went.

`fuse_views` adds the newest frame to those that are fused in the fixed frame, and with the
parameter `fuse` each frame that shows the scene from a new place is added as it comes. Once there
are views, they are meshed in place of the newest frame, until `clear_views`.
"""

from __future__ import annotations

import threading
import time
import traceback

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.service import Service
from rclpy.task import Future
from rclpy.timer import Timer
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.bridge.diagnostics import OK, WARN, CountRates, Diagnostics, Report
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.geometry import age_text
from dexgrasp_ros.bridge.labels import LabelNames
from dexgrasp_ros.bridge.markers import object_markers
from dexgrasp_ros.bridge.objects import object_array_message
from dexgrasp_ros.bridge.qos import latched_publisher
from dexgrasp_ros.bridge.servers import create_reaching_service
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, quoted
from dexgrasp_ros.nodes.reconstruction.frame_source import FrameSource
from dexgrasp_ros.nodes.reconstruction.parameters import ReconstructionParameters
from dexgrasp_ros.nodes.reconstruction.task import Outcome, ReconstructionTask, fill_response
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.shared.worker import Worker

_WARNING_PERIOD = 5.0  # s between two warnings about frames that nobody asked for


class ReconstructionNode(AutostartNode[ReconstructionParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('reconstruction_node', ReconstructionParameters)
        self._overrides = QoSOverridingOptions.with_default_policies()
        self._objects, self._markers = (
            self.create_publisher(
                kind, topic, latched_publisher(), qos_overriding_options=self._overrides
            )
            for kind, topic in ((ObjectArray, 'objects'), (MarkerArray, 'object_markers'))
        )
        self._diagnostics: Diagnostics | None = None  # while active
        self._transforms = transform_listener(self)
        self._worker = Worker(self)
        self._offered: list[Service] = []
        self._ticks: Timer | None = None
        self._source: FrameSource | None = None
        self._task: ReconstructionTask | None = None
        # Requests that wait, by labels and age: all that ask for the same have one answer.
        self._asked: dict[tuple[tuple[int, ...], float], Future] = {}
        self._asking = threading.Lock()
        self._under_way: Future | None = None  # mesh of a frame that nobody asked for
        self._fusing: Future | None = None
        self._last_stamp: int | None = None  # of the frame that was meshed unasked last
        self._last: dict[str, object] = {}  # about the last reconstruction, for diagnostics
        self._refused = self._reconstructions = 0

    def activate(self) -> None:
        """Listen to the camera and offer the services."""
        config = self.config
        self._source = FrameSource(
            self, lambda: self.config, self._overrides, self._transforms, self._on_match
        )
        self._names = LabelNames(self)
        self._task = ReconstructionTask(
            self._source,
            self._transforms,
            lambda: self.config,
            lambda: self.is_active,
            self._names,
        )
        self._rates = CountRates()
        self._last_stamp = None
        self._diagnostics = Diagnostics(self, 'reconstruction', self._report)
        if config.rate > 0:
            self._ticks = self.create_timer(1.0 / config.rate, self._on_tick)
        if not self._offered:
            # Their coroutines wait for the worker; in an exclusive group that would hold up the
            # images.
            group = ReentrantCallbackGroup()
            self._offered = [
                create_reaching_service(self, kind, name, callback, callback_group=group)
                for kind, name, callback in (
                    (ReconstructObjects, 'reconstruct_objects', self._on_reconstruct),
                    (Trigger, 'clear_objects', self._on_clear),
                    (Trigger, 'fuse_views', self._on_fuse),
                    (Trigger, 'clear_views', self._on_clear_views),
                )
            ]

    def deactivate(self) -> None:
        """Stop listening; requests are refused."""
        if self._ticks is not None:
            self.destroy_timer(self._ticks)
            self._ticks = None
        self._diagnostics.close()
        self._source.close()
        self._names.close()

    async def _on_reconstruct(
        self, request: ReconstructObjects.Request, response: ReconstructObjects.Response
    ) -> ReconstructObjects.Response:
        start = time.perf_counter()
        key = (tuple(request.labels), request.max_age)
        with self._asking:  # else the worker may begin, and forget it, before it is noted here
            asked = self._asked.get(key)  # the same by somebody else, and not begun
            work = self._worker.submit(self._answer, key) if asked is None else asked
            if asked is None:
                self._asked[key] = work
        try:
            outcome = await work
        except Exception as error:
            response.error_code, response.error_message = error_fields(error)
            self._note_failure(error)
        else:
            fill_response(response, outcome)
            if asked is None:
                self._note_success(outcome)
                self._publish(outcome)
        self.get_logger().info(
            f'Labels {quoted(list(request.labels)) if request.labels else "all"}:'
            f' {len(response.objects.objects)} objects,'
            f' {len(response.failures)} failures in {time.perf_counter() - start:.2f} s.'
            f' {response.error_message}'
        )
        return response

    def _answer(self, key: tuple[tuple[int, ...], float]) -> Outcome:
        """Mesh what was asked for, in the worker; who asks from now on wants a newer image."""
        with self._asking:
            self._asked.pop(key, None)
        labels, max_age = key
        return self._task.answer(list(labels) or None, max_age)

    def _on_tick(self) -> None:
        """Mesh the newest frame, unless the one before is still under way or it was meshed."""
        if self._under_way is not None and not self._under_way.done():
            return
        stamp = self._source.newest_stamp
        if stamp is None or stamp == self._last_stamp:
            return
        if abs(self._source.age) > self.config.max_age:
            return
        self._last_stamp = stamp
        self._under_way = self._worker.submit(self._task.follow)
        self._under_way.add_done_callback(self._on_frame)

    def _on_match(self) -> None:
        """Fuse a frame that has come, unless the one before is still under way."""
        if self.config.fuse and (self._fusing is None or self._fusing.done()):
            self._fusing = self._worker.submit(self._task.fuse_if_new)
            self._fusing.add_done_callback(self._on_fused)

    def _on_fused(self, future: Future) -> None:
        if (error := future.exception()) is not None:
            self._note_failure(error)
            self.get_logger().warning(
                f'A view was not fused: {error}', throttle_duration_sec=_WARNING_PERIOD
            )

    async def _on_fuse(
        self, _request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        try:
            response.message = await self._worker.submit(self._task.fuse)
            response.success = True
        except Exception as error:
            self._note_failure(error)
            response.message = error_fields(error)[1]
        return response

    async def _on_clear_views(
        self, _request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        await self._worker.submit(self._task.clear_views)
        response.success = True
        return response

    def _on_frame(self, future: Future) -> None:
        error = future.exception()
        if error is not None:
            self._note_failure(error)
            self.get_logger().warning(
                f'No objects: {error}', throttle_duration_sec=_WARNING_PERIOD
            )
            return
        outcome = future.result()
        self._note_success(outcome)
        if outcome.is_news and self.is_active:
            self._publish(outcome)

    def _publish(self, outcome: Outcome) -> None:
        self._objects.publish(outcome.objects)
        self._markers.publish(object_markers(outcome.objects.objects, outcome.objects.header))

    def _note_success(self, outcome: Outcome) -> None:
        self._reconstructions += 1
        self._last = {
            'last reconstruction [s]': outcome.made.timing['total'],
            'last objects': len(outcome.made.objects),
            'last failures': len(outcome.made.failures),
            'last error': ' '.join(str(error) for error in outcome.made.failures.values()),
        }

    def _note_failure(self, error: BaseException) -> None:
        self._last = {**self._last, 'last error': str(error)}
        if isinstance(error, DexGraspError):
            self._refused += error.code == ErrorCode.STALE_DATA
        else:
            self.get_logger().error(''.join(traceback.format_exception(error)))

    def _report(self) -> Report:
        source, config = self._source, self.config
        rates = self._rates.add(time.monotonic(), source.topics.counts())
        level, text = OK, 'Images come in and match.'
        if source.age is None:
            level, text = WARN, source.topics.missing()
        elif abs(source.age) > config.max_age:
            level, text = WARN, f'The newest images are {age_text(source.age)}.'
        values = {f'{name} [Hz]': rate for name, rate in rates.items()}
        values |= {'age of newest match [s]': 'none' if source.age is None else source.age}
        values |= {'requests refused for old images': self._refused}
        values |= {'fused views': self._task.view_count}
        values |= {'reconstructions': self._reconstructions, **self._last}
        return level, text, values

    def _on_clear(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        empty = object_array_message((), '', self.get_clock().now().nanoseconds)
        self._objects.publish(empty)
        self._markers.publish(object_markers((), empty.header))
        if self._task is not None:
            self._worker.submit(self._task.forget)
        response.success = True
        return response


main = main_of(ReconstructionNode)

if __name__ == '__main__':
    main()
