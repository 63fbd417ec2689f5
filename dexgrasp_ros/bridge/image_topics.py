"""Subscriptions of image topics, in the form in which the images are published.

image_transport publishes an image raw on its own topic and compressed on topics below it, such as
`image_raw/compressedDepth`; a recording may hold the compressed one alone, and a remapping may
name it.
"""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from dexgrasp_ros.bridge.silent_topics import why_silent

TRANSPORTS = ('auto', 'raw', 'compressedDepth', 'compressed')
_PERIOD = 0.5  # s between two looks at who publishes

Form = tuple[str, type]  # topic and type of its messages


class ImageSubscription:
    """One image topic, subscribed in one form at a time until `close`.

    Parameters
    ----------
    node
        The node.
    topic
        Name of the raw image's topic, relative and before remapping.
    callback
        Takes each `Image` or `CompressedImage`, on the spinning thread.
    profile
        QoS of the subscription.
    transport
        One of `TRANSPORTS`. With 'auto' a form is kept until nobody publishes it and somebody
        publishes another one; raw comes first.
    is_depth
        Whether it is depth, which has a compression of its own.
    overrides
        Of the QoS.
    """

    def __init__(
        self,
        node: Node,
        topic: str,
        callback: Callable[[Image | CompressedImage], None],
        profile: QoSProfile,
        *,
        transport: str = 'auto',
        is_depth: bool = False,
        overrides: QoSOverridingOptions | None = None,
    ) -> None:
        self._node, self._topic, self._callback = node, topic, callback
        self._profile, self._overrides, self._transport = profile, overrides, transport
        name = node.resolve_topic_name(topic)
        compressed = {t: (f'{name}/{t}', CompressedImage) for t in TRANSPORTS[2:]}
        if not is_depth:
            del compressed['compressedDepth']
        forms = {
            'auto': [(name, Image), (name, CompressedImage), *compressed.values()],
            'raw': [(name, Image)],
        }
        self._forms = forms.get(transport) or [compressed.get(transport, compressed['compressed'])]
        self._subscription: Subscription | None = None
        self._take_form(self._published() or self._forms[0])
        # Who publishes does not depend on a simulation's time.
        self._timer = node.create_timer(
            _PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def why_silent(self) -> str:
        """Say why no image may come in the form that is taken; see `why_silent`."""
        name, kind = self._form
        told = why_silent(
            self._node,
            self._topic,
            [kind],
            self._subscription.qos_profile,
            name=name,
            elsewhere=[Image, CompressedImage],
        )
        if self._transport != 'auto':
            told += f" 'transport' is '{self._transport}'; with 'auto' any form is taken."
        return told

    def is_published(self) -> bool:
        """Whether somebody publishes the images, in a form that is taken."""
        return self._published() is not None

    def close(self) -> None:
        """Stop listening."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)

    def _look(self) -> None:
        form = self._published()
        if form is not None and form != self._form:
            self._node.get_logger().info(f"Taking '{form[0]}' ({form[1].__name__}).")
            self._take_form(form)

    def _published(self) -> Form | None:
        """First of the forms that somebody publishes."""
        for name, kind in self._forms:
            told = f'sensor_msgs/msg/{kind.__name__}'
            if any(p.topic_type == told for p in self._node.get_publishers_info_by_topic(name)):
                return name, kind
        return None

    def _take_form(self, form: Form) -> None:
        # One name cannot have two types in a process.
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
        self._form = form
        self._subscription = self._node.create_subscription(
            form[1],
            form[0],
            self._callback,
            self._profile,
            qos_overriding_options=self._overrides,
        )
