"""What a simulated world does, seen through its topics: for demos, benchmarks and tests."""

from __future__ import annotations

import bisect
import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from dexgrasp_msgs.msg import Object, ObjectArray
from dexgrasp_ros.bridge.geometry import mesh_arrays, pose_array, stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import latched_subscription, sensor_data, standard
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.evaluation.lift import Course

_POLL = 0.02  # s between two looks


class SimulationWatch:
    """Records where objects and hand of a simulated world are.

    Parameters
    ----------
    node
        Whose subscriptions these are; another thread spins it.
    hand
        Whose links are recorded as well.
    world_frame
        Frame that objects and the hand's root are placed in.
    """

    def __init__(self, node: Node, hand: HandModel, *, world_frame: str = 'world') -> None:
        self._node, self._hand, self._world = node, hand, world_frame
        self._lock = threading.Lock()
        self._objects: dict[int, Object] = {}
        self._poses: dict[str, list[tuple[int, NDArray]]] = {}  # of the objects, by frame
        self._links: list[tuple[int, dict[str, NDArray]]] = []  # in their parents
        self._stamp = 0  # ns, of the newest transforms
        self._clock = 0  # ns
        self._since = 0  # ns, of the newest objects
        node.create_subscription(ObjectArray, 'sim_objects', self._take, latched_subscription())
        self._image = 0  # ns, of the newest image
        node.create_subscription(CameraInfo, 'depth/camera_info', self._see, sensor_data())
        # At most one may wait: it is the time of the moment, however late the others are.
        node.create_subscription(Clock, '/clock', self._take_time, sensor_data(1))
        node.create_subscription(TFMessage, '/tf', self._take_transforms, standard(1000))

    @property
    def objects(self) -> dict[int, Object]:
        """The objects by label; label 0 is the table."""
        return self._objects

    @property
    def now(self) -> float:
        """Simulated time [s]."""
        return self._clock / 1e9

    def wait(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait for a condition.

        Raises
        ------
        DexGraspError
            TIME_LIMIT, naming `what`, after `timeout` real seconds.
        """
        until = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > until:
                raise DexGraspError(f'{what} did not come in {timeout:g} s.', ErrorCode.TIME_LIMIT)
            time.sleep(_POLL)

    def wait_for_image(self, timeout: float = 60.0) -> None:
        """Wait until the camera shows the objects as they are since the last reset.

        Raises
        ------
        DexGraspError
            TIME_LIMIT.
        """
        # Two that are taken from now on: the first may not have come to other nodes yet.
        for since in (self._clock, 0):
            start = max(since, self._image)
            what = 'An image of the simulated world'
            self.wait(lambda start=start: self._image > start, timeout, what)

    def sleep(self, seconds: float, timeout: float = 60.0) -> None:
        """Wait for simulated seconds, and for what is recorded of them."""
        end = self._clock + 1e9 * seconds
        self.wait(lambda: self._stamp >= end, timeout, f'{seconds:g} simulated seconds')

    def reset(
        self, parameters: Mapping[str, str | int | float] | None = None, *, timeout: float = 300.0
    ) -> None:
        """Stand everything where it starts, after a change of parameters of `sim_hand_node`.

        Raises
        ------
        DexGraspError
            TIME_LIMIT where nobody answered within `timeout` real seconds, INVALID_INPUT with the
            node's sentence where it refused.
        """
        if parameters:
            answer = self._ask(
                SetParameters,
                'sim_hand_node/set_parameters',
                SetParameters.Request(
                    parameters=[
                        Parameter(name, value=value).to_parameter_msg()
                        for name, value in parameters.items()
                    ]
                ),
                timeout,
            )
            for result in answer.results:
                if not result.successful:
                    raise DexGraspError(f'No reset: {result.reason}', ErrorCode.INVALID_INPUT)
        before = self._stamp
        answer = self._ask(Trigger, 'reset', Trigger.Request(), timeout)
        if not answer.success:
            raise DexGraspError(f'No reset: {answer.message}', ErrorCode.INVALID_INPUT)
        self.wait(
            lambda: self._since > before and self._stamp > self._since, timeout, 'The new world'
        )

    def _ask(self, kind: type, name: str, request: Any, timeout: float) -> Any:
        client = self._node.create_client(kind, name)
        try:
            self.wait(client.service_is_ready, timeout, f"The service '{name}'")
            future = client.call_async(request)
            self.wait(future.done, timeout, f"An answer of '{name}'")
            return future.result()
        finally:
            self._node.destroy_client(client)

    def course(self, label: int) -> Course:
        """Where the object went since `forget`, or the start."""
        message = self._objects[label]
        with self._lock:
            entries = list(self._poses.get(message.header.frame_id, ()))
        return Course(
            times=np.array([stamp for stamp, _ in entries]) / 1e9,
            poses=np.array([pose for _, pose in entries]).reshape(-1, 7),
            vertices=mesh_arrays(message.mesh)[0],
        )

    def forget(self) -> None:
        """Let courses begin now."""
        with self._lock:
            self._poses, self._links = {}, self._links[-1:]

    def link_poses(self, time: float = math.inf) -> NDArray[np.float64]:
        """Pose of every link of the hand in the world at `time` [s], [L, 7]; default: newest."""
        with self._lock:
            local = _at(self._links, time)
        hand = self._hand
        poses = np.empty((len(hand.link_names), 7))
        for k, (name, parent) in enumerate(zip(hand.link_names, hand.link_parents, strict=True)):
            poses[k] = local[name] if parent < 0 else compose(poses[parent], local[name])
        return poses

    def object_poses(self, time: float = math.inf) -> dict[int, NDArray[np.float64]]:
        """Pose of every object in the world at `time` [s], by default the newest, [7] by label."""
        with self._lock:
            frames = {label: o.header.frame_id for label, o in self._objects.items()}
            return {k: _at(self._poses[f], time) for k, f in frames.items() if f in self._poses}

    def _take(self, message: ObjectArray) -> None:
        with self._lock:
            self._objects = {o.label: o for o in message.objects}
            self._poses = {}
            self._since = stamp_to_nanoseconds(message.header.stamp)

    def _see(self, message: CameraInfo) -> None:
        self._image = stamp_to_nanoseconds(message.header.stamp)

    def _take_transforms(self, message: TFMessage) -> None:
        links = {}
        for transform in message.transforms:
            child, stamp = transform.child_frame_id, stamp_to_nanoseconds(transform.header.stamp)
            if child.startswith('object_') and transform.header.frame_id == self._world:
                with self._lock:
                    pose = pose_array(transform.transform)
                    self._poses.setdefault(child, []).append((stamp, pose))
            elif child in self._hand.link_names:
                links[child] = pose_array(transform.transform)
        if len(links) == len(self._hand.link_names):
            with self._lock:
                self._links.append((stamp, links))
                self._stamp = stamp

    def _take_time(self, message: Clock) -> None:
        self._clock = stamp_to_nanoseconds(message.clock)


def _at(entries: list[tuple[int, Any]], time: float) -> Any:
    """Return the last entry that is not later than `time` [s], else the first."""
    index = bisect.bisect_right(entries, 1e9 * time, key=lambda entry: entry[0])
    return entries[max(0, index - 1)][1]
