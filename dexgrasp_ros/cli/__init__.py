"""The command `dexgrasp`: one module for each subcommand, imported when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from dexgrasp_ros.cli.interrupts import INTERRUPTED, end_interrupted, end_soon_when_interrupted

_BROKEN_PIPE = 141  # as a shell has it: 128 and the signal's number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; return 0, 1 after one clear line about an error, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            # A terminal or a file that has no arrows or Greek letters gets question marks.
            stream.reconfigure(errors='replace')
    try:
        if arguments is None:
            end_soon_when_interrupted()
        from dexgrasp_ros.core.quiet import quiet_libraries

        with quiet_libraries(_tell):
            return _run(arguments)
    except BaseException as error:
        # A library that is interrupted while it loads says that it cannot be loaded.
        if not _is_interrupt(error):
            raise
        if arguments is None:
            end_interrupted()
        print('dexgrasp: interrupted', file=sys.stderr)
        return INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    from dexgrasp_ros.cli.usage import parse
    from dexgrasp_ros.core.errors import DexGraspError

    try:
        parse(_commands(), arguments, __doc__)()
        sys.stdout.flush()
    except DexGraspError as error:
        if _is_interrupt(error):
            raise
        print(f'dexgrasp: {error.code.name}: {error}', file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read the output has enough of it. What is left would fail again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as error:
        # A full disk, a folder that may not be written: the system's own words say it best.
        print(f'dexgrasp: {error}', file=sys.stderr)
        return 1
    return 0


def _commands() -> tuple[Callable[..., None], ...]:
    from dexgrasp_ros.cli.bag import bag
    from dexgrasp_ros.cli.convert import export, import_
    from dexgrasp_ros.cli.dataset import dataset
    from dexgrasp_ros.cli.demo import demo
    from dexgrasp_ros.cli.evaluate import evaluate
    from dexgrasp_ros.cli.hand import hand
    from dexgrasp_ros.cli.predict import predict
    from dexgrasp_ros.cli.reconstruct import reconstruct
    from dexgrasp_ros.cli.synthesize import synthesize
    from dexgrasp_ros.cli.train import train
    from dexgrasp_ros.cli.view import view

    searching = (demo, synthesize, evaluate, reconstruct, view, hand)
    return (*searching, export, import_, bag, dataset, train, predict)


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt is what an exception came from, as cause, context or in its words."""
    if error is None:
        return False
    if isinstance(error, KeyboardInterrupt) or 'KeyboardInterrupt' in str(error):
        return True
    return _is_interrupt(error.__cause__ or error.__context__)


def _tell(message: str) -> None:
    """Print what this package warns of."""
    print(f'dexgrasp: warning: {message}', file=sys.stderr)
