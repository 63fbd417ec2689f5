"""Where a dataset's work runs: one small interface, and processes of this machine behind it."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Any, Literal, Protocol

from dexgrasp_ros.core.cores import available_cores
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, InputError
from dexgrasp_ros.core.workers import Failure, WorkerPool

# 'device': searches, on a GPU where there is one; 'cpu': everything else.
Kind = Literal['device', 'cpu']
KINDS: tuple[Kind, ...] = ('device', 'cpu')
_CALL = 'dexgrasp_ros.dataset.work.executors:call'


@dataclass(frozen=True, kw_only=True)
class Failed:
    """What came back instead of a result."""

    code: ErrorCode
    message: str


class Executor(Protocol):
    """Runs plain functions of arguments that pickle, in other processes.

    A context manager: leaving it ends what is still running.
    """

    device: str  # what tasks of the kind 'device' run on: 'cpu' or 'cuda'

    def slots(self, kind: Kind) -> int:
        """How many tasks of a kind run at once."""

    def submit(
        self, function: str, arguments: tuple[Any, ...], kind: Kind, time_limit: float
    ) -> int:
        """Add a task; return its number.

        Parameters
        ----------
        function, arguments
            ``'package.module:name'``, and what it is called with.
        kind
            Where it runs.
        time_limit
            After which it is taken for hung [s], where the executor can tell.
        """

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        """Wait for a moment; return numbers of tasks with their results or `Failed`."""

    def __enter__(self) -> Executor:
        """Return itself."""

    def __exit__(self, *_: object) -> None:
        """End what is still running."""


def call(task: tuple[str, tuple[Any, ...]]) -> Any:
    """Call a function by its name; what it raises comes back as `Failed`."""
    name, arguments = task
    module, _, attribute = name.partition(':')
    try:
        return getattr(importlib.import_module(module), attribute)(*arguments)
    except Exception as error:  # Whatever it is, it is this task's result.
        return as_failed(error)


def as_failed(error: Exception) -> Failed:
    """Tell of an exception, with its code if it is one of ours, else with its name."""
    if isinstance(error, DexGraspError):
        return Failed(code=error.code, message=str(error))
    return Failed(code=ErrorCode.INTERNAL, message=f'{type(error).__name__}: {error}')


class LocalExecutor(contextlib.AbstractContextManager):
    """Processes of this machine; one that dies or hangs costs its own task only.

    Without a GPU each process does both kinds of task with one thread: two searches in two
    processes take four fifths of the time that they take one after the other on two cores. With
    GPUs, or with devices that are listed, there is one process more for each, which searches
    while the others evaluate.

    Parameters
    ----------
    processes
        On the CPU; default: one for each core.
    device
        As in `SynthesisConfig`: ``'auto'`` takes all GPUs. Several are separated by commas, as
        in ``'cuda:0,cuda:1'``.

    Raises
    ------
    InputError
        OUT_OF_RANGE for `processes`, and for a list of both CPUs and GPUs.
    DeviceError
        DEVICE_UNAVAILABLE.
    """

    def __init__(self, processes: int | None = None, *, device: str = 'auto') -> None:
        self._cpu = _pool(process_count(processes), {})
        self.device, environments = device_environments(device)
        self._devices = [_pool(1, environment) for environment in environments]
        self._numbers: dict[tuple[WorkerPool, int], int] = {}
        self._count = 0

    def slots(self, kind: Kind) -> int:
        """How many tasks of a kind run at once."""
        has_own = kind == 'device' and self._devices
        return len(self._devices) if has_own else self._cpu.processes

    def submit(
        self, function: str, arguments: tuple[Any, ...], kind: Kind, time_limit: float
    ) -> int:
        """Add a task; return its number."""
        pools = self._devices if kind == 'device' and self._devices else [self._cpu]
        pool = min(pools, key=lambda p: p.pending)
        number, self._count = self._count, self._count + 1
        self._numbers[pool, pool.submit((function, arguments), time_limit)] = number
        return number

    def answers(self, timeout: float) -> list[tuple[int, Any]]:
        """Wait for a moment; return numbers of tasks with their results or `Failed`."""
        pools = [self._cpu, *self._devices]
        wait([connection for pool in pools for connection in pool.connections], timeout)
        return [
            (self._numbers.pop((pool, number)), _told(value))
            for pool in pools
            for number, value in pool.answers(0.0)
        ]

    def __exit__(self, *_: object) -> None:
        for pool in (self._cpu, *self._devices):
            pool.close()


def process_count(processes: int | None) -> int:
    """As many as were asked for; else one for each core.

    Raises
    ------
    InputError
        OUT_OF_RANGE.
    """
    if processes is not None and processes < 1:
        raise InputError(
            f"'processes' is {processes}; expected 1 at least.", ErrorCode.OUT_OF_RANGE
        )
    return processes or available_cores()


def device_environments(device: str) -> tuple[str, list[dict[str, str]]]:
    """Return what searches run on, and the variables of a process for each device of a setting.

    A process sees its own GPU alone, which is its ``'cuda'``. A single CPU needs no process of
    its own; where several devices are listed each has one.

    Raises
    ------
    InputError
        OUT_OF_RANGE: both CPUs and GPUs; these find different grasps.
    DeviceError
        DEVICE_UNAVAILABLE.
    """
    from dexgrasp_ros.synthesis.device import resolve_device

    found = [resolve_device(name.strip()) for name in device.split(',')]
    kinds = {'cpu' if each.is_cpu else 'cuda' for each in found}
    if len(kinds) > 1:
        raise InputError(
            f"The devices are '{device}'; expected GPUs or CPUs alone, as both find different "
            'grasps.',
            ErrorCode.OUT_OF_RANGE,
        )
    if kinds == {'cpu'}:
        return 'cpu', [{} for _ in found] if len(found) > 1 else []
    import warp as wp

    listed = os.environ.get('CUDA_VISIBLE_DEVICES', '')
    names = listed.split(',') if listed else list(map(str, range(wp.get_cuda_device_count())))
    wanted = names if device == 'auto' else [names[each.ordinal] for each in found]
    return 'cuda', [{'CUDA_VISIBLE_DEVICES': name} for name in wanted]


def _pool(processes: int, environment: Mapping[str, str]) -> WorkerPool:
    return WorkerPool(_CALL, processes=processes, environment=environment)


def _told(value: Any) -> Any:
    return (
        Failed(code=ErrorCode.INTERNAL, message=value.message)
        if isinstance(value, Failure)
        else value
    )
