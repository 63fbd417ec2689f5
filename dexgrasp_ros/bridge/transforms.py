"""Transforms in and out of a node: `TransformListener` and the broadcasters.

Both ways of listening (tf2_ros where it can be imported, `/tf` and `/tf_static` read by this
package elsewhere) have the same three methods, `lookup`,
`newest` and `close`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Protocol

import numpy as np
from geometry_msgs.msg import TransformStamped
from numpy.typing import NDArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from tf2_msgs.msg import TFMessage

from dexgrasp_ros.bridge.checks import check_texts
from dexgrasp_ros.bridge.geometry import (
    header,
    pose_array,
    stamp_to_nanoseconds,
    transform_message,
)
from dexgrasp_ros.bridge.qos import latched_publisher, latched_subscription, standard
from dexgrasp_ros.bridge.transform_buffer import TransformBuffer
from dexgrasp_ros.core.errors import (
    DexGraspError,
    ErrorCode,
    PerceptionError,
    quoted,
    reason,
)

# Depth of both topics in tf2_ros.
_TF_DEPTH = 100
_MOST_WARNINGS = 100  # of frames; whoever sends more of them was told


class TransformListener(Protocol):
    """What a node needs of tf."""

    def lookup(
        self,
        target: str,
        source: str,
        stamp: int,
        timeout: float = 0.0,
        should_stop: Callable[[], bool] | None = None,
    ) -> NDArray[np.float64]:
        """Pose T_target_source [7] at `stamp` [ns] (0: newest), waited for up to `timeout` s.

        With a timeout it must not be called on the thread that spins the node.

        Raises
        ------
        PerceptionError
            TRANSFORM_UNAVAILABLE, with both frames and the stamp.
        """

    def newest(self, target: str, source: str) -> tuple[NDArray[np.float64], int]:
        """Newest pose T_target_source [7], and its stamp [ns]: 0 where it holds for ever.

        Raises
        ------
        PerceptionError
            TRANSFORM_UNAVAILABLE, with both frames.
        """

    def close(self) -> None:
        """Stop listening."""


def transform_listener(node: Node) -> TransformListener:
    """Make a listener of `node`: on tf2_ros where that can be imported, else our own."""
    if importlib.util.find_spec('tf2_ros') is None:
        return _TopicListener(node)
    try:
        tf2_ros = importlib.import_module('tf2_ros')
    except Exception as error:  # of another Python, of another ROS, or half of it
        node.get_logger().warning(
            f"Reading '/tf' without tf2_ros, which was found and cannot be imported:"
            f' {type(error).__name__}: {error}'
        )
        return _TopicListener(node)
    return _Tf2Listener(node, tf2_ros)


class _TopicListener:
    """Reads `/tf` and `/tf_static` into a `TransformBuffer`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._buffer = TransformBuffer()
        self._warned: set[str] = set()
        # A simulation that starts anew; what comes is not to be mixed with what was.
        self._jumps = node.get_clock().create_jump_callback(
            JumpThreshold(
                min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=False
            ),
            post_callback=lambda _jump: self._buffer.forget_moving(),
        )
        group = MutuallyExclusiveCallbackGroup()
        self._subscriptions = [
            node.create_subscription(
                TFMessage,
                topic,
                lambda message, fixed=fixed: self._take(message, fixed),
                profile,
                callback_group=group,
            )
            for topic, fixed, profile in (
                ('/tf', False, standard(_TF_DEPTH)),
                ('/tf_static', True, latched_subscription(_TF_DEPTH)),
            )
        ]

    def lookup(
        self,
        target: str,
        source: str,
        stamp: int,
        timeout: float = 0.0,
        should_stop: Callable[[], bool] | None = None,
    ) -> NDArray[np.float64]:
        return self._buffer.lookup(target, source, stamp, timeout, should_stop)

    def newest(self, target: str, source: str) -> tuple[NDArray[np.float64], int]:
        return self._buffer.newest(target, source)

    def close(self) -> None:
        self._jumps.unregister()
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    def _take(self, message: TFMessage, fixed: bool) -> None:
        for transform in message.transforms:
            parent, child = transform.header.frame_id, transform.child_frame_id
            try:
                check_texts(transform)
                pose = pose_array(transform.transform)
                stamp = stamp_to_nanoseconds(transform.header.stamp)
                self._buffer.add(parent.lstrip('/'), child.lstrip('/'), stamp, pose, fixed=fixed)
            except DexGraspError as error:
                name = quoted(child)
                if name not in self._warned and len(self._warned) < _MOST_WARNINGS:
                    self._warned.add(name)
                    self._node.get_logger().warning(f'Ignored a transform of {name}: {error}')


