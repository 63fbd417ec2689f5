"""What the commands that make a dataset share: where they run, a bar, a good end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from dexgrasp_ros.dataset.work.executors import Executor
    from dexgrasp_ros.dataset.work.report import Report, ReportCallback

_SHOWN = 20  # failures that are printed; all are in failures/


def open_executor(ray: str | None, processes: int | None, device: str) -> Executor:
    """Return processes of this machine, or of a Ray cluster where there is an address.

    Raises
    ------
    InputError, DeviceError
        As from `LocalExecutor` and `RayExecutor`.
    """
    if ray is not None:
        from dexgrasp_ros.dataset.work.ray_executor import RayExecutor

        return RayExecutor(ray, processes, device=device)
    from dexgrasp_ros.dataset.work.executors import LocalExecutor

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


def finish_run(
    console: Console, report: Report, out: Path, *, summary: str, things: str, json: bool
) -> None:
    """Say how a run went: the summary, failures, seconds, and one line of JSON where asked for.

    Raises
    ------
    DexGraspError
        Some of the `things` could not be made; the code is that of the first of them.
    """
    from rich.markup import escape

    from dexgrasp_ros.cli.report import print_json
    from dexgrasp_ros.core.errors import DexGraspError

    console.print(summary, highlight=False)
    for unit, failed in list(report.failures.items())[:_SHOWN]:
        console.print(f'[red]{escape(unit)}[/]: {failed.code.name}: {escape(failed.message)}')
    stages = ', '.join(f'{stage} {value:.1f} s' for stage, value in report.seconds.items())
    console.print(f'Of all processes: {stages or "nothing to do"}', highlight=False)
    console.print(f'Written to {out}', highlight=False)
    if json:
        print_json(report.as_dict() | {'out': str(out)})
    if report.failures:
        first = next(iter(report.failures.values()))
        raise DexGraspError(
            f'{report.lost} of {report.units} {things}; the same command tries them again. Reasons'
            f" are in '{out / 'failures'}', the first: {first.message}",
            first.code,
        )
