"""The program that `workers` starts: receives a function and its tasks, sends back results."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from dexgrasp_ros.core.quiet import quiet_libraries
from dexgrasp_ros.core.workers import READY, Failure

_LOOK = 0.5  # s between two looks at whether the parent lives


def serve(connection: Connection) -> None:
    """Answer until the other side is gone."""
    try:
        name, shared = connection.recv()
        try:
            function = _find(name)
        except Exception as error:
            function = _always(error)
        connection.send(READY)
        while True:
            task = connection.recv()
            try:
                result = function(*shared, task)
            except Exception as error:  # Whatever it is, it is this task's result.
                result = Failure(timed_out=False, message=f'{type(error).__name__}: {error}')
            connection.send(result)
    except (EOFError, OSError):
        return


def _find(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(':')
    return getattr(importlib.import_module(module), attribute)


def _always(error: Exception) -> Callable[..., Any]:
    """Return a function that only raises: what cannot be imported fails every task."""

    def fail(*_: object) -> None:
        raise error

    return fail


def _end_with(parent: int) -> None:
    """End this process soon after the one that started it, whatever it computes."""
    while os.getppid() == parent:
        time.sleep(_LOOK)
    os._exit(1)


def main() -> None:
    """Answer on the connection whose number is the argument."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with quiet_libraries():
        serve(Connection(int(sys.argv[1])))
