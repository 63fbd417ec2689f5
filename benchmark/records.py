"""Results as lines of JSON in a file that a program appends, and does not make again."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

# Objects of the test data that settings may be chosen on; the others are there to report on.
TUNED = (
    '005_tomato_soup_can',
    '010_potted_meat_can',
    '011_banana',
    '025_mug',
    '035_power_drill',
    '036_wood_block',
    '043_phillips_screwdriver',
    '077_rubiks_cube',
)
Record = dict[str, Any]


class Records:
    """Records of a file by what makes them what they are.

    Parameters
    ----------
    path : Path
        File; it need not be there.
    key : sequence of str or callable
        Fields of a record that tell it from others, or what makes its key of it.
    """

    def __init__(
        self, path: Path, key: Sequence[str] | Callable[[Record], tuple[Any, ...]]
    ) -> None:
        self._path = path
        self._key = key if callable(key) else lambda record: tuple(record[name] for name in key)
        self._found = {self._key(record): record for record in read_records(path)}

    def __contains__(self, head: Record) -> bool:
        return self._key(head) in self._found

    def __getitem__(self, head: Record) -> Record:
        return self._found[self._key(head)]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._found.values())

    def add(self, record: Record) -> Record:
        """Write a record to the file; return it as it will be read."""
        append_record(self._path, record)
        self._found[self._key(record)] = json.loads(json.dumps(record))
        return self[record]


def read_records(path: Path) -> list[Record]:
    """Whole lines of a file that may end in half a line, or not be there."""
    records = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def append_record(path: Path, record: Record) -> None:
    """Add a line to a file, and its folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.is_file() and not path.read_text().endswith('\n')
    with path.open('a') as file:
        file.write(('\n' if half and path.stat().st_size else '') + json.dumps(record) + '\n')


def by_object(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Yield each object's name and records."""
    for name in sorted({r['object'] for r in records}):
        yield name, [r for r in records if r['object'] == name]


def by_half(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Yield the records of each half of the objects that has some, and all."""
    halves = {
        '**tuned half**': [r for r in records if r['object'] in TUNED],
        '**reporting half**': [r for r in records if r['object'] not in TUNED],
        '**all**': list(records),
    }
    yield from ((name, half) for name, half in halves.items() if half)


def machine() -> str:
    """Name what a result was made on."""
    return f'{platform.machine()}, {os.cpu_count()} cores'
