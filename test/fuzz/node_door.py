"""A way into a node, and the one property of all of them, for short runs and long ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from messages import spoilings, spoilt
from node_session import NodeSession
from rclpy.qos import QoSProfile


@dataclass(frozen=True, kw_only=True)
class NodeDoor:
    """A topic, an action or a service of a node."""

    node: str
    way: str  # name of the topic, action or service
    sound: Callable[[NodeSession], Any]  # a message as it should be, at this moment
    ask: Callable[[NodeSession, Any], str]  # sends one; the node's sentence when it is done
    parameters: dict[str, Any] = field(default_factory=dict)  # with which a node is started
    changes: dict[str, Any] = field(default_factory=dict)  # of parameters of one that runs
    examples: int = 12  # of the short run: what takes a second or two

    @property
    def name(self) -> str:
        """Node and way, in one."""
        return f'{self.node} {self.way}'


def node_attempts(door: NodeDoor, session: NodeSession, **options: Any) -> Callable[[], None]:
    """Return the property that a node deals with spoilt messages as promised.

    `options` are settings of hypothesis.
    """
    session.check(door.ask(session, door.sound(session)))

    @settings(deadline=None, suppress_health_check=list(HealthCheck), **options)
    @given(spoilings())
    def attempt(several):
        session.check(door.ask(session, spoilt(door.sound(session), several)))

    return attempt


def try_some(door: NodeDoor, session: NodeSession) -> None:
    """Try a few messages, always the same, on a node that others use as well."""
    with session.changed(door.node, door.changes):
        node_attempts(
            door,
            session,
            max_examples=door.examples,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
        )()


def now(session: NodeSession) -> int:
    """Time of the session's clock [ns]."""
    return session.node.get_clock().now().nanoseconds


def heard(
    node: str, kind: type, topic: str, qos: QoSProfile | None = None
) -> Callable[[NodeSession, Any], str]:
    """Return what publishes a message and waits until the node has taken it."""

    def ask(session: NodeSession, message: Any) -> str:
        session.publish(kind, topic, message, qos)
        session.heard(node)
        return ''

    return ask
