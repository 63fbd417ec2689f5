"""Where `grasp_node` gets the objects of a goal with SOURCE_LIVE from.

Fresh objects that were published on `objects` are taken as they are, so that any node may provide
them, and a person may look at a reconstruction before asking for grasps of it. Otherwise the
service `reconstruct_objects` is called. For all objects it is called in any case, where somebody
offers it, since those on the topic may be a selection.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from dexgrasp_msgs.action import SynthesizeGrasps
from dexgrasp_msgs.msg import Object, ObjectArray, ObjectFailure
from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import latched_subscription
from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.core.progress import StopCallback, check_stop

_ALL = SynthesizeGrasps.Goal.LABEL_ALL
_POLL = 0.02  # s between two looks whether the goal was cancelled
_DISCOVERY = 3.0  # s in which a node that has just started is found


class ObjectSource:
    """Objects of the scene for a node; see the module."""

    def __init__(self, node: Node) -> None:
        self._node = node
        group = ReentrantCallbackGroup()
        self._newest: ObjectArray | None = None
        self._subscription = node.create_subscription(
            ObjectArray, 'objects', self._take, latched_subscription(), callback_group=group
        )
        self._client = node.create_client(
            ReconstructObjects, 'reconstruct_objects', callback_group=group
        )

    def find(
        self, label: int, *, max_age: float, timeout: float, should_stop: StopCallback
    ) -> tuple[Sequence[Object], Sequence[ObjectFailure]]:
        """Objects with `label` (-1: all), and why others are missing; not on the spinning thread.

        Parameters
        ----------
        label
            Which object.
        max_age
            Objects of older images are not taken from the topic [s].
        timeout
            How long a reconstruction may take [s].
        should_stop
            Asked often.

        Raises
        ------
        PerceptionError
            The code of the reconstruction; RECONSTRUCTION_FAILED where nobody offers it or it
            does not answer.
        SynthesisError
            CANCELLED.
        """
        fresh = self._fresh(max_age)
        chosen = [o for o in fresh if o.label == label]
        if chosen:
            return chosen, ()
        if not self._wait(self._client.service_is_ready, _DISCOVERY, should_stop):
            if label == _ALL and fresh:
                return fresh, ()
            raise PerceptionError(
                'Nobody offers the service'
                f" '{self._node.resolve_service_name('reconstruct_objects')}', and the topic"
                f" '{self._node.resolve_topic_name('objects')}' has had no object of label {label}"
                f' for {max_age:g} s. Is reconstruction_node active?'
            )
        return self._reconstruct([] if label == _ALL else [label], timeout, should_stop)

    def _reconstruct(
        self, labels: list[int], timeout: float, should_stop: StopCallback
    ) -> tuple[Sequence[Object], Sequence[ObjectFailure]]:
        request, done = ReconstructObjects.Request(labels=labels), threading.Event()
        futures: list[Future] = []
        offered = 0

        def is_over() -> bool:
            nonlocal offered
            before, offered = offered, self._node.count_services(self._client.service_name)
            if offered > before:  # at first, and where a node was started that has not heard it
                futures.append(self._client.call_async(request))
                futures[-1].add_done_callback(lambda _: done.set())
            return done.is_set() or not self._client.service_is_ready()

        try:
            is_late = not self._wait(is_over, timeout, should_stop)
        finally:
            waiting = [future for future in futures if not future.done()]
            for future in waiting:
                self._client.remove_pending_request(future)
        answers = [future for future in futures if future not in waiting]
        if not answers:
            raise PerceptionError(
                f"'reconstruct_objects' did not answer within {timeout:g} s."
                if is_late
                else "Whoever offered 'reconstruct_objects' is gone."
            )
        response = answers[0].result()
        if response.error_code:
            raise PerceptionError(response.error_message, ErrorCode(response.error_code))
        return response.objects.objects, response.failures

    def _fresh(self, max_age: float) -> Sequence[Object]:
        newest = self._newest
        if newest is None:
            return ()
        now = self._node.get_clock().now().nanoseconds
        age = (now - stamp_to_nanoseconds(newest.header.stamp)) / 1e9
        # A clock that went back makes old objects ones of the future, for as long as it went back.
        return newest.objects if abs(age) <= max_age else ()

    def _take(self, message: ObjectArray) -> None:
        self._newest = message

    @staticmethod
    def _wait(condition: Callable[[], bool], timeout: float, should_stop: StopCallback) -> bool:
        until = time.monotonic() + timeout
        while not condition():
            check_stop(should_stop)
            if time.monotonic() > until:
                return False
            time.sleep(_POLL)
        return True
