"""Launches of kernels on one device, whose arguments are packed once where they repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import warp as wp

_RECORDED = 10  # repetitions in one replay of a graph, between two looks at a stop


def repeat(
    launches: Sequence[wp.Launch],
    times: int,
    device: Any,
    *,
    between: Callable[[], None],
    recorded: bool | None = None,
) -> None:
    """Make launches that follow each other, over and over.

    Parameters
    ----------
    launches
        Whose arguments do not change: what does is on the device.
    between
        Called often; free to raise.
    recorded
        Whether to record some repetitions and replay these (default: on CUDA).
    """
    done = 0
    if (device.is_cuda if recorded is None else recorded) and times > _RECORDED:
        _make(launches)  # loads the kernels, which a capture must not
        done = 1
        with wp.ScopedCapture(device=device) as capture:
            for _ in range(_RECORDED):
                _make(launches)
        while done + _RECORDED <= times:
            between()
            wp.capture_launch(capture.graph)
            done += _RECORDED
    for _ in range(done, times):
        between()
        _make(launches)


def _make(launches: Sequence[wp.Launch]) -> None:
    for launch in launches:
        launch.launch()


class Launcher:
    """Launches kernels, or notes launches so that they can be made again."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._launches: dict[tuple[str, int], list[wp.Launch]] = {}
        self._noted: list[wp.Launch] | None = None  # where launches are noted instead of made

    def launch(self, kernel: Any, dim: Any, *arguments: Any) -> None:
        """Make one launch, or note it."""
        noting = self._noted is not None
        launch = wp.launch(
            kernel, dim=dim, inputs=list(arguments), device=self._device, record_cmd=noting
        )
        if launch is not None:  # noted, and not of nothing
            self._noted.append(launch)

    def again(self, name: str, count: int, work: Callable[[], None]) -> None:
        """Make the launches of `work` for `count` candidates, packed the first time.

        Packing takes longer than a kernel does for a candidate or two. A recording as for CUDA
        would do as well, but on a CPU it takes down whatever other threads launch meanwhile.
        """
        key = (name, count)
        if key not in self._launches:
            self._noted = []
            try:
                work()
                self._launches[key] = self._noted
            finally:
                self._noted = None
        for launch in self._launches[key]:
            launch.launch()
