"""What the commands that make a dataset share: where they run, a bar, a good end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from dexgrasp_ros.dataset.executors import Executor
    from dexgrasp_ros.dataset.report import Report, ReportCallback


def open_executor(ray: str | None, processes: int | None, device: str) -> Executor:
    """Return processes of this machine, or of a Ray cluster where there is an address.

    Raises
    ------
    InputError, DeviceError
        As from `LocalExecutor` and `RayExecutor`.
    """
    if ray is not None:
        from dexgrasp_ros.dataset.ray_executor import RayExecutor

        return RayExecutor(ray, processes, device=device)
    from dexgrasp_ros.dataset.executors import LocalExecutor

    return LocalExecutor(processes, device=device)


@contextlib.contextmanager
def run_bar(console: Console, things: str) -> Iterator[ReportCallback]:
    """Show one bar of `things`, with their rate and the time that is left."""
    from dexgrasp_ros.cli.work_bar import work_bar

    with work_bar(console, things) as show:

        def tell(report: Report) -> None:
            # What was there says nothing about the time that the rest takes.
            there = report.there
            lost = f', {report.lost} lost' if report.lost else ''
            text = f'{report.done} of {report.units} units{lost}'
            show(report.wanted_done - there, report.wanted - there, text)

        yield tell


@contextlib.contextmanager
def ends_like_ctrl_c() -> Iterator[None]:
    """End as at Ctrl-C where the process is terminated, as clusters do when time is over."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
