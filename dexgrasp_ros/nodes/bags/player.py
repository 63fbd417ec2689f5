"""`BagPlayer`: publishes the messages of a recording in their rhythm, latched where they were.

Recorded stamps are old. Nodes that look at the age of an image need either the recording's clock
(`clock`, with their `use_sim_time`) or messages whose stamps are moved to now (`restamp`). What
moves a robot is published under another name, see `bridge.bags.harmless_name`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.serialization import deserialize_message
from rclpy.validate_topic_name import validate_topic_name
from rosgraph_msgs.msg import Clock

from dexgrasp_ros.bridge.bags import harmless_name, move_stamps, publisher_profile
from dexgrasp_ros.bridge.geometry import nanoseconds_to_stamp
from dexgrasp_ros.bridge.message_types import message_class
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.core.doors import reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, choices
from dexgrasp_ros.dataset.formats.bags import BagReader

_SLEEP = 0.02  # s; how often a wait moves the clock and asks whether it should stop


class BagPlayer:
    """Publishers for the topics of a recording.

    Parameters
    ----------
    node
        Publishes; topics have the names that they had, but for commands and `remap`.
    reader
        The recording.
    topics
        Which of its topics; by default all.
    remap
        Other names of recorded topics. Commands move nothing under any name.
    rate
        How many seconds of the recording one second takes.
    clock
        Publish the recording's time on `/clock`.
    restamp
        Move the stamps in messages from when they were recorded to when they are published.

    Raises
    ------
    InputError
        OUT_OF_RANGE for the rate, INVALID_INPUT for a topic that was not recorded or nothing
        to play, for two topics of one name or a name that is none, FILE_NOT_FOUND for a type of
        message that is not installed.
    """

    def __init__(
        self,
        node: Node,
        reader: BagReader,
        topics: Collection[str] = (),
        *,
        remap: Mapping[str, str] | None = None,
        rate: float = 1.0,
        clock: bool = False,
        restamp: bool = False,
    ) -> None:
        if not 0.01 <= rate <= 100:
            raise InputError(f'The rate is {rate}; expected 0.01 to 100.', ErrorCode.OUT_OF_RANGE)
        topics = topics or {t.name for t in reader.topics}
        if not topics or next(reader.messages(topics), None) is None:
            raise InputError(f"'{reader.path}' has no messages of these topics.")
        self._node, self._reader, self._topics = node, reader, topics
        self._rate, self._restamp = rate, restamp
        names = _played_names(reader, topics, remap or {})
        self._clock = node.create_publisher(Clock, '/clock', standard(1)) if clock else None
        self._types: dict[str, type] = {}
        self._publishers: dict[str, Publisher] = {}
        for topic in reader.topics:
            if topic.name in self._publishers or topic.name not in topics:
                continue
            profile = publisher_profile(topic.profiles, topic.count)
            self._types[topic.name] = message_class(topic.kind)
            self._publishers[topic.name] = node.create_publisher(
                self._types[topic.name], harmless_name(names[topic.name], topic.kind), profile
            )

    def play(
        self,
        should_stop: Callable[[], bool],
        progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Publish everything once; `progress` takes the seconds of the recording so far."""
        begin, wall, start = time.monotonic(), time.time_ns(), self._reader.start

        def moved(stamp: int) -> int:
            return wall + int((stamp - start) / self._rate)

        for topic, stamp, data in self._reader.messages(self._topics):
            self._wait(begin, start, stamp, should_stop)
            if should_stop():
                return
            self._tell(stamp)
            message: object = data
            if self._restamp:
                message = deserialize_message(data, self._types[topic])
                move_stamps(message, moved)
            self._publishers[topic].publish(message)
            progress((stamp - start) / 1e9)

    def finish(self, timeout: float = 5.0) -> None:
        """Wait until reliable subscriptions have what was published."""
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=timeout))

    def _wait(self, begin: float, start: int, stamp: int, should_stop: Callable[[], bool]) -> None:
        """Sleep until a message of `stamp` is due, and let the clock go on meanwhile."""
        until = begin + (stamp - start) / 1e9 / self._rate
        while (left := until - time.monotonic()) > 0 and not should_stop():
            if self._clock is not None:
                self._tell(stamp - int(left * self._rate * 1e9))
            time.sleep(min(left, _SLEEP))

    def _tell(self, stamp: int) -> None:
        if self._clock is not None:
            self._clock.publish(Clock(clock=nanoseconds_to_stamp(stamp)))


def _played_names(
    reader: BagReader, topics: Collection[str], remap: Mapping[str, str]
) -> dict[str, str]:
    """Names that recorded topics are played under."""
    if absent := remap.keys() - set(topics):
        raise InputError(
            f"Other names are given for {choices(absent)}, and what is played of '{reader.path}'"
            f' is {choices(topics)}.'
        )
    for name in remap.values():
        with reading(f"'{name}' is no name of a topic"):
            validate_topic_name(name)
    names = {topic: remap.get(topic, topic) for topic in topics}
    if len(set(names.values())) < len(names):
        raise InputError(
            f'{choices(remap.values())} would be the name of two topics that are played; expected'
            ' one for each.'
        )
    return names
