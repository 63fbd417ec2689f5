"""``dexgrasp reconstruct``: meshes of the labelled objects of a scene file, without ROS."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tyro

if TYPE_CHECKING:
    from dexgrasp_ros.core.depth_frame import DepthFrame


def reconstruct(
    scenes: tyro.conf.Positional[tuple[Path, ...]],
    /,
    *,
    out: Path = Path('out/reconstruction'),
    labels: tuple[int, ...] = (),
    json: bool = False,
) -> None:
    """Write one watertight mesh and one picture for each label of a depth frame, or of several.

    Parameters
    ----------
    scenes
        Files with depth and K, perhaps seg (.npz); without it what stands on the table is
        labelled. Several files, or one with several views, are fused and need T_world_cam.
    out
        Folder for label_<n>.ply (metres; camera frame, or the world's if views are fused),
        label_<n>.png and objects.json; labels.png too, where the scene had no seg.
    labels
        Which labels; all of them without it.
    json
        End with one line of JSON.
    """
    import trimesh
    from rich.console import Console

    from dexgrasp_ros.cli.labels import with_labels
    from dexgrasp_ros.cli.report import print_json
    from dexgrasp_ros.core.errors import InputError
    from dexgrasp_ros.core.files import write_bytes, write_text
    from dexgrasp_ros.core.scene_views import load_views
    from dexgrasp_ros.perception import reconstruct_frame, reconstruct_views
    from dexgrasp_ros.simulation import render_reconstruction, save_picture

    console = Console(stderr=json)
    frames = [frame for scene in scenes for frame in load_views(scene)]
    if not frames:
        raise InputError('There is no scene file; expected at least one.')
    out.mkdir(parents=True, exist_ok=True)
    frames, segmentation = with_labels(frames, out)
    if segmentation:
        console.print(
            f'No labels in the scene: {segmentation["objects"]} objects were segmented, see'
            f' {", ".join(segmentation["files"])}.'
        )
        for warning in segmentation['warnings']:
            console.print(f'  [yellow]warning:[/] {warning}')
    if len(frames) == 1:
        result = reconstruct_frame(frames[0], labels=labels or None)
    else:
        result = reconstruct_views(frames, labels=labels or None)
    viewer = _toward_camera(frames) if len(frames) > 1 else None
    rows: list[dict[str, Any]] = []
    for obj in result.objects:
        mesh = trimesh.Trimesh(obj.vertices, obj.faces, process=False)
        write_bytes(out / f'label_{obj.label}.ply', mesh.export(file_type='ply'))
        caption = f'label {obj.label}: {len(obj.points)} points, {len(obj.faces)} triangles'
        toward = None if viewer is None else viewer - obj.vertices.mean(axis=0)
        picture = render_reconstruction(obj, caption=caption, toward_viewer=toward)
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
                'frame_id': obj.frame_id,
                'view_count': obj.view_count,
                'timing': obj.timing,
            }
        )
        size = ' x '.join(f'{100 * v:.1f}' for v in mesh.extents)
        views = f' in {obj.view_count} of {len(frames)} views' if len(frames) > 1 else ''
        seen = f'seen {100 * obj.observed_fraction:.0f} %{views}'
        console.print(f'label {obj.label}: {size} cm, {seen}')
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
    write_text(out / 'objects.json', json_format.dumps(summary, indent=1, default=_plain))
    console.print(f'Written to {out}')
    if json:
        print_json(summary)


def _toward_camera(frames: list[DepthFrame]) -> np.ndarray:
    """Mean position of the cameras in the world: from where pictures look."""
    return np.mean([frame.T_world_cam[:3, 3] for frame in frames], axis=0)


def _plain(value: object) -> object:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)
