"""Meshes from one and from several views: real ones and rendered ones; run it again to go on.

    .venv/bin/python benchmark/multiview.py [--out FILE.jsonl] [--table FILE.md]
        [--parts real rendered] [--random-seeds 0 1 2] [--pose-error 0.002 0.003]
        [--pictures DIR]

Real: of the test data's 15 arm-mounted views, random subsets of 1, 3, 7 views are fused, and each
set of 14; what the views that were left out measured of an object (its cleaned points) is compared
with the mesh: distance of each point to the surface. Beside it stands the distance of the same
points to the nearest *measured* point of the views that were fused: what pose and sensor disagree
on no mesh can mend.

Rendered: objects of the test data on a table, from 8 sides at 25 and 45 degrees with the sensor
noise of `SensorNoise`; random subsets of 1, 2, 4 and all 8 views. Overlap is intersection over
union of volumes; Chamfer is the mean distance of surface samples to the other surface, averaged
over both ways. ``--pose-error`` [m] [rad] is the standard deviation by which each pose is off.

Time is that of the processor. Each result is one line of JSON in ``--out``; lines that are there
are not made again.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import trimesh
import tyro
from arguments import Folder, test_data
from markdown_tables import show, table
from numpy.typing import NDArray
from records import TUNED, Record, Records
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation
from surfaces import Surface
from view_scores import measured_points, render_views, score

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.scene_views import load_views
from dexgrasp_ros.perception import Reconstruction, reconstruct_views
from dexgrasp_ros.simulation import render_reconstruction, save_picture

_REAL_COUNTS, _RENDERED_COUNTS = (1, 3, 7), (1, 2, 4, 8)
_KEY = ('part', 'object', 'views', 'pose_error')


def main(
    folder: Folder = None,
    *,
    parts: tuple[str, ...] = ('real', 'rendered'),
    random_seeds: tuple[int, ...] = (0, 1, 2),
    pose_error: tuple[float, float] = (0.0, 0.0),
    objects: tuple[str, ...] = (),
    out: Path = Path('out/multiview.jsonl'),
    table_file: Annotated[Path | None, tyro.conf.arg(name='table')] = None,
    pictures: Path | None = None,
) -> None:
    """Make what is missing, then print the tables."""
    folder = folder or test_data()
    stored = Records(out, lambda record: tuple(str(record[name]) for name in _KEY))
    if 'real' in parts:
        _real(folder, random_seeds, stored, pictures)
    if 'rendered' in parts:
        names = objects or tuple(sorted(p.stem for p in (folder / 'objects').glob('*.obj')))
        _rendered(folder, names, random_seeds, pose_error, stored, pictures)
    show([*_real_table(stored), '', *_rendered_table(stored)], table_file)


def _fuse(frames: list[DepthFrame]) -> tuple[Reconstruction, float]:
    start = time.process_time()
    return reconstruct_views(frames), time.process_time() - start


def _common(found: ObservedObject, seconds: float) -> dict[str, Any]:
    mesh = trimesh.Trimesh(found.vertices, found.faces, process=False)
    return {
        'watertight': bool(mesh.is_watertight),
        'observed': found.observed_fraction,
        'seconds': seconds,
        'warnings': list(found.warnings),
    }


def _subsets(total: int, counts: tuple[int, ...], seeds: tuple[int, ...]) -> Iterator[list[int]]:
    for count, seed in itertools.product(counts, seeds):
        rng = np.random.default_rng([seed, count])
        yield sorted(int(v) for v in rng.choice(total, count, replace=False))


def _real(folder: Path, seeds: tuple[int, ...], stored: Records, pictures: Path | None) -> None:
    frames = load_views(folder / 'multiview' / 'apc_shelf_15views.npz')
    points = [measured_points(frame) for frame in frames]
    every = range(len(frames))
    subsets = list(_subsets(len(frames), _REAL_COUNTS, seeds))
    # In strides, so that those which a run got to are spread over the sequence.
    subsets += [[v for v in every if v != 4 * i % len(frames)] for i in every]
    for views in subsets:
        key = {'part': 'real', 'object': 'shelf', 'views': views, 'pose_error': [0.0, 0.0]}
        if key in stored:
            continue
        made, seconds = _fuse([frames[v] for v in views])
        rows = {}
        for found in made.objects:
            left = [points[v][found.label] for v in every if v not in views]
            left = np.concatenate([p for p in left if len(p)] or [np.empty((0, 3))])
            if not len(left):
                continue
            fused = np.concatenate([points[v][found.label] for v in views])
            rows[found.label] = {
                **_common(found, seconds / len(made.objects)),
                'distance': _quantiles(Surface(found.vertices, found.faces).distance(left)),
                'to_points': _quantiles(cKDTree(fused).query(left)[0]),
            }
            _draw(found, frames, pictures, f'shelf_{found.label}_{len(views)}_{views[0]}')
        lost = {label: error.code.name for label, error in made.failures.items()}
        stored.add({**key, 'labels': rows, 'failures': lost})
        print(len(views), views, {k: r['distance'] for k, r in rows.items()}, lost, flush=True)


def _rendered(
    folder: Path,
    names: tuple[str, ...],
    seeds: tuple[int, ...],
    pose_error: tuple[float, float],
    stored: Records,
    pictures: Path | None,
) -> None:
    for name in names:
        truth, frames = None, []
        for views in _subsets(8, _RENDERED_COUNTS, seeds):
            key = {'part': 'rendered', 'object': name, 'views': views, 'pose_error': [*pose_error]}
            if key in stored:
                continue
            if truth is None:
                truth, frames = render_views(folder / 'objects' / f'{name}.obj')
            made, seconds = _fuse([_displaced(frames[v], pose_error, v) for v in views])
            record: Record = {
                **key,
                'failures': [e.code.name for e in made.failures.values()],
            }
            for found in made.objects:
                record |= {**_common(found, seconds), **score(found, truth)}
                _draw(found, frames, pictures, f'{name}_{len(views)}_{views[0]}')
            stored.add(record)
            print(name, views, record.get('overlap'), record.get('chamfer'), flush=True)


def _displaced(frame: DepthFrame, error: tuple[float, float], view: int) -> DepthFrame:
    """Frame whose pose is off: its position by error[0] m, its rotation by error[1] rad."""
    rng = np.random.default_rng(view)
    T = frame.T_world_cam.copy()
    T[:3, 3] += error[0] * rng.normal(size=3)
    T[:3, :3] = Rotation.from_rotvec(error[1] * rng.normal(size=3)).as_matrix() @ T[:3, :3]
    return DepthFrame(
        depth=frame.depth, labels=frame.labels, intrinsics=frame.intrinsics, T_world_cam=T
    )


def _draw(
    found: ObservedObject, frames: list[DepthFrame], pictures: Path | None, name: str
) -> None:
    if pictures is None:
        return
    eye = np.mean([frame.T_world_cam[:3, 3] for frame in frames[:3]], axis=0)
    pictures.mkdir(parents=True, exist_ok=True)
    image = render_reconstruction(
        found, toward_viewer=eye - found.vertices.mean(axis=0), caption=name, size=(1000, 500)
    )
    save_picture(image, pictures / f'{name}.png')


def _quantiles(distance: NDArray) -> list[float]:
    """Mean, median and 95th percentile [mm]."""
    return [1e3 * float(v) for v in (distance.mean(), *np.percentile(distance, [50.0, 95.0]))]


def _spread(values: list[float], digits: int = 1) -> str:
    """Mean and standard deviation over the subsets."""
    return f'{np.mean(values):.{digits}f} ± {np.std(values):.{digits}f}' if values else '–'


def _real_table(records: Records) -> Iterator[str]:
    head = ('label', 'views', 'meshes', 'mean [mm]', 'median [mm]', '95 % [mm]',
            'to points, median [mm]', 'seen', 'watertight', 'time [s]')  # fmt: skip
    real = [r for r in records if r['part'] == 'real']
    labels = sorted({k for r in real for k in r['labels']}, key=int)
    rows = []
    for label, count in itertools.product(labels, sorted({len(r['views']) for r in real})):
        sets = [r for r in real if len(r['views']) == count]
        made = [r['labels'][label] for r in sets if label in r['labels']]
        rows.append(
            [
                *(label, count, f'{len(made)} of {len(sets)}'),
                *(_spread([m['distance'][i] for m in made]) for i in range(3)),
                _spread([m['to_points'][1] for m in made]),
                *_common_cells(made),
            ]
        )
    return table(head, rows)


def _rendered_table(records: Records) -> Iterator[str]:
    head = ('objects', 'pose off by', 'views', 'meshes', 'overlap', 'worst', 'Chamfer [mm]',
            'seen', 'watertight', 'time [s]')  # fmt: skip
    groups: dict[Any, list[Record]] = {}
    for r in records:
        if r['part'] == 'rendered':
            half = 'tuned' if r['object'] in TUNED else 'reported'
            groups.setdefault((half, tuple(r['pose_error']), len(r['views'])), []).append(r)
    errors = sorted({error for _, error, _ in groups})
    rows = []
    for key in itertools.product(('tuned', 'reported'), errors, _RENDERED_COUNTS):
        (half, error, count), sets = key, groups.get(key, [])
        if not (made := [r for r in sets if 'overlap' in r]):
            continue
        rows.append(
            [
                half,
                f'{1e3 * error[0]:g} mm, {np.degrees(error[1]):.2g}°' if any(error) else '0',
                *(count, f'{len(made)} of {len(sets)}'),
                _spread([r['overlap'] for r in made], 3),
                f'{min(r["overlap"] for r in made):.2f}',
                _spread([r['chamfer'] for r in made], 2),
                *_common_cells(made),
            ]
        )
    return table(head, rows)


def _common_cells(made: list[Record]) -> list[str]:
    return [
        _spread([r['observed'] for r in made], 2),
        f'{sum(r["watertight"] for r in made)} of {len(made)}',
        _spread([r['seconds'] for r in made]),
    ]


if __name__ == '__main__':
    tyro.cli(main)
