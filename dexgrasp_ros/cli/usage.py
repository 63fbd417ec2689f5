"""The command line read before anything runs, and what is wrong with it in one line."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from dexgrasp_ros.core.errors import InputError

_OPTION = re.compile(r' {4}(--[\w.-]+)')  # that a message describes in the lines below
_NAMED = 5  # options that may have been meant, the nearest first; `--help` has what they mean


def parse(
    commands: Sequence[Callable[..., None]], arguments: Sequence[str] | None, description: str
) -> Callable[[], None]:
    """Return the subcommand that was asked for, with its options, ready to be called.

    Parameters
    ----------
    commands
        Functions whose signatures are the options.
    arguments
        Words of the command line; default: those of this process.
    description
        What ``--help`` begins with.

    Raises
    ------
    InputError
        INVALID_INPUT: the words are not such a command; the message says what was expected.
    """
    import tyro

    app = tyro.extras.SubcommandApp()
    for command in commands:
        # `import_` cannot be called `import` in Python.
        app.command(_deferred(command), name=command.__name__.rstrip('_'))
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            found = app.cli(prog='dexgrasp', args=arguments, description=description)
    except SystemExit as end:
        if not end.code or not told.getvalue():  # help was told, or nobody reads it any more
            raise
        raise InputError(_one_line(told.getvalue())) from None
    sys.stderr.write(told.getvalue())
    return found


def _deferred(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """Return a function with the same options that only binds them."""

    @functools.wraps(command)
    def bind(*args: Any, **options: Any) -> Callable[[], None]:
        return functools.partial(command, *args, **options)

    return bind


def _one_line(box: str) -> str:
    """Sentences of a box of text, whose sections are parted by rules.

    Its borders are lines, or blanks where the output has no letters for lines.
    """
    sections: list[list[str]] = [[]]
    for line in box.splitlines():
        row = line[2:].rstrip('│ ')
        if line[:2] not in ('│ ', '  ') or not row:
            continue
        if set(row) <= set('─-'):
            sections.append([])
        else:
            sections[-1].append(row)
    return '. '.join(_sentence(rows).rstrip('.') for rows in sections if rows)


def _sentence(rows: list[str]) -> str:
    """Text of a section; of several options that it describes, the names of the first."""
    options = list(dict.fromkeys(o[1] for o in map(_OPTION.match, rows) if o))
    if len(options) > 1:
        rows = [rows[0], ', '.join(options[:_NAMED])]
    return ' '.join(' '.join(rows).split())
