"""Tables in Markdown, and the figures that stand in their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from dexgrasp_ros.evaluation import wilson_interval


def row(cells: Iterable[object]) -> str:
    """Row of a table."""
    return f'| {" | ".join(map(str, cells))} |'


def table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield the lines of a table, each row as it comes."""
    yield row(head)
    yield row(['---'] * len(head))
    yield from map(row, rows)


def show(lines: Iterable[str], out: Path | None = None) -> None:
    """Print lines as they come; write them to a file, if one is wanted, once all have come."""
    shown = []
    for line in lines:
        print(line, flush=True)
        shown.append(line)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text('\n'.join(shown) + '\n', encoding='utf-8')


def share(held: int, asked: int, digits: int = 1) -> str:
    """So many of so many, and in per cent."""
    return f'{held}/{asked} = {100 * held / asked:.{digits}f} %'


def interval(held: int, asked: int) -> str:
    """Wilson's 95 % interval of a share, in per cent."""
    low, high = wilson_interval(held, asked)
    return f'{100 * low:.0f} to {100 * high:.0f}'


def spread(
    values: Iterable[float], form: str = '.2f', middle: Callable[..., float] = np.median
) -> str:
    """Median, or another middle, with the least and the most."""
    values = np.asarray(list(values), dtype=float)
    if not len(values):
        return '–'
    return f'{middle(values):{form}} ({values.min():{form}} to {values.max():{form}})'
