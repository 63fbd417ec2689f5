"""Progress of hours of work: a bar in a terminal, a line now and then in the log of a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_LOG_EVERY = 60.0  # s between two lines of a log

# Called with what is done, what there is in all, and a word about it.
ShowWork = Callable[[int, int, str], None]


@contextmanager
def work_bar(console: Console, things: str) -> Iterator[ShowWork]:
    """Show how far work is, its rate and the time that is left; a bar vanishes at the end.

    Parameters
    ----------
    console
        Where; without a terminal, a line is printed once a minute where something has happened.
    things
        What is counted, such as ``'grasps'``.
    """
    start = time.monotonic()
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        TextColumn('{task.percentage:>3.0f} %'),
        TextColumn('{task.fields[pace]}'),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task('starting', total=None, pace='')
        told, told_at = 0, start

        def show(done: int, total: int, text: str) -> None:
            nonlocal told, told_at
            now = time.monotonic()
            pace = pace_text(done, total, now - start, things)
            bar.update(task, completed=done, total=total, description=text, pace=pace)
            if not console.is_terminal and done > told and now - told_at > _LOG_EVERY:
                console.print(f'{text}, {pace}', highlight=False)
                told, told_at = done, now

        yield show


def pace_text(done: int, total: int, seconds: float, things: str) -> str:
    """Rate since the start and the time that the rest takes; nothing before there is a rate.

    >>> pace_text(300, 900, 60.0, 'grasps')
    '5.0 grasps/s, 0:02:00 left'
    """
    if done <= 0 or seconds <= 0.0:
        return ''
    rate = done / seconds
    left = timedelta(seconds=round((total - done) / rate))
    return f'{rate:.1f} {things}/s, {left} left'
