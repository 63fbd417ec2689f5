"""`viewer_node`: a web page of the running graph.

Shows what comes on `objects` and `grasps`, in one frame: `fixed_frame`, or where that is empty the
objects' own. The page's buttons call `reconstruct_objects`, `synthesize_grasps` and
`execute_grasp`. A message that cannot be shown is said on the page and in the log.

Messages become arrays and meshes in a worker; ROS is spoken to on the executor's thread only, so
what viser's threads bring goes there first.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from std_msgs.msg import Header

from dexgrasp_msgs.msg import Grasp, GraspArray, Object, ObjectArray
from dexgrasp_ros.bridge.checks import LONGEST_WARNING, check_texts
from dexgrasp_ros.bridge.errors import error_fields
from dexgrasp_ros.bridge.geometry import stamp_to_nanoseconds
from dexgrasp_ros.bridge.grasp_arrays import grasp_set
from dexgrasp_ros.bridge.grasps import lift_displacement
from dexgrasp_ros.bridge.objects import observed_object
from dexgrasp_ros.bridge.qos import latched_subscription
from dexgrasp_ros.bridge.transforms import transform_listener
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.nodes.shared.held_hand import check_hand
from dexgrasp_ros.nodes.shared.lifecycle import AutostartNode
from dexgrasp_ros.nodes.shared.process import main_of
from dexgrasp_ros.nodes.shared.worker import Worker
from dexgrasp_ros.nodes.viewer.parameters import ViewerParameters
from dexgrasp_ros.nodes.viewer.requests import ViewerRequests
from dexgrasp_ros.viewer import Actions, GraspPage, ShownGrasps, ShownObject, placed

_IDENTITY = np.array([0.0, 0, 0, 0, 0, 0, 1])
_TOPICS = {'objects': ObjectArray, 'grasps': GraspArray}


class ViewerNode(AutostartNode[ViewerParameters]):
    """See the module."""

    def __init__(self) -> None:
        super().__init__('viewer_node', ViewerParameters)
        self._worker = Worker(self)
        self._transforms = transform_listener(self)
        self._requests = ViewerRequests(self, lambda: self._page, lambda: self.config)
        self._hand: HandModel | None = None
        self._page: GraspPage | None = None
        self._inputs: list[Subscription] = []
        self._stop = threading.Event()
        # Not yet shown, by topic; the worker takes them out.
        self._newest: dict[str, ObjectArray | GraspArray] = {}
        # Of the worker: the frame of all that is shown, and what is shown in it.
        self._frame = ''
        self._names: dict[str, str] = {}  # of objects, by id
        self._grasps: GraspArray | None = None

    def configure(self) -> None:
        """Load the hand and open the page."""
        config = self.config
        self._hand = load_hand(config.hand)
        self._page = GraspPage(
            host=config.host,
            port=config.port,
            actions=Actions(
                reconstruct=self._button(self._requests.reconstruct),
                synthesize=self._button(self._requests.synthesize),
                execute=self._button(self._requests.execute),
                stop=self._button(self._requests.stop),
            ),
        )
        self._page.say('Ready: reconstruct the objects, then synthesise grasps of them.')
        self.get_logger().info(f'The page is at {self._page.url}')

    def activate(self) -> None:
        """Listen to objects and grasps."""
        self._stop.clear()
        overrides = QoSOverridingOptions.with_default_policies()
        self._inputs = [
            self.create_subscription(
                kind,
                topic,
                functools.partial(self._take, topic),
                latched_subscription(),
                qos_overriding_options=overrides,
            )
            for topic, kind in _TOPICS.items()
        ]

    def deactivate(self) -> None:
        """Stop listening; the page keeps what it shows."""
        self._stop.set()
        self._requests.stop()
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._inputs = []

    def cleanup(self) -> None:
        """Close the page and forget the hand."""
        if self._page is not None:
            self._page.close()
        self._page = self._hand = None

    def close(self) -> None:
        """Close the page."""
        super().close()
        self.cleanup()

    def check_parameters(self, before: ViewerParameters, after: ViewerParameters) -> None:
        """Refuse a hand that there is not."""
        check_hand(before.hand, after.hand)

    def _button(self, request: Callable[..., None]) -> Callable[..., None]:
        """`request`, to be called on viser's threads and made on the executor's."""

        def press(*args: Grasp) -> None:
            if self.is_active:
                self._worker.call(request, *args)
            elif self._page is not None:
                self._page.say('The viewer node is not active.', error=True)

        return press

    def _take(self, topic: str, message: ObjectArray | GraspArray) -> None:
        self._newest[topic] = message
        self._worker.submit(self._show_newest, topic)

    def _show_newest(self, topic: str) -> None:
        message, page = self._newest.pop(topic, None), self._page
        if message is None or page is None:  # A newer one was shown in its place.
            return
        try:
            check_texts(message.header)
            if topic == 'objects':
                self._show_objects(page, message)
            else:
                self._grasps = message
                self._show_grasps(page)
        except Exception as error:
            code, sentence = error_fields(error)
            if code == ErrorCode.INTERNAL:
                self.get_logger().error(''.join(traceback.format_exception(error)))
            self._complain(page, topic, f'{ErrorCode(code).name}: {sentence}')

    def _show_objects(self, page: GraspPage, message: ObjectArray) -> None:
        frame = self.config.fixed_frame or message.header.frame_id
        shown, names, problem = [], _names(message.objects), None
        for entry in message.objects:
            try:
                shown.append(self._placed(entry, names[entry.id], frame))
            except DexGraspError as error:
                problem = error
        camera = self._pose_of(message.header, frame) if message.objects else _IDENTITY
        page.set_objects(shown, up=lift_displacement(frame, None, 1.0), viewer=camera[:3])
        moved, self._names = frame != self._frame, names
        self._frame = frame
        if moved and self._grasps is not None:
            self._show_grasps(page)
        if problem is not None:
            raise problem

    def _placed(self, message: Object, name: str, frame: str) -> ShownObject:
        check_texts(message, warnings=LONGEST_WARNING)
        observed, pose = observed_object(message)
        pose = compose(self._pose_of(message.header, frame), pose)
        return placed(dataclasses.replace(observed, name=name), pose)

    def _show_grasps(self, page: GraspPage) -> None:
        message = self._grasps
        if not message.grasps:
            page.set_grasps(None)
            return
        self._frame = self._frame or self.config.fixed_frame or message.header.frame_id
        try:
            for grasp in message.grasps:
                check_texts(grasp)
            # All grasps of an array share its frame; `grasp_set` checks that they share one.
            pose = self._pose_of(message.grasps[0].header, self._frame)
            shown = ShownGrasps(
                hand=self._hand,
                grasps=grasp_set(message.grasps, self._hand, pose),
                objects=[self._name_of(g) for g in message.grasps],
                sources=list(message.grasps),
            )
        except DexGraspError:
            # Those before are not the newest any more: nobody shall take them for these.
            page.set_grasps(None)
            raise
        page.set_grasps(shown)

    def _name_of(self, grasp: Grasp) -> str:
        return self._names.get(grasp.object_id) or grasp.object_id or f'label {grasp.object_label}'

    def _pose_of(self, header: Header, frame: str) -> NDArray[np.float64]:
        """Pose [7] of a message's frame in `frame`, at its stamp; in the worker only."""
        source, target = header.frame_id.lstrip('/'), frame.lstrip('/')
        if source == target:
            return _IDENTITY
        return self._transforms.lookup(
            target,
            source,
            stamp_to_nanoseconds(header.stamp),
            self.config.tf_timeout,
            self._stop.is_set,
        )

    def _complain(self, page: GraspPage, topic: str, text: str) -> None:
        self.get_logger().warning(f"A message of '{topic}' cannot be shown. {text}")
        page.say(f"A message of '{topic}' cannot be shown. {text}", error=True)


def _names(objects: Sequence[Object]) -> dict[str, str]:
    """Name each object, by its id: its own name where no other has it, else with the id."""
    taken = Counter(o.name for o in objects)
    return {
        o.id: o.name if o.name and taken[o.name] == 1 else f'{o.name} {o.id}'.strip()
        for o in objects
    }


main = main_of(ViewerNode)

if __name__ == '__main__':
    main()
