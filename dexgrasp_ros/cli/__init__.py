"""The command `dexgrasp`: one module for each subcommand, imported when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; return 0, 1 after one clear line about an error, 130 after Ctrl-C."""
    from dexgrasp_ros.cli.interrupts import INTERRUPTED, end_soon_when_interrupted
    from dexgrasp_ros.core.errors import DexGraspError

    try:
        if arguments is None:
            end_soon_when_interrupted()
        _run(arguments)
    except DexGraspError as error:
        print(f'dexgrasp: {error.code.name}: {error}', file=sys.stderr)
        return 1
    except OSError as error:
        # A full disk, a folder that may not be written: the system's own words say it best.
        print(f'dexgrasp: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('dexgrasp: interrupted', file=sys.stderr)
        return INTERRUPTED
    return 0


def _run(arguments: Sequence[str] | None) -> None:
    from dexgrasp_ros.cli.bag import bag
    from dexgrasp_ros.cli.convert import export, import_
    from dexgrasp_ros.cli.dataset import dataset
    from dexgrasp_ros.cli.demo import demo
    from dexgrasp_ros.cli.evaluate import evaluate
    from dexgrasp_ros.cli.hand import hand
    from dexgrasp_ros.cli.reconstruct import reconstruct
    from dexgrasp_ros.cli.synthesize import synthesize
    from dexgrasp_ros.cli.usage import parse
    from dexgrasp_ros.cli.view import view

    commands = (demo, synthesize, evaluate, reconstruct, view, hand, export, import_, bag, dataset)
    parse(commands, arguments, __doc__)()
