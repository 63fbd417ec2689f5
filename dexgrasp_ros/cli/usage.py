"""The command line read before anything runs, and what is wrong with it in one line."""

from __future__ import annotations

import contextlib
import functools
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any

from dexgrasp_ros.core.errors import InputError


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
    """Sentences of a box of text, whose sections are parted by rules."""
    rows = [row.strip('│ ') for row in box.splitlines() if row[:1] not in '╭╰']
    text = '\n'.join('' if set(row) == {'─'} else f'{row} ' for row in rows)
    sections = [' '.join(section.split()) for section in text.split('\n\n')]
    return '. '.join(section.rstrip('.') for section in sections if section)
