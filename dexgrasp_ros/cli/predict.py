"""``dexgrasp predict``: grasps of what a depth frame shows, by a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from dexgrasp_ros.cli.hands import XacroArgs, read_xacro_args

if TYPE_CHECKING:
    from rich.console import Console

    from dexgrasp_ros.core.hand_model import HandModel
    from dexgrasp_ros.learning.predict import FramePrediction, Prediction

_SHOWN = 6  # grasps in the picture, shared by the labels


def predict(
    scene: tyro.conf.Positional[Path],
    /,
    *,
    hand: str,
    label: int | None = None,
    max_grasps: int = 16,
    random_seed: int = 0,
    model: Path | None = None,
    root: str | None = None,
    xacro_args: XacroArgs = (),
    out: Path | None = None,
    png: Path | None = None,
    json: bool = False,
) -> None:
    """Predict grasps from one view, in the camera's optical frame; no search, no simulation.

    What it gives was learnt from grasps of the search and is checked against the table only:
    starts for a search, or for who can afford a miss.

    Parameters
    ----------
    scene
        File with depth and K, perhaps seg (.npz); without it what stands on the table is
        labelled.
    hand
        Name of a hand, or path of a URDF or xacro file.
    label
        Which object; default: all.
    max_grasps
        Of each label, those first that are likeliest to hold.
    random_seed
        Start of all random numbers.
    model
        Folder that `dexgrasp train` wrote; default: the model that comes with the package.
    root
        Link whose subtree is the hand.
    xacro_args
        Values of a xacro file's arguments: side:=left length:=0.1
    out
        File to write (.npz); of several labels each has its own, <name>_<label>.npz.
    png
        Picture to write: the points that were seen, and the likeliest grasps.
    json
        End with one line of JSON; its `grasps` is a list.
    """
    from rich.console import Console

    from dexgrasp_ros.cli.files import prepare_file, prepare_picture
    from dexgrasp_ros.cli.labels import with_labels
    from dexgrasp_ros.cli.report import load_status, print_json
    from dexgrasp_ros.core.depth_frame import load_scene
    from dexgrasp_ros.hand import load_hand
    from dexgrasp_ros.learning.predict import predict_frame
    from dexgrasp_ros.learning.predictor import SHIPPED, load_predictor

    console = Console(stderr=json)
    for path, prepare in ((out, prepare_file), (png, prepare_picture)):
        if path is not None:
            prepare(path)
    (frame,), _ = with_labels([load_scene(scene)], (out or Path('out/predict')).parent)
    predictor = load_predictor(model or SHIPPED)
    with load_status(console) as show:
        loaded = load_hand(hand, root=root, xacro_args=read_xacro_args(xacro_args), progress=show)
    found = predict_frame(
        frame,
        loaded,
        predictor,
        labels=None if label is None else [label],
        max_grasps=max_grasps,
        random_seed=random_seed,
    )
    files = _write(found, out)
    for prediction in found.objects:
        _tell(console, prediction)
    for number, error in found.failures.items():
        console.print(f'[red]label {number}:[/] {error.code.name}: {error}', highlight=False)
    if png is not None and found.objects:
        _draw(found, loaded, png)
    if json:
        print_json(_summary(found, loaded, files))
    if not found.objects:
        raise next(iter(found.failures.values()))


def _write(found: FramePrediction, out: Path | None) -> dict[int, Path]:
    """Write the grasps of each label; return the names of the files."""
    if out is None:
        return {}
    several = len(found.objects) > 1
    files = {}
    for prediction in found.objects:
        name = f'{out.stem}_{prediction.label}{out.suffix}' if several else out.name
        files[prediction.label] = out.with_name(name)
        prediction.grasps.save(files[prediction.label])
    return files


def _tell(console: Console, prediction: Prediction) -> None:
    from dexgrasp_ros.cli.report import narrow_table, reject_text

    grasps = prediction.grasps
    title = f'label {prediction.label}: {len(grasps)} grasps from {len(prediction.points)} points'
    table = narrow_table(title)
    for name in ('#', 'likely', r'root at \[m]'):
        table.add_column(name, justify='right')
    for i in range(len(grasps)):
        place = ' '.join(f'{v:+.3f}' for v in grasps.base_pose[i, :3])
        table.add_row(str(i + 1), f'{grasps.score[i]:.2f}', place)
    console.print(table)
    console.print(f'left out: {reject_text(grasps.rejected)}', highlight=False)
    for warning in prediction.warnings:
        console.print(f'[yellow]warning:[/] {warning}', highlight=False)


def _draw(found: FramePrediction, hand: HandModel, png: Path) -> None:
    """Draw the likeliest grasps of each label about the points that were seen."""
    import numpy as np

    from dexgrasp_ros.hand import link_poses
    from dexgrasp_ros.simulation import render_seen_grasps, save_picture

    shown = max(1, _SHOWN // len(found.objects))
    poses, points, planes, captions = [], [], [], []
    for prediction in found.objects:
        best = prediction.grasps.select(slice(0, shown))
        poses.append(link_poses(hand, best.grasp, best.base_pose))
        points += [prediction.points] * len(best)
        known = np.isfinite(best.support_plane).all()
        planes += [best.support_plane if known else None] * len(best)
        captions += [f'label {prediction.label}, likely {score:.2f}' for score in best.score]
    picture = render_seen_grasps(
        hand, np.concatenate(poses), points, support_planes=planes, captions=captions
    )
    save_picture(picture, png)


def _summary(found: FramePrediction, hand: HandModel, files: dict[int, Path]) -> dict[str, Any]:
    rows = [
        {
            'label': prediction.label,
            'probability': prediction.grasps.score[i],
            'base_pose': prediction.grasps.base_pose[i],
            'pregrasp_base_pose': prediction.grasps.pregrasp_base_pose[i],
            'pregrasp': prediction.grasps.pregrasp[i],
            'grasp': prediction.grasps.grasp[i],
            'squeeze': prediction.grasps.squeeze[i],
        }
        for prediction in found.objects
        for i in range(len(prediction.grasps))
    ]
    return {
        'hand': hand.name,
        'joint_names': hand.joint_names,
        'grasps': rows,
        'files': {label: str(path) for label, path in files.items()},
        'warnings': {p.label: p.warnings for p in found.objects},
        'failures': [
            {'label': label, 'error_code': error.code.name, 'error_message': str(error)}
            for label, error in found.failures.items()
        ],
        'timing': found.timing,
    }
