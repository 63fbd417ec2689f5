"""The unit of work: all images of one scene, a plain function of arguments that pickle."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.dataset.colors import read_paint
from dexgrasp_ros.dataset.config import derive_seed, library_versions
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.meshes import read_stored_mesh
from dexgrasp_ros.dataset.render.cameras import place_camera, right_eye
from dexgrasp_ros.dataset.render.frames import Shot, Subject, encode_image
from dexgrasp_ros.dataset.render.settings import CameraSettings
from dexgrasp_ros.dataset.render.shards import read_about, write_images
from dexgrasp_ros.dataset.render.stage import OBJECT, Stage, build_stage
from dexgrasp_ros.dataset.schema import FRAME_COLUMNS, SCHEMA_VERSION, Column
from dexgrasp_ros.dataset.shards import is_made, read_metadata, write_shard
from dexgrasp_ros.simulation import Body
from dexgrasp_ros.simulation.ray_images import ImageRenderer
from dexgrasp_ros.synthesis.device import resolve_device


@dataclass(frozen=True, kw_only=True)
class SceneTask:
    """One resting pose of one object, and how it shall be looked at."""

    root: Path  # of the dataset, on a disk that all machines of the run see
    object_key: str
    digest: str  # of the mesh
    scene: int
    pose: tuple[float, ...]  # [7] of the mesh in the world, table z = 0
    settings: CameraSettings
    random_seed: int  # of the dataset
    device: str = 'cpu'  # of the rays, 'cpu' or 'cuda': their images differ a little

    @property
    def name(self) -> str:
        """For messages and the names of files."""
        return f'render/{self.object_key}/{self.scene:02d}'

    @property
    def function(self) -> str:
        """What renders it."""
        return 'dexgrasp_ros.dataset.render.scenes:render_scene'

    @property
    def table(self) -> Path:
        """Its table of frames, written last."""
        return DatasetLayout(self.root).frames(self.object_key, self.scene)

    @property
    def tar(self) -> Path:
        """Its images."""
        return DatasetLayout(self.root).images(self.object_key, self.scene)

    @property
    def frame_count(self) -> int:
        """Images of the scene."""
        return self.settings.views * len(self.settings.eyes)

    @property
    def about(self) -> dict[str, Any]:
        """What the scene's files are made from; they say so, and others are not mixed in."""
        return {
            'schema_version': SCHEMA_VERSION,
            'hash': render_digest(self.settings, self.random_seed, self.device),
            'object': self.object_key,
            'mesh': self.digest,
            'scene': self.scene,
            'pose': list(self.pose),
        }


@dataclass(frozen=True, kw_only=True)
class SceneSummary:
    """What came of a scene."""

    frames: int
    size: int  # bytes of the tar
    seconds: dict[str, float]


def render_digest(settings: CameraSettings, random_seed: int, device: str) -> str:
    """SHA-256 of all that decides the images: settings, seed, device, versions."""
    content = {
        'schema_version': SCHEMA_VERSION,
        'cameras': settings.as_dict(),
        'random_seed': random_seed,
        'device': device,
        'versions': library_versions(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class RenderTask(Protocol):
    """Images that are taken at once: of a resting pose, or of a cluttered table."""

    device: str
    settings: CameraSettings
    random_seed: int

    @property
    def name(self) -> str:
        """For messages and the names of files."""

    @property
    def function(self) -> str:
        """What renders it: ``'package.module:name'``, called with the task."""

    @property
    def frame_count(self) -> int:
        """Images of the scene."""

    @property
    def about(self) -> dict[str, Any]:
        """What the scene's files are made from."""

    @property
    def table(self) -> Path:
        """Its table of frames, written last."""

    @property
    def tar(self) -> Path:
        """Its images."""


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


def render_scene(task: SceneTask) -> SceneSummary:
    """Take all images of a scene and write its tar, then its table of frames.

    Raises
    ------
    ObjectError
        As from `read_stored_mesh`.
    DeviceError
        DEVICE_UNAVAILABLE.
    OSError
        A file cannot be written.
    """
    layout, seconds = DatasetLayout(task.root), Counter[str]()
    task.table.unlink(missing_ok=True)  # of other settings: it must not stand beside the new tar
    vertices, faces = read_stored_mesh(layout.mesh(task.digest))
    device = str(resolve_device(task.device)) if task.device != 'cpu' else 'cpu'
    rows = []
    with write_images(task.tar, task.about) as shard:
        for shot, renderer, subject in _shots(task, vertices, faces, device, seconds):
            start = time.perf_counter()
            image = renderer.render(shot.camera)
            row = subject.row(shot, image)
            middle = time.perf_counter()
            shard.add(shot.key, encode_image(shot, image, row))
            rows.append(row)
            seconds['render'] += middle - start
            seconds['encode'] += time.perf_counter() - middle
    start = time.perf_counter()
    size = write_table(task, FRAME_COLUMNS, rows)
    seconds['write'] += time.perf_counter() - start
    return SceneSummary(frames=len(rows), size=size, seconds=dict(seconds))


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


def _shots(
    task: SceneTask,
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    device: str,
    seconds: Counter[str],
) -> Iterator[tuple[Shot, ImageRenderer, Subject]]:
    """Yield each image that is to be taken, with what takes it."""
    settings, seed = task.settings, (task.random_seed, task.object_key, task.scene)
    stem = f'{task.object_key.replace(".", "_")}-{task.scene:02d}'  # a dot ends a sample's key
    stage: Stage | None = None
    for view in range(settings.views):
        if stage is None or settings.appearance == 'view':
            start = time.perf_counter()
            looks = derive_seed(*seed, 'appearance', *([view] if stage is not None else []))
            thing = Body(
                vertices=vertices,
                faces=faces,
                pose=np.array(task.pose),
                label=OBJECT,
                paint=read_paint(DatasetLayout(task.root).colors(task.digest)),
            )
            stage = build_stage([thing], looks)
            renderer = ImageRenderer(
                stage.bodies, stage.appearance, occluders=stage.occluders, device=device
            )
            subject = Subject(thing, task.digest, task.scene)
            seconds['stage'] += time.perf_counter() - start
        left = place_camera(thing.posed_vertices(), settings, derive_seed(*seed, view))
        for eye in settings.eyes:
            shot = Shot(
                key=f'{stem}-{view:04d}-{eye}',
                view=view,
                eye=eye,
                camera=right_eye(left, settings.baseline) if eye == 'right' else left,
                appearance_seed=looks,
                noise=settings.noise,
                noise_seed=derive_seed(*seed, view, eye, 'noise'),
                baseline=0.0 if eye == 'mono' else settings.baseline,
            )
            yield shot, renderer, subject
