"""Whether the node that took a goal of an action, or a request, is still there."""

from __future__ import annotations

import time

from rclpy.node import Node

_PATIENCE = 1.0  # s in which the last answer of a node that left comes in


class ServerWatch:
    """Looks, from when a goal was accepted, whether somebody who offered its action then is there.

    Or from when a request was sent, for its service.

    A node that was killed and started again offers the action and knows nothing of the goal, so
    endpoints are looked at, not names. One that was killed leaves the graph when its lease is over
    (20 s with Fast DDS).

    Parameters
    ----------
    node
        Node of the goal's client.
    name
        Of the action, or of the service.
    is_service
        Which of them. Endpoints of services are seen through DDS alone: with another middleware
        nobody is taken for gone.
    """

    def __init__(self, node: Node, name: str, *, is_service: bool = False) -> None:
        self._node, self._is_service = node, is_service
        name = node.resolve_service_name(name)
        self._topic = f'rr{name}Reply' if is_service else f'{name}/_action/feedback'
        self._then = self._endpoints()
        self._missed_since: float | None = None

    def is_gone(self) -> bool:
        """Whether the end of the goal will never come; from any thread."""
        if not self._then or self._then & self._endpoints():
            self._missed_since = None
            return False
        if self._missed_since is None:
            self._missed_since = time.monotonic()
        return time.monotonic() - self._missed_since > _PATIENCE

    def _endpoints(self) -> set[tuple[int, ...]]:
        found = self._node.get_publishers_info_by_topic(self._topic, no_mangle=self._is_service)
        return {tuple(endpoint.endpoint_gid) for endpoint in found}
