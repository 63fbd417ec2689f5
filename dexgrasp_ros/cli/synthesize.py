"""``dexgrasp synthesize``: grasps of one mesh, without ROS."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from dexgrasp_ros.cli.hands import XacroArgs, read_xacro_args
from dexgrasp_ros.cli.settings import SearchOptions, synthesis_config
from dexgrasp_ros.cli.wishes import read_wishes
from dexgrasp_ros.core.convex_pieces import FINE

if TYPE_CHECKING:
    from rich.console import Console

    from dexgrasp_ros.core.config import SynthesisConfig
    from dexgrasp_ros.core.grasp_set import GraspSet
    from dexgrasp_ros.core.hand_model import HandModel
    from dexgrasp_ros.core.object_model import ObjectModel
    from dexgrasp_ros.core.wishes import Wishes
    from dexgrasp_ros.synthesis.seeds import SeedSource


def synthesize(
    mesh: tyro.conf.Positional[Path],
    /,
    *,
    hand: str = 'allegro',
    root: str | None = None,
    xacro_args: XacroArgs = (),
    scale: float = 1.0,
    on_table: bool = False,
    keep: Literal['best', 'all'] = 'best',
    grasp_type: Literal['any', 'power', 'precision'] = 'any',
    fingers: tuple[str, ...] = (),
    approach: tuple[float, float, float, float] | None = None,
    hold_region: tuple[str, ...] = (),
    avoid_region: tuple[str, ...] = (),
    verify: Literal['none', 'fc', 'hard', 'tabletop'] = 'none',
    piece_threshold: float = FINE,
    out: Path = Path('grasps.npz'),
    course: Path | None = None,
    json: bool = False,
    search: Annotated[SearchOptions, tyro.conf.OmitArgPrefixes] = SearchOptions(),  # noqa: B008
) -> None:
    """Find grasps of a mesh and write them to a file.

    Parameters
    ----------
    mesh
        Object: .obj, .stl, .ply or .glb in metres, .dae or .3mf in the unit that it states.
    hand
        Name of a hand of the package, or path of a URDF or xacro file.
    root
        Link whose subtree is the hand.
    xacro_args
        Values of a xacro file's arguments: side:=left length:=0.1
    scale
        Multiplies the coordinates of the mesh: 0.001 for millimetres, 0.01 for centimetres, 0.0254
        for inches, where the file does not say so.
    on_table
        The object stands on a table: let go with the z axis of the mesh up, it settles on it, and
        the hand keeps clear of it. The file says where the table is.
    keep
        best: the best, at most --max-grasps. all: every sound, distinct grasp that any of the
        --seed-count candidates becomes; --max-grasps then bounds nothing.
    grasp_type
        power: the palm touches, and two fingers at least. precision: nothing but fingertips does.
    fingers
        Fingers that shall touch, each of them and no other, by the name of one of their links or
        the beginning that only their links' names share (rh_th); the palm by its link.
    approach
        The palm faces along x y z (unit vector, frame of the mesh) or no more than so many
        degrees off: ``0 0 -1 30`` is from above.
    hold_region
        Contacts lie in one of these: shape:sizes@x,y,z or shape:sizes@x,y,z,qx,qy,qz,qw in the
        frame of the mesh [m]. box:x,y,z; sphere:radius; cylinder:height,radius and
        cone:height,radius along z; the place is that of the middle. Example:
        box:0.04,0.04,0.1@0,0,0.05
    avoid_region
        Contacts lie in none of these.
    verify
        Return only grasps that hold in this protocol of the shake test; 'tabletop' implies
        `on_table`.
    piece_threshold
        Concavity of the convex pieces that stand for the object on the table and in the shake
        test, as for `dexgrasp evaluate`.
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

    from dexgrasp_ros.cli.files import prepare_file, prepare_picture
    from dexgrasp_ros.cli.report import load_status, print_json, progress_bar
    from dexgrasp_ros.evaluation import synthesize_verified
    from dexgrasp_ros.hand import load_hand
    from dexgrasp_ros.synthesis import synthesize as find_grasps

    console = Console(stderr=json)
    config = synthesis_config(search)
    wishes = read_wishes(
        grasp_type=grasp_type,
        fingers=fingers,
        approach=approach,
        hold_region=hold_region,
        avoid_region=avoid_region,
    )
    learned = None
    if config.seed_source != 'geometric':
        from dexgrasp_ros.learning import learned_seeds

        learned = learned_seeds()
    values = read_xacro_args(xacro_args)
    prepare_file(out)
    if course is not None:
        prepare_picture(course)
    with load_status(console) as show:
        model = load_hand(hand, root=root, xacro_args=values, progress=show)
    obj, unrest = _load_object(mesh, scale, piece_threshold, on_table or verify == 'tabletop')
    warnings = [*model.warnings, *obj.warnings, *unrest]
    _warn(console, warnings)
    with progress_bar(console) as show:
        if verify == 'none':
            grasps = find_grasps(
                *(model, obj, config), keep=keep, wishes=wishes, learned=learned, progress=show
            )
        else:
            grasps = synthesize_verified(
                *(model, obj, config),
                keep=keep,
                wishes=wishes,
                learned=learned,
                protocol=verify,
                piece_threshold=piece_threshold,
                progress=show,
            )
    grasps = dataclasses.replace(grasps, object_mesh=str(mesh), object_scale=scale)
    grasps.save(out)
    late = [w for w in grasps.warnings if w not in warnings]
    _warn(console, late)
    _print_grasps(console, grasps, out)
    if json:
        # Before the course, whose failure must not cost this line.
        print_json(_summary(grasps, [*warnings, *late], out))
    if course is not None:
        _draw_course(console, course, model, obj, config, wishes, learned, grasps)


