"""Exports for DexGraspBench, and what to know before the benchmark reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from dexgrasp_ros.core.grasp_set import GraspSet
    from dexgrasp_ros.dataset.formats.dexgraspbench import BenchExport


def export_one(
    grasps: GraspSet,
    out: Path,
    console: Console,
    object: Path | None,
    hand: str | None,
    root: str | None,
    xacro_args: Mapping[str, str],
) -> None:
    """Write the grasps of one search; say what to remove first, and what to run then.

    Parameters
    ----------
    grasps, out
        What to write, and the folder.
    console
        To print to.
    object, hand, root, xacro_args
        As for `dexgrasp export`.
    """
    from dexgrasp_ros.cli.report import load_status
    from dexgrasp_ros.dataset.formats.dexgraspbench import BenchExport, export_set
    from dexgrasp_ros.evaluation.inputs import check_fit, hand_of, object_of
    from dexgrasp_ros.hand import load_hand

    if hand is None:
        model = hand_of(grasps)
    else:
        with load_status(console) as show:
            model = load_hand(hand, root=root, xacro_args=xacro_args, progress=show)
    check_fit(grasps, model)
    export = BenchExport(out, model)
    warn_of_earlier(export, console)
    setting = export_set(export, grasps, object_of(grasps, object))
    console.print(f'{len(grasps)} grasps of {model.name} written to {out}', highlight=False)
    tell_commands(export, (setting,), console)


def warn_of_earlier(export: BenchExport, console: Console) -> list[str]:
    """Say what stays of an earlier export, and must go; return the folders to remove."""
    earlier = export.earlier()
    if not earlier:
        return []
    remove = [str(folder) for folder in export.results()]
    text = f"'{export.out}' has an earlier export. The benchmark skips what it has evaluated: "
    if remove:
        text += f'remove {" and ".join(remove)}. '
    text += (
        f'Before this one is copied over a clone that has the earlier one, remove there '
        f'{" and ".join(earlier)} and {export.object_root}. '
    )
    objects = sorted({name for names in earlier.values() for name in names})
    text += (
        f'Grasps of objects that this export does not write stay in {export.out}/output; it had '
        f'{", ".join(objects)}.'
    )
    console.print(f'[yellow]warning:[/] {text}', highlight=False, soft_wrap=True)
    return [*remove, *earlier]


def tell_commands(export: BenchExport, settings: tuple[str, ...], console: Console) -> None:
    """Say how the benchmark reads what was written, or why it cannot yet."""
    if export.fit is None:
        console.print(
            f"DexGraspBench has no hand '{export.hand.name}': it needs an MJCF of it whose joints "
            "are in the order of 'joint_names' in the files, and config/hand/"
            f'{export.bench_name}.yaml.',
            highlight=False,
            soft_wrap=True,
        )
    for setting in settings:
        for task in ('eval', 'stat'):
            console.print(f'  {export.command(setting, task)}', highlight=False, soft_wrap=True)
