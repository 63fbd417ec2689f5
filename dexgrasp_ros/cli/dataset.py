"""``dexgrasp dataset``: what its actions are; each has a module ``dataset_<action>``."""

from __future__ import annotations

from typing import Annotated

import tyro

from dexgrasp_ros.cli.dataset_export import Export
from dexgrasp_ros.cli.dataset_failures import Failures
from dexgrasp_ros.cli.dataset_generate import Generate
from dexgrasp_ros.cli.dataset_objects import Objects
from dexgrasp_ros.cli.dataset_render import Render
from dexgrasp_ros.cli.dataset_stats import Stats

# Each action is a dataclass of its options with a method `run`; add it here.
_Action = (
    Annotated[Objects, tyro.conf.subcommand('objects')]
    | Annotated[Generate, tyro.conf.subcommand('generate')]
    | Annotated[Render, tyro.conf.subcommand('render')]
    | Annotated[Export, tyro.conf.subcommand('export')]
    | Annotated[Failures, tyro.conf.subcommand('failures')]
    | Annotated[Stats, tyro.conf.subcommand('stats')]
)


def dataset(
    *,
    action: Annotated[
        _Action,
        tyro.conf.arg(name=''),
        tyro.conf.OmitSubcommandPrefixes,
        tyro.conf.OmitArgPrefixes,
    ],
) -> None:
    """Make a dataset of grasps and images, sum it up, and write it for other software.

    Parameters
    ----------
    action
        What to do.
    """
    action.run()
