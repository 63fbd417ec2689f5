"""What the benchmarks of speed share: kernels that book their time, rows, memory, names."""

from __future__ import annotations

import os
import platform
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import warp as wp

from dexgrasp_ros import SynthesisConfig
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine


class TimedEngine(Engine):
    """Books the time of each kernel's launches."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.seconds: Counter[str] = Counter()
        self._clock: Callable[[], float] = time.thread_time
        if not self._device.is_cpu:
            self._clock = time.perf_counter

    def _launch(self, kernel: Any, dim: Any, *arguments: Any) -> None:
        start = self._clock()
        super()._launch(kernel, dim, *arguments)
        wp.synchronize_device(self._device)
        self.seconds[kernel.key.rpartition('.')[2]] += self._clock() - start


@contextmanager
def core_time(config: SynthesisConfig) -> Iterator[None]:
    """On a CPU let searches book the time of this process, all cores added up.

    Other processes hardly stretch it.
    """
    if not resolve_device(config.device).is_cpu:
        yield
        return
    with patch('dexgrasp_ros.synthesis.clock.time.perf_counter', time.process_time):
        yield


def changed(config: SynthesisConfig, **changes: Any) -> SynthesisConfig:
    """Return a configuration with other values."""
    return SynthesisConfig(**{**vars(config), **changes})


def title(
    config: SynthesisConfig, hand: str, objects: Sequence[ObjectModel], seeds: Sequence[int]
) -> str:
    """Name machine, hand, objects and seeds."""
    device = resolve_device(config.device)
    where = f'{platform.machine()}, {os.cpu_count()} cores' if device.is_cpu else device.name
    names = ', '.join(o.name for o in objects)
    return f'{where}; {hand}; {names}; random seeds {", ".join(map(str, seeds))}'


def spread(values: Sequence[float] | np.ndarray, digits: int) -> str:
    """Median, least and most."""
    values = np.asarray(values, dtype=float)
    low, high = values.min(), values.max()
    return f'{np.median(values):,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})'


def peak_memory(config: SynthesisConfig) -> float:
    """Most that this process has taken so far [MB]: of the machine, or of the GPU."""
    device = resolve_device(config.device)
    if device.is_cpu:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (device.total_memory - device.free_memory) / 2**20
