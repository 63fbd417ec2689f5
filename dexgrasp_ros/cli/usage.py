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

_LISTED = '│     '  # what an option that a message names begins with, and what is said of it
_OPTION = re.compile(f'{_LISTED}(--[\\w-]+)')


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
    lines = box.splitlines()
    options = list(dict.fromkeys(found[1] for line in lines if (found := _OPTION.match(line))))
    if len(options) > 1:  # their names are enough; `--help` has what they mean
        lines = [line for line in lines if not line.startswith(_LISTED)]
        rules = [k for k, line in enumerate(lines) if set(line) <= {*'│ ─'}]
        lines.insert(rules[-1] if rules else -1, f'│ {", ".join(options)} │')
    rows = [row.strip('│ ') for row in lines if row[:1] not in '╭╰']
    text = '\n'.join('' if set(row) == {'─'} else f'{row} ' for row in rows)
    sections = [' '.join(section.split()) for section in text.split('\n\n')]
    return '. '.join(section.rstrip('.') for section in sections if section)
