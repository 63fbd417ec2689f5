"""Clients of the graph, each with a node of its own, that ask for something at the same moment."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from dexgrasp_ros.bridge.client import GraspClient

T = TypeVar('T')


def at_once(count: int, ask: Callable[[GraspClient], T], **ready: bool) -> list[T]:
    """Return what each of `count` clients was answered, once all were `ready` for that."""
    together = threading.Barrier(count)

    def run(client: GraspClient) -> T:
        client.wait_until_ready(240, **ready)
        together.wait(240)
        return ask(client)

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(count) as pool:
        clients = [stack.enter_context(GraspClient(node_name=f'client_{k}')) for k in range(count)]
        return list(pool.map(run, clients))
