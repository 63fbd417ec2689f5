"""What an image of a dataset costs: casting of rays, channels, PNG, and whole runs.

    .venv/bin/python benchmark/render.py [--meshes FOLDER] [--seeds 0 1 2] [--views 8]
        [--processes 2] [--device cpu]

VGA. Three tables, each in one run, things that are compared in turns: both ray casters on the same
rays; the bytes of the channels by this package's encoder and by Pillow; and whole runs of
`dexgrasp dataset render` (without starting the workers), one for each seed, with all channels,
tars and tables on the disk. Meshes lie as their files have them, on their lowest point. ``CPU``
is time of the process, all cores added up: what else runs on the machine hardly stretches it.
With ``--device cuda`` Warp's caster runs on the GPU as well.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from arguments import find_meshes
from markdown_tables import show, spread, table
from PIL import Image as PillowImage

from dexgrasp_ros.core.warp_loader import start_warp
from dexgrasp_ros.dataset.layout import DatasetLayout, object_key
from dexgrasp_ros.dataset.render import CameraSettings
from dexgrasp_ros.dataset.render.cameras import place_camera
from dexgrasp_ros.dataset.render.frames import DEPTH_SCALE
from dexgrasp_ros.dataset.render.png import encode_png
from dexgrasp_ros.dataset.render.run import RenderReport, plan_scenes, render
from dexgrasp_ros.dataset.render.scenes import render_scene
from dexgrasp_ros.dataset.render.stage import OBJECT, Stage, build_stage
from dexgrasp_ros.dataset.work.executors import LocalExecutor
from dexgrasp_ros.object import read_mesh
from dexgrasp_ros.simulation.bodies import Body, BodyFaces
from dexgrasp_ros.simulation.casters import Open3dCaster, WarpCaster
from dexgrasp_ros.simulation.ray_images import ImageRenderer

REPEATS = 5
MESHES = ('005_tomato_soup_can', '011_banana', '025_mug', '035_power_drill')


def main(
    *,
    meshes: Path | None = None,
    seeds: tuple[int, ...] = (0, 1, 2),
    views: int = 8,
    processes: int = 2,
    device: str = 'cpu',
) -> None:
    """Print the tables."""
    start_warp()
    found = find_meshes(meshes, MESHES)
    things = {name: read_mesh(path)[0] for name, path in found.items()}
    print(f'{os.cpu_count()} cores, {", ".join(MESHES)}, random seeds {seeds}\n')
    stages = {
        (name, seed): build_stage([body_of(m)], seed)
        for name, m in things.items()
        for seed in seeds
    }
    show(casters_table(stages, device))
    show(png_table(stages))
    show(runs_table(things, seeds, views, processes, device))


def body_of(mesh: Any) -> Body:
    """Body of a mesh on the table, as its file has it."""
    vertices, faces = np.array(mesh.vertices), np.array(mesh.faces)
    return Body(vertices=vertices, faces=faces, pose=lying(mesh), label=OBJECT)


def lying(mesh: Any) -> np.ndarray:
    """Pose [7] of a mesh on the table, as its file has it."""
    return np.array([0, 0, -mesh.bounds[0][2], 0, 0, 0, 1])


def casters_table(stages: dict[tuple[str, int], Stage], device: str) -> Iterator[str]:
    """Both casters, in turns, on the rays of one camera in each scene."""
    took: dict[str, list[tuple[float, float]]] = {}
    for (_, seed), stage in stages.items():
        camera = place_camera(stage.object.posed_vertices(), CameraSettings(), seed)
        directions = camera.directions().reshape(-1, 3)
        rays = np.empty((len(directions), 6), dtype=np.float32)
        rays[:, :3], rays[:, 3:] = camera.eye, directions
        faces = BodyFaces(stage.bodies)
        casters: dict[str, Any] = {
            'Open3D': Open3dCaster(faces.vertices, faces.faces),
            'Warp, cpu': WarpCaster(faces.vertices, faces.faces, 'cpu'),
        }
        if device != 'cpu':
            casters[f'Warp, {device}'] = WarpCaster(faces.vertices, faces.faces, device)
        for name, caster in casters.items():
            caster.nearest(rays)  # kernels, pages
            took.setdefault(f'{name}: nearest', [])
            took.setdefault(f'{name}: occluded', [])
        for _ in range(REPEATS):
            for name, caster in casters.items():
                took[f'{name}: nearest'].append(timed(caster.nearest, rays))
                took[f'{name}: occluded'].append(timed(caster.occluded, rays))
    rows = (
        (name, spread(1e3 * cpu, ',.1f'), spread(1e3 * wall, ',.1f'))
        for name, (wall, cpu) in ((name, np.transpose(values)) for name, values in took.items())
    )
    yield from (*table(('caster', 'CPU [ms]', 'wall [ms]'), rows), '')


def png_table(stages: dict[tuple[str, int], Stage]) -> Iterator[str]:
    """Time and size of each channel by three encoders, in turns."""
    encoders: dict[str, Callable[[np.ndarray], bytes]] = {
        'here': encode_png,
        'Pillow, level 1': lambda image: pillow(image, 1),
        'Pillow, level 6': lambda image: pillow(image, 6),
    }
    took: dict[tuple[str, str], list[tuple[float, float]]] = {}
    size: dict[tuple[str, str], list[int]] = {}
    for (_, seed), stage in stages.items():
        renderer = ImageRenderer(stage.bodies, stage.appearance, occluders=stage.occluders)
        camera = place_camera(stage.object.posed_vertices(), CameraSettings(), seed)
        image = renderer.render(camera)
        channels = {
            'rgb': image.rgb,
            'depth': np.rint(image.depth / DEPTH_SCALE).astype(np.uint16),
            'seg': image.labels,
            'normals': image.normals,
        }
        for channel, pixels in channels.items():
            for name, encode in encoders.items():
                took.setdefault((channel, name), []).append(timed(encode, pixels))
                size.setdefault((channel, name), []).append(len(encode(pixels)))
    rows = (
        (
            *key,
            spread((1e3 * cpu for _, cpu in values), ',.1f'),
            spread((1e-3 * s for s in size[key]), ',.0f'),
        )
        for key, values in took.items()
    )
    yield from (*table(('channel', 'encoder', 'CPU [ms]', 'kB'), rows), '')


def pillow(image: np.ndarray, level: int) -> bytes:
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, 'png', compress_level=level)
    return buffer.getvalue()


def timed(work: Callable[..., Any], *arguments: Any) -> tuple[float, float]:
    """Seconds on the wall and of the process, until a GPU has finished too."""
    import warp as wp

    wall, cpu = time.perf_counter(), time.process_time()
    work(*arguments)
    wp.synchronize()
    return time.perf_counter() - wall, time.process_time() - cpu


def runs_table(
    things: dict[str, Any], seeds: tuple[int, ...], views: int, processes: int, device: str
) -> Iterator[str]:
    """Whole runs with mono, stereo and noisy images, and the same scenes in this process."""
    head = ('cameras', 'seed', 'frames', 'CPU [ms/frame]', 'frames/s', 'wall [ms/frame]',
            'kB/frame')  # fmt: skip
    kinds = {'mono': {}, 'stereo': {'rig': 'stereo'}, 'mono, noise': {'noise': 'kinect_v1'}}
    with tempfile.TemporaryDirectory() as folder, LocalExecutor(processes, device=device) as pool:

        def make(kind: str, seed: int, views: int) -> tuple[float, float, RenderReport]:
            settings = CameraSettings(views=views, **kinds[kind])
            layout = write_dataset(Path(tempfile.mkdtemp(dir=folder)), things, seed)
            cpu = sum(timed(render_scene, t)[1] for t in plan_scenes(layout, settings, device)[0])
            layout = write_dataset(Path(tempfile.mkdtemp(dir=folder)), things, seed)
            start = time.perf_counter()
            report = render(layout.root, settings=settings, executor=pool)
            if report.lost:
                raise SystemExit(f'lost: {report.failures}')
            return cpu, time.perf_counter() - start, report

        make('mono', 0, views=1)  # starts the workers

        def cells(seed: int, kind: str) -> tuple[object, ...]:
            cpu, wall, report = make(kind, seed, views)
            frames = report.frames
            stages = [f'{k} {1e3 * v / frames:.0f}' for k, v in report.seconds.items()]
            row = (kind, seed, frames, f'{1e3 * cpu / frames:.0f}', f'{frames / wall:.1f}')
            return (*row, ', '.join(stages), f'{report.size / frames / 1e3:.0f}')

        yield from table(head, itertools.starmap(cells, itertools.product(seeds, kinds)))


def write_dataset(root: Path, things: dict[str, Any], seed: int) -> DatasetLayout:
    """Write what the renderer needs of a dataset: meshes and one scene of each."""
    layout = DatasetLayout(root)
    for folder in ('meshes', 'objects', 'scenes'):
        (root / folder).mkdir(parents=True)
    layout.manifest.write_text(json.dumps({'configuration': {'random_seed': seed}}))
    for name, mesh in things.items():
        content = mesh.export(file_type='ply', encoding='binary', vertex_normal=False)
        digest = hashlib.sha256(content).hexdigest()
        key = object_key(name, digest)
        layout.mesh(digest).write_bytes(content)
        layout.object_record(key).write_text(json.dumps({'key': key, 'mesh': digest}))
        scenes = {'scenes': [{'scene': 0, 'pose': lying(mesh).tolist()}]}
        layout.scenes(digest).write_text(json.dumps(scenes))
    return layout


if __name__ == '__main__':
    tyro.cli(main)
