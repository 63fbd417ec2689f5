"""The unit of work: all images of one scene, a plain function of arguments that pickle."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.dataset.config import derive_seed, library_versions
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.meshes import read_stored_mesh
from dexgrasp_ros.dataset.render.cameras import place_camera, right_eye
from dexgrasp_ros.dataset.render.frames import Shot, Subject, encode_image
from dexgrasp_ros.dataset.render.settings import CameraSettings
from dexgrasp_ros.dataset.render.shards import read_about, write_images
from dexgrasp_ros.dataset.render.stage import Stage, build_stage
from dexgrasp_ros.dataset.schema import FRAME_COLUMNS, SCHEMA_VERSION
from dexgrasp_ros.dataset.shards import is_made, read_metadata, write_shard
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


def is_rendered(task: SceneTask, *, overwrite: bool) -> bool:
    """Whether the files of a scene are there, both of them, made from what the task says.

    Raises
    ------
    InputError
        INVALID_INPUT: they are made from something else, and may not be overwritten.
    """
    layout = DatasetLayout(task.root)
    frames, images = (
        layout.frames(task.object_key, task.scene),
        layout.images(task.object_key, task.scene),
    )
    # The table is written last. Without it a tar is nobody's.
    if not is_made(frames, task.about, overwrite=overwrite):
        return False
    if read_about(images) != task.about:
        return False
    return images.stat().st_size == read_metadata(frames)['tar_bytes']


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
    frames = layout.frames(task.object_key, task.scene)
    images = layout.images(task.object_key, task.scene)
    frames.unlink(missing_ok=True)  # of other settings: it must not stand beside the new tar
    vertices, faces = read_stored_mesh(layout.mesh(task.digest))
    device = str(resolve_device(task.device)) if task.device != 'cpu' else 'cpu'
    rows = []
    with write_images(images, task.about) as shard:
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
    columns = {
        c.name: [row[c.name] for row in rows] if c.kind == 'string'
        else np.array([row[c.name] for row in rows], dtype=c.kind)
        for c in FRAME_COLUMNS
    }  # fmt: skip
    size = images.stat().st_size
    write_shard(frames, FRAME_COLUMNS, columns, {**task.about, 'tar_bytes': size})
    seconds['write'] += time.perf_counter() - start
    return SceneSummary(frames=len(rows), size=size, seconds=dict(seconds))


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
            stage = build_stage(vertices, faces, np.array(task.pose), looks)
            renderer = ImageRenderer(
                stage.bodies, stage.appearance, occluders=stage.occluders, device=device
            )
            subject = Subject(stage.object, task.digest, task.scene)
            seconds['stage'] += time.perf_counter() - start
        left = place_camera(stage.object.posed_vertices(), settings, derive_seed(*seed, view))
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
