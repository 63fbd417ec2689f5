"""``dexgrasp hand``: what the loader understood of a URDF."""

from __future__ import annotations

from pathlib import Path

import tyro


def hand(
    urdf: tyro.conf.Positional[str],
    /,
    *,
    root: str | None = None,
    overrides: Path | None = None,
    png: Path | None = None,
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
    png
        Picture to write: open and closed, with palm axes and contact groups by colour.
    json
        End with one line of JSON.
    """
    import time

    from rich.console import Console

    from dexgrasp_ros.cli.files import prepare_picture
    from dexgrasp_ros.cli.hand_report import group_table, hand_summary, joint_table, palm_lines
    from dexgrasp_ros.cli.report import load_status, print_json
    from dexgrasp_ros.hand import load_hand

    console = Console(stderr=json)
    if png is not None:
        prepare_picture(png)
    clock = time.perf_counter()
    with load_status(console) as show:
        model = load_hand(urdf, root=root, overrides=overrides, progress=show)
    seconds = time.perf_counter() - clock
    console.print(joint_table(model))
    console.print(group_table(model))
    for line in palm_lines(model):
        console.print(line)
    for warning in model.warnings:
        console.print(f'[yellow]warning:[/] {warning}', highlight=False)
    console.print(f'Loaded in {seconds:.2f} s.')
    if png is not None:
        from dexgrasp_ros.cli.hand_picture import draw_hand
        from dexgrasp_ros.simulation import save_picture

        save_picture(draw_hand(model), png)
        console.print(f'Drawn in {png}')
    if json:
        print_json(
            {
                **hand_summary(model),
                'load_seconds': seconds,
                'png': None if png is None else str(png),
            }
        )
