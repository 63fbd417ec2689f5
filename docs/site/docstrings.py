"""What is done to docstrings before they are read as reStructuredText."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_CODE_OR_BAR = re.compile(r'``.*?``|\|')


def connect(app: Sphinx) -> None:
    """Work on docstrings before and after their NumPy sections are understood."""
    app.connect('autodoc-process-docstring', keep_bars, priority=400)
    app.connect('autodoc-process-docstring', add_settings, priority=600)


def keep_bars(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Let |x| be a length, not the name of a substitution."""
    block = None  # columns that a literal block is indented by, at least
    for i, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        if block is not None and (not line.strip() or indent >= block):
            continue
        block = indent + 1 if line.endswith('::') else None
        lines[i] = _CODE_OR_BAR.sub(lambda m: r'\|' if m[0] == '|' else m[0], line)


def add_settings(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Append what the fields of a class of settings mean; they say it to command line and ROS."""
    if what != 'class' or not dataclasses.is_dataclass(obj):
        return
    settings = [f for f in dataclasses.fields(obj) if 'text' in f.metadata]
    if settings:
        lines += ['', '.. list-table::', '   :header-rows: 1', '']
        for row in (('setting', 'default', 'unit', 'meaning'), *map(_row, settings)):
            lines += [f'   {"* -" if k == 0 else "  -"} {cell}' for k, cell in enumerate(row)]
        lines.append('')


def _row(field: dataclasses.Field) -> tuple[str, ...]:
    about: Mapping[str, Any] = field.metadata
    unit = about.get('unit', '-')
    default = '' if field.default is dataclasses.MISSING else f'``{field.default!r}``'
    text = _CODE_OR_BAR.sub(lambda m: r'\|' if m[0] == '|' else m[0], about['text'])
    return f'``{field.name}``', default, '' if unit in ('-', '1') else unit, text
