"""Results as lines of JSON that a program appends, and rows of tables made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
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


def read_records(path: Path) -> list[dict[str, Any]]:
    """Whole lines of a file that may end in half a line, or not be there."""
    records = []
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Add a line to a file, and its folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.is_file() and not path.read_text().endswith('\n')
    with path.open('a') as file:
        file.write(('\n' if half and path.stat().st_size else '') + json.dumps(record) + '\n')


def table_row(cells: Sequence[str]) -> str:
    """Row of a table in Markdown."""
    return '| ' + ' | '.join(cells) + ' |'
