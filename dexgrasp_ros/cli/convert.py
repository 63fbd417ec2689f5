"""``dexgrasp export`` and ``dexgrasp import``: grasps in the file formats of other software."""

from __future__ import annotations

from pathlib import Path

import tyro

from dexgrasp_ros.cli.hands import XacroArgs, read_xacro_args


def export(
    grasps: tyro.conf.Positional[Path],
    /,
    *,
    isaac: Path | None = None,
    dexgraspbench: Path | None = None,
    object: Path | None = None,
    hand: str | None = None,
    root: str | None = None,
    xacro_args: XacroArgs = (),
) -> None:
    """Write grasps for other software.

    Parameters
    ----------
    grasps
        File that `dexgrasp synthesize` wrote (.npz).
    isaac
        File to write: isaac_grasp 1.0 (.yaml), for Isaac Sim and Isaac ROS. It holds neither
        squeezes nor contacts, and one pose for pre-grasp and grasp.
    dexgraspbench
        Folder to write: grasps, object and scene as that benchmark has them, to be copied over a
        clone of it. Grasps planned on a table are of its setting tabletop, others of fc.
    object
        For --dexgraspbench: mesh, in the unit of the one that the file names, the default.
    hand
        For --dexgraspbench: name of a hand or path of a URDF or xacro file; default: the URDF in
        the file.
    root
        Link whose subtree is the hand, with --hand.
    xacro_args
        Values of a xacro file's arguments, with --hand: side:=left length:=0.1
    """
    from rich.console import Console

    from dexgrasp_ros.cli.bench_export import export_one
    from dexgrasp_ros.cli.files import prepare_file
    from dexgrasp_ros.core.errors import InputError
    from dexgrasp_ros.core.grasp_set import GraspSet
    from dexgrasp_ros.dataset import export_isaac_grasp

    if isaac is None and dexgraspbench is None:
        raise InputError('Nothing to write; expected --isaac FILE or --dexgraspbench DIR.')
    if hand is None and (root is not None or xacro_args):
        raise InputError('--root or --xacro-args without a hand; expected --hand with it.')
    console, stored = Console(), GraspSet.load(grasps)
    if isaac is not None:
        prepare_file(isaac)
        export_isaac_grasp(stored, isaac)
        console.print(f'{len(stored)} grasps of {stored.hand} written to {isaac}')
    if dexgraspbench is not None:
        values = read_xacro_args(xacro_args)
        export_one(stored, dexgraspbench, console, object, hand, root, values)


def import_(
    file: tyro.conf.Positional[Path],
    /,
    *,
    hand: str,
    root: str | None = None,
    xacro_args: XacroArgs = (),
    object: Path | None = None,
    out: Path = Path('grasps.npz'),
) -> None:
    """Read grasps of other software, for `dexgrasp view` and `evaluate`.

    Parameters
    ----------
    file
        Grasps as isaac_grasp 1.0 (.yaml). Its gripper frame is the hand's root link, its object
        frame that of the mesh.
    hand
        Name of a hand of the package, or path of a URDF or xacro file.
    root
        Link whose subtree is the hand.
    xacro_args
        Values of a xacro file's arguments: side:=left length:=0.1
    object
        The object's mesh.
    out
        File to write (.npz).
    """
    from rich.console import Console

    from dexgrasp_ros.cli.files import prepare_file
    from dexgrasp_ros.cli.report import load_status
    from dexgrasp_ros.dataset import import_isaac_grasp
    from dexgrasp_ros.hand import load_hand

    console = Console()
    values = read_xacro_args(xacro_args)
    prepare_file(out)
    with load_status(console) as show:
        model = load_hand(hand, root=root, xacro_args=values, progress=show)
    found = import_isaac_grasp(file, model, object_mesh=object or '')
    found.save(out)
    for warning in found.warnings:
        console.print(f'[yellow]warning:[/] {warning}', highlight=False)
    console.print(f'{len(found)} grasps of {found.hand} written to {out}')
