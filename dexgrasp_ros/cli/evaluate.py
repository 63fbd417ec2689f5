"""``dexgrasp evaluate``: shake the grasps of a file, and measure them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

from dexgrasp_ros.cli.hands import XacroArgs, read_xacro_args
from dexgrasp_ros.core.convex_pieces import FINE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def evaluate(
    grasps: tyro.conf.Positional[Path],
    /,
    *,
    object: Path | None = None,
    protocol: Literal['fc', 'hard', 'tabletop', 'tabletop-bench'] = 'fc',
    bench_limits: bool = False,
    hand: str | None = None,
    root: str | None = None,
    xacro_args: XacroArgs = (),
    support_plane: tuple[float, float, float, float] | None = None,
    perturb: bool = False,
    perturb_seed: int | None = None,
    piece_threshold: float = FINE,
    physics: Literal['mujoco', 'mujoco_warp'] = 'mujoco',
    device: str = 'auto',
    processes: int | None = None,
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Evaluate grasps: shake test in MuJoCo, wrench metrics, geometry on the true mesh.

    Parameters
    ----------
    grasps
        File of `dexgrasp synthesize` (.npz).
    object
        Mesh, in the unit of the one that the file names, which is the default.
    protocol
        fc: six pulls without gravity. hard: the same, slippery. tabletop: lift by 10 cm.
        tabletop-bench: lift as DexGraspBench does, in ten jumps within 0.4 s.
    bench_limits
        Joints have the torque limits of that hand in DexGraspBench: none for Allegro and LEAP
        hands, 3 N m for Shadow hands.
    hand
        Name of a hand or path of a URDF or xacro file; default: the URDF in the file.
    root
        Link whose subtree is the hand, with --hand.
    xacro_args
        Values of a xacro file's arguments, with --hand: side:=left length:=0.1
    support_plane
        What the object stands on for lifts, in the frame of its mesh: a unit normal that points
        up, and minus the plane's height along it [m]. Default: that of the file, else horizontal
        below the lowest point.
    perturb
        Move and turn the object by 3 mm and 3 degrees at random, and grow or shrink it by 2 mm.
    perturb_seed
        Start of the random numbers of --perturb, which it implies; default: 0.
    piece_threshold
        Concavity of the convex pieces that stand for the object in the shake test, 0.01 to 1 of
        its half size. Finer ones leave hollows free; cutting them takes minutes, once.
    physics
        mujoco: on the CPU. mujoco_warp: all grasps at once on a device, in single precision, so
        that some verdicts differ; needs the extra 'gpu'.
    device
        Of mujoco_warp: cpu, cuda, cuda:1 or auto.
    processes
        Processes that simulate with mujoco; default: one for each core.
    json
        End with one line of JSON.
    out
        File to write: the grasps with epsilon, and all results beside them (.npz).
    """
    from rich.console import Console

    from dexgrasp_ros.cli.files import prepare_file
    from dexgrasp_ros.cli.report import (
        evaluation_table,
        load_status,
        print_json,
        progress_bar,
    )
    from dexgrasp_ros.core.errors import InputError
    from dexgrasp_ros.core.grasp_set import GraspSet
    from dexgrasp_ros.evaluation import Perturbation
    from dexgrasp_ros.evaluation import evaluate as evaluate_grasps
    from dexgrasp_ros.hand import load_hand

    console = Console(stderr=json)
    if root is not None and hand is None:
        raise InputError(f"--root is '{root}' without a hand; expected --hand with it.")
    values = read_xacro_args(xacro_args)
    if values and hand is None:
        raise InputError('--xacro-args without a hand; expected --hand with it.')
    perturbation = None
    if perturb or perturb_seed is not None:
        perturbation = Perturbation(random_seed=perturb_seed or 0)
    stored = GraspSet.load(grasps)
    if out is not None:
        prepare_file(out)
    model = None
    if hand is not None:
        with load_status(console) as show:
            model = load_hand(hand, root=root, xacro_args=values, progress=show)
    if bench_limits:
        from dexgrasp_ros.evaluation.bench_hands import with_bench_limits
        from dexgrasp_ros.evaluation.inputs import hand_of

        model = with_bench_limits(model or hand_of(stored))
    with progress_bar(console) as show:
        found = evaluate_grasps(
            stored,
            object=object,
            protocol=protocol,
            hand=model,
            support_plane=support_plane,
            perturbation=perturbation,
            piece_threshold=piece_threshold,
            physics=physics,
            device=device,
            processes=processes,
            progress=show,
        )
    for warning in found.warnings:
        console.print(f'[yellow]warning:[/] {warning}')
    title = f'{grasps}, protocol {protocol}{", perturbed" if perturbation else ""}'
    console.print(evaluation_table(title, found.rows()))
    low, high = found.interval
    console.print(
        f'{found.held.sum()} of {len(found.held)} held '
        f'(95 % interval {100 * low:.0f} to {100 * high:.0f} %); '
        f'convex pieces / mesh: {found.volume_ratio:.2f} by volume'
    )
    share = f'{100 * found.touched_share:.0f} % of the surface within 1 cm of a contact'
    console.print(f'{found.distinct_count} distinct; {share}{_spread(found.explained_variance)}')
    if out is not None:
        found.save(out)
        console.print(f'Written to {out}')
    if json:
        print_json({'summary': found.summary(), 'grasps': found.rows(), 'out': out and str(out)})


def _spread(explained: NDArray[np.float64]) -> str:
    """How much of the difference between grasps is along one line; nothing of fewer than two."""
    if not len(explained):
        return ''
    return f'; first principal component {100 * explained[0]:.0f} % of the variance'
