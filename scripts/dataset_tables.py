"""Write the tables of columns in docs/dataset.md from `dexgrasp_ros.dataset.schema`.

scripts/dataset_tables.py [docs/dataset.md]; a test fails where the page is older than the schema.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from dexgrasp_ros.dataset.schema import FRAME_COLUMNS, GRASP_COLUMNS, Column

PAGE = Path(__file__).resolve().parents[1] / 'docs' / 'dataset.md'
TABLES = {'grasps': GRASP_COLUMNS, 'frames': FRAME_COLUMNS}


def table(columns: tuple[Column, ...]) -> str:
    """One table of Markdown."""
    rows = [f'| `{c.name}` | {_kind(c)} | {c.text.replace("|", chr(92) + "|")} |' for c in columns]
    return '\n'.join(['| column | type | meaning |', '|---|---|---|', *rows])


def with_tables(page: str) -> str:
    """Return the page with its tables as the schema is now."""
    for name, columns in TABLES.items():
        begin, end = f'<!-- {name} -->', f'<!-- end of {name} -->'
        pattern = re.compile(f'{re.escape(begin)}.*?{re.escape(end)}', re.DOTALL)
        text = f'{begin}\n{table(columns)}\n{end}'
        page, count = pattern.subn(lambda _, text=text: text, page)
        if count != 1:
            raise ValueError(f'the page has {count} places {begin} … {end}; expected one')
    return page


def _kind(column: Column) -> str:
    return f'{column.kind} × {column.size}' if column.size else column.kind


if __name__ == '__main__':
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    path.write_text(with_tables(path.read_text(encoding='utf-8')), encoding='utf-8')
