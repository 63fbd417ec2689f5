"""``dexgrasp reconstruct``: meshes of the labelled objects of a scene file, without ROS."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Any

import numpy as np
import tyro


def reconstruct(
    scene: tyro.conf.Positional[Path],
    /,
    *,
    out: Path = Path('out/reconstruction'),
    labels: tuple[int, ...] = (),
    json: bool = False,
) -> None:
    """Write one watertight mesh and one picture for each label of a depth frame.

    Parameters
    ----------
    scene
        File with depth and K (.npz), perhaps seg; without it what stands on the table is labelled.
    out
        Folder for label_<n>.ply (metres, camera frame), label_<n>.png and objects.json;
        labels.png too, where the scene had no seg.
    labels
        Which labels; all of them without it.
    json
        End with one line of JSON.
    """
    import trimesh
    from rich.console import Console

    from dexgrasp_ros.cli.labels import with_labels
    from dexgrasp_ros.cli.report import print_json
    from dexgrasp_ros.core.depth_frame import load_scene
    from dexgrasp_ros.perception import reconstruct_frame
    from dexgrasp_ros.simulation import render_reconstruction, save_picture

    console = Console(stderr=json)
    frame = load_scene(scene)
    out.mkdir(parents=True, exist_ok=True)
    frame, segmentation = with_labels(frame, out)
    if segmentation:
        console.print(
            f'No labels in the scene: {segmentation["objects"]} objects were segmented,'
            f' see {segmentation["file"]}.'
        )
        for warning in segmentation['warnings']:
            console.print(f'  [yellow]warning:[/] {warning}')
    result = reconstruct_frame(frame, labels=labels or None)
    rows: list[dict[str, Any]] = []
    for obj in result.objects:
        mesh = trimesh.Trimesh(obj.vertices, obj.faces, process=False)
        mesh.export(out / f'label_{obj.label}.ply')
        caption = f'label {obj.label}: {len(obj.points)} points, {len(obj.faces)} triangles'
        picture = render_reconstruction(obj, caption=caption)
        save_picture(picture, out / f'label_{obj.label}.png')
        rows.append(
            {
                'label': obj.label,
                'mesh': str(out / f'label_{obj.label}.ply'),
                'points': len(obj.points),
                'volume': mesh.volume,
                'extents': mesh.extents,
                'observed_fraction': obj.observed_fraction,
                'support_plane': obj.support_plane,
                'warnings': obj.warnings,
                'timing': obj.timing,
            }
        )
        size = ' x '.join(f'{100 * v:.1f}' for v in mesh.extents)
        console.print(f'label {obj.label}: {size} cm, seen {100 * obj.observed_fraction:.0f} %')
        for warning in obj.warnings:
            console.print(f'  [yellow]warning:[/] {warning}')
    failures = [
        {'label': label, 'error_code': error.code.name, 'error_message': str(error)}
        for label, error in result.failures.items()
    ]
    for failure in failures:
        console.print(f'[red]label {failure["label"]}:[/] {failure["error_message"]}')
    summary = {
        'objects': rows,
        'failures': failures,
        'labels': 'segmentation' if segmentation else 'scene',
        'segmentation': segmentation,
        'timing': result.timing,
    }
    (out / 'objects.json').write_text(json_format.dumps(summary, indent=1, default=_plain))
    console.print(f'Written to {out}')
    if json:
        print_json(summary)


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
