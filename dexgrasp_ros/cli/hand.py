"""``dexgrasp hand``: what the loader understood of a URDF."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from dexgrasp_ros.cli.hands import XacroArgs, read_xacro_args

if TYPE_CHECKING:
    from rich.console import Console

    from dexgrasp_ros.core.hand_model import HandModel


def hand(
    urdf: tyro.conf.Positional[str],
    /,
    *,
    root: str | None = None,
    overrides: Path | None = None,
    xacro_args: XacroArgs = (),
    png: Path | None = None,
    explain: bool = False,
    json: bool = False,
) -> None:
    """Show a hand's joints, contact groups and palm as they are understood, and draw it.

    Parameters
    ----------
    urdf
        Name of a hand of the package ('allegro', 'allegro_left'), path of a URDF or xacro file,
        or name of a module of robot_descriptions.
    root
        Link whose subtree is the hand.
    overrides
        YAML that says what the URDF does not; by default the file beside the URDF with its name.
    xacro_args
        Values of a xacro file's arguments: side:=left length:=0.1
    png
        Picture to write: open, half closed and closed, from the palm and the side, with palm axes,
        ways of the fingertips and contact groups by colour.
    explain
        Print, in place of the tables, what each thing was derived from, as the YAML that overrides
        it.
    json
        End with one line of JSON.
    """
    import time

    from rich.console import Console

    from dexgrasp_ros.cli.files import prepare_picture
    from dexgrasp_ros.cli.hand_explain import explain as explanation
    from dexgrasp_ros.cli.hand_report import hand_summary
    from dexgrasp_ros.cli.report import load_status, print_json
    from dexgrasp_ros.hand import load_hand

    console = Console(stderr=json)
    values = read_xacro_args(xacro_args)
    if png is not None:
        prepare_picture(png)
    clock = time.perf_counter()
    with load_status(console) as show:
        model = load_hand(urdf, root=root, overrides=overrides, xacro_args=values, progress=show)
    seconds = time.perf_counter() - clock
    if explain:
        for line in explanation(model, _override_files(urdf, values, overrides)):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    else:
        _show(console, model)
        console.print(f'Loaded in {seconds:.2f} s.')
    if png is not None:
        from dexgrasp_ros.cli.hand_picture import draw_hand
        from dexgrasp_ros.simulation import save_picture

        save_picture(draw_hand(model), png)
        console.print(f'# Drawn in {png}' if explain else f'Drawn in {png}')
    if json:
        print_json(
            {
                **hand_summary(model),
                'load_seconds': seconds,
                'png': None if png is None else str(png),
            }
        )


def _show(console: Console, model: HandModel) -> None:
    """Print the tables, the palm and the warnings."""
    from rich.markup import escape

    from dexgrasp_ros.cli.hand_report import (
        group_table,
        idle_lines,
        joint_table,
        motion_table,
        palm_lines,
    )

    for table in (joint_table, motion_table, group_table):
        console.print(table(model))
    for line in palm_lines(model):
        console.print(line)
    for warning in (*model.warnings, *idle_lines(model)):
        console.print(f'[yellow]warning:[/] {escape(warning)}', highlight=False)


def _override_files(
    urdf: str, xacro_args: Mapping[str, str], overrides: Path | None
) -> list[Path]:
    """Where the overrides of a hand are looked for; nowhere if its description has them."""
    from dexgrasp_ros.hand.sources import find_source, has_overrides, override_files

    if overrides is not None:
        return [overrides]
    found = find_source(urdf, xacro_args)
    if has_overrides(found.text):
        return []
    return [path for path, _ in override_files(found.text, stem=found.name, folder=found.folder)]
