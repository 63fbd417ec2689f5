"""``dexgrasp synthesize``: grasps of one mesh, without ROS."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from dexgrasp_ros.cli.settings import SearchOptions, synthesis_config


def synthesize(
    mesh: tyro.conf.Positional[Path],
    /,
    *,
    hand: str = 'allegro',
    root: str | None = None,
    out: Path = Path('grasps.npz'),
    json: bool = False,
    search: Annotated[SearchOptions, tyro.conf.OmitArgPrefixes] = SearchOptions(),  # noqa: B008
) -> None:
    """Find grasps of a mesh and write them to a file.

    Parameters
    ----------
    mesh
        Object in metres: .obj, .stl, .ply or .glb.
    hand
        Name of a hand of the package, or path of a URDF.
    root
        Link whose subtree is the hand.
    out
        File to write (.npz).
    json
        End with one line of JSON.
    search
        Settings of the search.
    """
    from rich.console import Console

    from dexgrasp_ros.cli.report import (
        grasp_table,
        print_json,
        progress_bar,
        reject_text,
        timing_table,
    )
    from dexgrasp_ros.hand import load_hand
    from dexgrasp_ros.object import load_object
    from dexgrasp_ros.synthesis import synthesize as find_grasps

    console = Console(stderr=json)
    config = synthesis_config(search)
    model = load_hand(hand, root=root)
    obj = load_object(mesh)
    for warning in (*model.warnings, *obj.warnings):
        console.print(f'[yellow]warning:[/] {warning}')
    with progress_bar(console) as show:
        grasps = find_grasps(model, obj, config, progress=show)
    grasps = dataclasses.replace(grasps, object_mesh=str(mesh))
    out.parent.mkdir(parents=True, exist_ok=True)
    grasps.save(out)
    rows = [
        {
            'score': grasps.score[n],
            'residual': grasps.residual[n],
            'penetration': grasps.penetration[n],
            'contact_count': int(grasps.contact_count[n]),
            'position': grasps.base_pose[n, :3],
        }
        for n in range(len(grasps))
    ]
    console.print(grasp_table(f'{len(grasps)} grasps of {mesh} by {model.name}', rows))
    console.print(f'Candidates lost: {reject_text(grasps.rejected)}')
    console.print(timing_table(grasps.timing))
    console.print(f'Written to {out}')
    if json:
        print_json(
            {
                'grasps': rows,
                'rejected': grasps.rejected,
                'timing': grasps.timing,
                'out': str(out),
            }
        )
