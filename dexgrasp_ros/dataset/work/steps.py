"""Work that leads to more work, kept flowing through an executor, with every failure told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError
from dexgrasp_ros.dataset.work.executors import KINDS, Executor, Failed, Kind, as_failed

_POLL = 0.2  # s between two looks at the caller's wishes
# Tasks that are handed out for each slot: one that runs and one that waits for its end.
_AHEAD = 2
_KEPT = 64  # results at most that wait for room on the disk


@dataclass(frozen=True, kw_only=True)
class Step:
    """One task, and what to do with its result."""

    unit: str  # which unit of work it belongs to, for messages and the names of files
    function: str  # 'package.module:name', a plain function
    arguments: tuple[Any, ...]
    kind: Kind
    time_limit: float  # s after which it is taken for hung
    # Called here with the result; what it returns is done before steps that wait already.
    then: Callable[[Any], Iterable[Step]]


def check_retries(retries: int) -> None:
    """Refuse less than none.

    Raises
    ------
    InputError
        OUT_OF_RANGE.
    """
    if retries < 0:
        raise InputError(f"'retries' is {retries}; expected 0 or more.", ErrorCode.OUT_OF_RANGE)


def run_steps(
    executor: Executor,
    steps: Iterable[Step],
    *,
    retries: int,
    on_failure: Callable[[Step, Failed, int], None],
    on_wait: Callable[[], None] = lambda: None,
) -> None:
    """Do all steps, and those that they lead to, until none is left.

    Steps are taken only when there is room, so that results of one stage do not pile up before
    the next: who searches waits for those who evaluate.

    Parameters
    ----------
    executor
        Where they run.
    steps
        Taken one by one, as there is room.
    retries
        How often a step that failed is tried again.
    on_failure
        Called with a step, why it failed the last time, and the number of tries; the rest goes on.
    on_wait
        Called often, and free to raise what shall end the run.
    """
    queue, unwritten = _Queue(executor, iter(steps)), []
    while queue.fill() or unwritten:
        on_wait()
        for step, value, tries in queue.collect():
            if isinstance(value, Failed):
                if tries <= retries:
                    queue.put(step, tries)
                else:
                    on_failure(step, value, tries)
                continue
            try:
                queue.extend(step.then(value))
            except OSError as error:
                # A disk that is full now may have room later: what was computed is kept so long.
                if retries and len(unwritten) < _KEPT:
                    unwritten.append((step, value, tries))
                else:
                    on_failure(step, as_failed(error), tries)
            except DexGraspError as error:
                on_failure(step, as_failed(error), tries)
        if not queue.is_busy:
            again, unwritten = unwritten, []
            for step, value, tries in again:
                try:
                    queue.extend(step.then(value))
                except (OSError, DexGraspError) as error:
                    on_failure(step, as_failed(error), tries + 1)


class _Queue:
    """Steps that wait and steps that run, by kind."""

    def __init__(self, executor: Executor, source: Iterator[Step]) -> None:
        self._executor, self._source = executor, source
        self._ready: dict[Kind, deque[tuple[Step, int]]] = {kind: deque() for kind in KINDS}
        self._running: dict[int, tuple[Step, int]] = {}

    def fill(self) -> bool:
        """Submit what there is room for; whether anything is left to wait for."""
        self._draw()
        room = {kind: self._room(kind) for kind in KINDS}
        backlog = len(self._ready['cpu']) - room['cpu']
        for kind in KINDS:
            # A search is not begun while results of earlier ones wait for those who evaluate.
            held = kind == 'device' and backlog > _AHEAD * self._executor.slots('cpu')
            while self._ready[kind] and room[kind] > 0 and not held:
                step, tries = self._ready[kind].popleft()
                number = self._executor.submit(
                    step.function, step.arguments, step.kind, step.time_limit
                )
                self._running[number] = step, tries + 1
                room[kind] -= 1
        return bool(self._running)

    @property
    def is_busy(self) -> bool:
        """Whether anything runs or waits."""
        return bool(self._running) or any(self._ready.values())

    def collect(self) -> Iterator[tuple[Step, Any, int]]:
        """Yield steps that are over, with their results and how often they were tried."""
        for number, value in self._executor.answers(_POLL):
            step, tries = self._running.pop(number)
            yield step, value, tries

    def put(self, step: Step, tries: int = 0) -> None:
        """Add a step before those that wait."""
        self._ready[step.kind].appendleft((step, tries))

    def extend(self, steps: Iterable[Step]) -> None:
        """Add steps before those that wait, the first of them first."""
        for step in reversed(list(steps)):
            self.put(step)

    def _draw(self) -> None:
        """Take steps from the source until every kind has as many as there is room for."""
        while all(len(self._ready[kind]) < max(self._room(kind), 1) for kind in KINDS):
            step = next(self._source, None)
            if step is None:
                return
            self._ready[step.kind].append((step, 0))

    def _room(self, kind: Kind) -> int:
        running = sum(step.kind == kind for step, _ in self._running.values())
        return _AHEAD * self._executor.slots(kind) - running
