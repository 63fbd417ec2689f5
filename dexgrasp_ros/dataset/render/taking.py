"""Images of a task as they are taken, and the files and tables that they go to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from dexgrasp_ros.dataset.config import derive_seed
from dexgrasp_ros.dataset.render.cameras import place_camera, right_eye
from dexgrasp_ros.dataset.render.frames import Shot
from dexgrasp_ros.dataset.render.shards import read_about
from dexgrasp_ros.dataset.render.stage import build_stage
from dexgrasp_ros.dataset.render.tasks import RenderTask
from dexgrasp_ros.dataset.schema import Column
from dexgrasp_ros.dataset.shards import is_made, read_metadata, write_shard
from dexgrasp_ros.simulation import Body
from dexgrasp_ros.simulation.ray_images import Image, ImageRenderer
from dexgrasp_ros.synthesis.device import resolve_device


def is_rendered(task: RenderTask, *, overwrite: bool) -> bool:
    """Whether the files of a scene are there, both of them, made from what the task says.

    Raises
    ------
    InputError
        INVALID_INPUT: they are made from something else, and may not be overwritten.
    """
    # The table is written last. Without it a tar is nobody's.
    if not is_made(task.table, task.about, overwrite=overwrite):
        return False
    if read_about(task.tar) != task.about:
        return False
    return task.tar.stat().st_size == read_metadata(task.table)['tar_bytes']


def take_images(
    task: RenderTask, bodies: Sequence[Body], stem: str, seconds: Counter[str]
) -> Iterator[tuple[Shot, Image]]:
    """Yield each image of what stands on the table.

    Parameters
    ----------
    task
        How it is looked at.
    bodies
        What stands there.
    stem
        What keys of images begin with.
    seconds
        What the stages take is added here.

    Raises
    ------
    DeviceError
        DEVICE_UNAVAILABLE.
    """
    settings, seeds = task.settings, task.seeds
    device = str(resolve_device(task.device)) if task.device != 'cpu' else 'cpu'
    points = np.concatenate([body.posed_vertices() for body in bodies])
    renderer: ImageRenderer | None = None
    for view in range(settings.views):
        start = time.perf_counter()
        if renderer is None or settings.appearance == 'view':
            looks = derive_seed(*seeds, 'appearance', *([view] if renderer is not None else []))
            stage = build_stage(bodies, looks)
            renderer = ImageRenderer(
                stage.bodies, stage.appearance, occluders=stage.occluders, device=device
            )
            seconds['stage'] += time.perf_counter() - start
        left = place_camera(points, settings, derive_seed(*seeds, view))
        for eye in settings.eyes:
            shot = Shot(
                key=f'{stem}-{view:04d}-{eye}',
                view=view,
                eye=eye,
                camera=right_eye(left, settings.baseline) if eye == 'right' else left,
                appearance_seed=looks,
                noise=settings.noise,
                noise_seed=derive_seed(*seeds, view, eye, 'noise'),
                baseline=0.0 if eye == 'mono' else settings.baseline,
            )
            start = time.perf_counter()
            image = renderer.render(shot.camera)
            seconds['render'] += time.perf_counter() - start
            yield shot, image


def write_table(
    task: RenderTask, columns: tuple[Column, ...], rows: Sequence[Mapping[str, Any]]
) -> int:
    """Write the table of a scene whose tar is there; return the bytes of the tar."""
    values = {
        c.name: [row[c.name] for row in rows] if c.kind == 'string'
        else np.array([row[c.name] for row in rows], dtype=c.kind)
        for c in columns
    }  # fmt: skip
    size = task.tar.stat().st_size
    write_shard(task.table, columns, values, {**task.about, 'tar_bytes': size})
    return size
