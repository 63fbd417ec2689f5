"""``dexgrasp synthesize``: grasps of one mesh, without ROS."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from dexgrasp_ros.cli.settings import SearchOptions, synthesis_config

if TYPE_CHECKING:
    from dexgrasp_ros.core.config import SynthesisConfig
    from dexgrasp_ros.core.hand_model import HandModel
    from dexgrasp_ros.core.object_model import ObjectModel


def synthesize(
    mesh: tyro.conf.Positional[Path],
    /,
    *,
    hand: str = 'allegro',
    root: str | None = None,
    on_table: bool = False,
    verify: Literal['none', 'fc', 'hard', 'tabletop'] = 'none',
    out: Path = Path('grasps.npz'),
    course: Path | None = None,
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
    on_table
        The object stands on a table: let go with the z axis of the mesh up, it settles on it, and
        the hand keeps clear of it. The file says where the table is.
    verify
        Return only grasps that hold in this protocol of the shake test; 'tabletop' implies
        `on_table`.
    out
        File to write (.npz).
    course
        Picture to write: five moments of the search for the best grasp, side by side.
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
    from dexgrasp_ros.evaluation import synthesize_verified
    from dexgrasp_ros.hand import load_hand
    from dexgrasp_ros.object import load_object, object_pieces
    from dexgrasp_ros.simulation import settle
    from dexgrasp_ros.synthesis import synthesize as find_grasps

    console = Console(stderr=json)
    config = synthesis_config(search)
    model = load_hand(hand, root=root)
    obj = load_object(mesh)
    unrest = []
    if on_table or verify == 'tabletop':
        rest = settle(obj, object_pieces(obj).pieces)
        obj = load_object(mesh, support_plane=rest.support_plane)
        if not rest.at_rest:
            unrest = [f'The object still moves on the table after {rest.seconds:.0f} s.']
    for warning in (*model.warnings, *obj.warnings, *unrest):
        console.print(f'[yellow]warning:[/] {warning}')
    with progress_bar(console) as show:
        if verify == 'none':
            grasps = find_grasps(model, obj, config, progress=show)
        else:
            grasps = synthesize_verified(model, obj, config, protocol=verify, progress=show)
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
    if course is not None:
        if len(grasps):
            _draw_course(course, model, obj, config, int(grasps.seed_index[0]))
            console.print(f'Course of the best grasp drawn in {course}')
        else:
            console.print('No grasp, so no course is drawn.')
    if json:
        print_json(
            {
                'grasps': rows,
                'rejected': grasps.rejected,
                'timing': grasps.timing,
                'out': str(out),
            }
        )


def _draw_course(
    path: Path, hand: HandModel, obj: ObjectModel, config: SynthesisConfig, seed_index: int
) -> None:
    """Search again from one seed, and draw its way."""
    from dexgrasp_ros.hand import link_poses
    from dexgrasp_ros.simulation import render_course, save_picture
    from dexgrasp_ros.synthesis import trace_seed

    course = trace_seed(hand, obj, config, seed_index)
    picture = render_course(
        hand,
        link_poses(hand, course.q, course.base_pose),
        obj.vertices,
        obj.faces,
        contact_points=course.contact_points,
        support_plane=obj.support_plane,
        captions=[
            f'iteration {iteration}\nresidual {residual:.3f}'
            for iteration, residual in zip(course.iteration, course.residual, strict=True)
        ],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(picture, path)
