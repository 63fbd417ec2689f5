"""The work of datasets in the test's own process, which has imported all and loaded the kernels.

Processes of their own are the subject of `test_steps.py`, `test_interruptions.py` and the tests of
`dexgrasp_ros.core.workers`; elsewhere each of them would cost seconds for nothing.
"""

from __future__ import annotations

import contextlib
import io
import json
import pickle
from collections import deque
from collections.abc import Iterator
from typing import Any, ClassVar
from unittest import mock

from in_process import shaken_here

from dexgrasp_ros.cli import main
from dexgrasp_ros.dataset.work import executors
from dexgrasp_ros.dataset.work.executors import Failed, call, process_count


class InlineExecutor(contextlib.AbstractContextManager):
    """An `Executor` that does the oldest task whenever it is asked for answers.

    What searches and shake tests gave is remembered by all that decides it: most tests are about
    what becomes of such results, and make a dataset that is the same to the byte.
    """

    device = 'cpu'
    known: ClassVar[dict[str, bytes]] = {}

    def __init__(self, processes: int | None = None, *, device: str = 'cpu') -> None:
        self._slots, self._count = process_count(processes), 0
        self._waiting: deque[tuple[int, bytes]] = deque()

    def slots(self, _kind: str) -> int:
        return self._slots

    def submit(self, function: str, arguments: tuple, _kind: str, _time_limit: float) -> int:
        # Pickled, as on the way to another process: what does not pickle fails here too.
        self._waiting.append((self._count, pickle.dumps((function, arguments))))
        self._count += 1
        return self._count - 1

    def answers(self, _timeout: float) -> list[tuple[int, Any]]:
        if not self._waiting:
            return []
        number, pickled = self._waiting.popleft()
        task = pickle.loads(pickled)
        key = _unit_key(*task)
        if key in self.known:
            return [(number, pickle.loads(self.known[key]))]
        result = call(task)
        if key and not isinstance(result, Failed):
            self.known[key] = pickle.dumps(result)
        return [(number, pickle.loads(pickle.dumps(result)))]

    def __exit__(self, *_: object) -> None:
        self._waiting.clear()


def _unit_key(function: str, arguments: tuple) -> str:
    """All that a unit's result depends on, which is not where it is stored; '' for other tasks."""
    if not function.startswith('dexgrasp_ros.dataset.generation.units:'):
        return ''
    task = arguments[0]  # batches to be shaken are what the search of the same task gave
    told = (task.object_key, task.digest, task.planes, task.part, task.count, task.config)
    return repr((function, task.hand.name, task.hand.digest, *told))


@contextlib.contextmanager
def inline_work() -> Iterator[None]:
    """Let `LocalExecutor` and the shake test work in this process."""
    with shaken_here(), mock.patch.object(executors, 'LocalExecutor', InlineExecutor):
        yield


def run_command(*words: str) -> tuple[int, dict, str]:
    """Run ``dexgrasp … --json`` here; return the exit code, the report, and what was said."""
    with (
        inline_work(),
        contextlib.redirect_stdout(io.StringIO()) as printed,
        contextlib.redirect_stderr(io.StringIO()) as said,
    ):
        code = main([*words, '--json'])
    lines = printed.getvalue().strip().splitlines()
    return code, json.loads(lines[-1]) if lines else {}, said.getvalue()
