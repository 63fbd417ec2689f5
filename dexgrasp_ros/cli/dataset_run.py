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
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TextColumn('{task.fields[rate]}'),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, speed_estimate_period=600.0) as bar:
        task = bar.add_task('starting', total=None, rate='')

        def show(report: Report) -> None:
            # What was there says nothing about the time that the rest takes.
            there = report.there
            speed = bar.tasks[0].speed
            bar.update(
                task,
                total=report.wanted - there,
                completed=report.wanted_done - there,
                rate='' if speed is None else f'{speed:.1f} {things}/s',
                description=f'{report.done} of {report.units} units'
                + (f', [red]{report.lost} lost[/]' if report.lost else ''),
            )

        yield show


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