class _Tf2Listener:
    """The same on tf2_ros."""

    def __init__(self, node: Node, tf2_ros: ModuleType) -> None:
        self._error = tf2_ros.TransformException
        self._buffer = tf2_ros.Buffer(node=node)
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def lookup(
        self,
        target: str,
        source: str,
        stamp: int,
        timeout: float = 0.0,
        should_stop: Callable[[], bool] | None = None,
    ) -> NDArray[np.float64]:
        from rclpy.time import Time

        # Short waits, because tf2's own cannot be interrupted.
        step = 0.05
        for left in np.arange(timeout, -step, -step):
            stop = should_stop is not None and should_stop()
            wait = 0.0 if stop else float(np.clip(left, 0, step))
            try:
                found = self._buffer.lookup_transform(
                    target, source, Time(nanoseconds=stamp), Duration(seconds=wait)
                )
                return pose_array(found.transform)
            except self._error as error:
                problem = error
            if stop:
                break
        raise PerceptionError(
            f'No transform from {quoted(source)} to {quoted(target)} at {stamp / 1e9:.9f} s:'
            f' {reason(problem)}',
            ErrorCode.TRANSFORM_UNAVAILABLE,
        )

    def newest(self, target: str, source: str) -> tuple[NDArray[np.float64], int]:
        from rclpy.time import Time

        try:
            found = self._buffer.lookup_transform(target, source, Time())
        except self._error as error:
            raise PerceptionError(
                f'No transform from {quoted(source)} to {quoted(target)}: {reason(error)}',
                ErrorCode.TRANSFORM_UNAVAILABLE,
            ) from error
        return pose_array(found.transform), stamp_to_nanoseconds(found.header.stamp)

    def close(self) -> None:
        self._listener.unregister()


class StaticTransformPublisher:
    """Publishes transforms that never change, latched on `/tf_static`."""

    def __init__(self, node: Node) -> None:
        self._publisher: Publisher = node.create_publisher(
            TFMessage, '/tf_static', latched_publisher()
        )

    def publish(self, parent: str, child: str, stamp: int, pose: NDArray[np.float64]) -> None:
        """Say that `child` stands in `parent` at T_parent_child [7], from `stamp` [ns] on."""
        transform = TransformStamped(
            header=header(parent, stamp), child_frame_id=child, transform=transform_message(pose)
        )
        self._publisher.publish(TFMessage(transforms=[transform]))


class TransformPublisher:
    """Publishes transforms that change, on `/tf`."""

    def __init__(self, node: Node) -> None:
        self._publisher: Publisher = node.create_publisher(TFMessage, '/tf', standard(_TF_DEPTH))

    def publish(
        self,
        parents: Sequence[str],
        children: Sequence[str],
        stamp: int,
        poses: NDArray[np.float64],
    ) -> None:
        """Say that each child stood in its parent at T_parent_child [N, 7] at `stamp` [ns]."""
        self._publisher.publish(
            TFMessage(
                transforms=[
                    TransformStamped(
                        header=header(parent, stamp),
                        child_frame_id=child,
                        transform=transform_message(pose),
                    )
                    for parent, child, pose in zip(parents, children, poses, strict=True)
                ]
            )
        )
