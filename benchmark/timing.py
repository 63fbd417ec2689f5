"""What the benchmarks of speed share: kernels that book their time, rows, memory, names."""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import warp as wp
from records import machine

from dexgrasp_ros import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object


class TimedEngine(Engine):
    """Books the time of each kernel's launches, for as many candidates as a search has seeds."""

    def __init__(self, hand: HandModel, obj: ObjectModel, config: SynthesisConfig) -> None:
        device = resolve_device(config.device)
        uploads = upload_hand(hand, device), upload_object(obj, device)
        super().__init__(*uploads, config, config.seed_count, device)
        self._clock: Callable[[], float] = time.thread_time
        if not device.is_cpu:
            self._clock = time.perf_counter
        self.seconds: Counter[str] = Counter()
        self.set_state(*make_seeds(Search(hand, obj, config), hand, obj, config))

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
    where = machine() if device.is_cpu else device.name
    names = ', '.join(o.name for o in objects)
    return f'{where}; {hand}; {names}; random seeds {", ".join(map(str, seeds))}'


def peak_memory(config: SynthesisConfig) -> float:
    """Most that this process has taken so far [MB]: of the machine, or of the GPU."""
    device = resolve_device(config.device)
    if device.is_cpu:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (device.total_memory - device.free_memory) / 2**20