def _load_object(
    mesh: Path, scale: float, threshold: float, on_table: bool
) -> tuple[ObjectModel, list[str]]:
    """Load the object, on the table where it comes to rest if it is wanted; warnings beside it."""
    from dexgrasp_ros.evaluation import check_threshold
    from dexgrasp_ros.object import load_object, object_pieces
    from dexgrasp_ros.simulation import settle

    check_threshold(threshold)
    obj = load_object(mesh, scale=scale)
    if not on_table:
        return obj, []
    rest = settle(obj, object_pieces(obj, threshold=threshold).pieces)
    late = f'The object still moves on the table after {rest.seconds:.0f} s.'
    standing = load_object(mesh, scale=scale, support_plane=rest.support_plane)
    return standing, [] if rest.at_rest else [late]


def _warn(console: Console, warnings: list[str]) -> None:
    for warning in warnings:
        console.print(f'[yellow]warning:[/] {warning}')


def _rows(grasps: GraspSet) -> list[dict[str, Any]]:
    return [
        {
            'score': grasps.score[n],
            'residual': grasps.residual[n],
            'penetration': grasps.penetration[n],
            'contact_count': int(grasps.contact_count[n]),
            'position': grasps.base_pose[n, :3],
        }
        for n in range(len(grasps))
    ]


def _print_grasps(console: Console, grasps: GraspSet, out: Path) -> None:
    from dexgrasp_ros.cli.report import grasp_table, reject_text, timing_table

    title = f'{len(grasps)} grasps of {grasps.object_mesh} by {grasps.hand}'
    console.print(grasp_table(title, _rows(grasps)))
    console.print(f'Candidates lost: {reject_text(grasps.rejected)}')
    console.print(timing_table(grasps.timing))
    console.print(f'Written to {out}')


def _summary(grasps: GraspSet, warnings: list[str], out: Path) -> dict[str, Any]:
    return {
        'grasps': _rows(grasps),
        'rejected': grasps.rejected,
        'timing': grasps.timing,
        'warnings': warnings,
        'out': str(out),
    }


def _draw_course(
    console: Console,
    path: Path,
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    wishes: Wishes | None,
    learned: SeedSource | None,
    grasps: GraspSet,
) -> None:
    """Search again from the best grasp's seed, and draw its way."""
    from dexgrasp_ros.hand import link_poses
    from dexgrasp_ros.simulation import render_course, save_picture
    from dexgrasp_ros.synthesis import trace_seed

    if not len(grasps):
        console.print('No grasp, so no course is drawn.')
        return
    seed = int(grasps.seed_index[0])
    course = trace_seed(hand, obj, config, seed, wishes=wishes, learned=learned)
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
    save_picture(picture, path)
    console.print(f'Course of the best grasp drawn in {path}')
