"""What commands print: progress, tables, and one JSON object for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from dexgrasp_ros.core.progress import LoadCallback, LoadProgress, ProgressCallback
from dexgrasp_ros.core.progress import Progress as Moment

_LONGEST_WORD = len('(unstable)')  # of what a shake test tells


@contextmanager
def progress_bar(console: Console) -> Iterator[ProgressCallback]:
    """Show the moments that a search reports as one bar; it vanishes at the end."""
    columns = (
        TextColumn('{task.description}'),
        BarColumn(),
        TextColumn('{task.percentage:>3.0f} %'),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task('starting', total=1.0)

        def show(moment: Moment) -> None:
            text = f'{moment.phase}: {moment.candidates} candidates'
            bar.update(task, completed=moment.fraction, description=text)

        yield show


@contextmanager
def load_status(console: Console) -> Iterator[LoadCallback]:
    """Show which link's mesh is being cut while a hand is loaded; it vanishes at the end."""
    with console.status('Loading the hand …') as status:

        def show(moment: LoadProgress) -> None:
            status.update(
                'Cutting the hand into convex pieces, kept for the next time: '
                f'{escape(moment.link)}, {100 * moment.fraction:.0f} %'
            )

        yield show


def narrow_table(title: str = '') -> Table:
    """Table without lines between its columns; nothing is cut off in a window of 80 columns."""
    return Table(
        title=title or None,
        title_justify='left',
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def grasp_table(title: str, rows: list[Mapping[str, Any]]) -> Table:
    """Table of grasps, best first; each row has the keys that `grasp_row` gives."""
    table = Table(title=title, title_justify='left')
    for name in ('#', 'score', 'residual', r'penetration \[mm]', 'contacts', r'palm at \[m]'):
        table.add_column(name, justify='right')
    for i, row in enumerate(rows):
        table.add_row(
            str(i + 1),
            f'{row["score"]:.3f}',
            f'{row["residual"]:.4f}',
            f'{1e3 * row["penetration"]:.2f}',
            str(row['contact_count']),
            ' '.join(f'{v:+.3f}' for v in row['position']),
        )
    return table


def evaluation_table(title: str, rows: list[Mapping[str, Any]]) -> Table:
    """Table of evaluated grasps; each row is one of `Evaluation.rows`."""
    table = Table(title=title, title_justify='left', padding=(0, 0), pad_edge=False)
    # Short names, and words that wrap.
    names = ('#', 'shake test', r'moved \[mm]', 'ε', 'volume', r'depth \[mm]', r'self \[mm]')
    for name in (*names, 'links within 1 2 5 mm', r'area \[mm²]'):
        justify = 'left' if name == 'shake test' else 'right'
        width = _LONGEST_WORD if name == 'shake test' else None
        table.add_column(name, justify=justify, overflow='fold', min_width=width)
    for i, row in enumerate(rows):
        color = 'green' if row['held'] else 'red'
        told = f'{row["cause"]} ({row["motion"]})' if row['motion'] else row['cause']
        table.add_row(
            str(i + 1),
            f'[{color}]{told}[/]',
            f'{1e3 * row["displacement"]:.1f}',
            f'{row["epsilon"]:.3f}',
            f'{row["volume"]:.3f}',
            f'{1e3 * row["penetration"]:.2f}',
            f'{1e3 * row["self_penetration"]:.2f}',
            ' '.join(map(str, row['contact_count'])),
            ' '.join(f'{1e6 * area:.0f}' for area in row['contact_area']),
        )
    return table


def timing_table(timing: Mapping[str, float]) -> Table:
    """Seconds for each phase."""
    table = Table(title='Time', title_justify='left')
    table.add_column('phase')
    table.add_column('seconds', justify='right')
    for phase, seconds in timing.items():
        table.add_row(phase, f'{seconds:.3f}')
    return table


def reject_text(rejected: Mapping[str, int]) -> str:
    """Say where candidates were lost: ``12 contacts, 3 penetration``."""
    lost = [f'{count} {stage}' for stage, count in rejected.items() if count]
    return ', '.join(lost) or 'none'


def print_json(value: Mapping[str, Any]) -> None:
    """Print one line of JSON; NaN becomes null, which every reader accepts."""
    print(json_text(value), flush=True)


def json_text(value: Mapping[str, Any]) -> str:
    """One line of JSON; NaN becomes null."""
    return json.dumps(_plain(value), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
