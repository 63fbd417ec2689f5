"""Cluttered tables: objects of a dataset settled together, and the grasps that stay free there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError
from dexgrasp_ros.core.json_files import json_bytes, write_json
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.dataset.colors import read_paint
from dexgrasp_ros.dataset.config import derive_seed
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.meshes import read_stored_mesh
from dexgrasp_ros.dataset.reading.reader import open_dataset
from dexgrasp_ros.dataset.reading.selection import known_hands, read_manifest
from dexgrasp_ros.dataset.render.cameras import place_camera, right_eye
from dexgrasp_ros.dataset.render.clearance import Surroundings
from dexgrasp_ros.dataset.render.frames import Shot, Subject, encode_image, plain_row
from dexgrasp_ros.dataset.render.scenes import (
    SceneSummary,
    SceneTask,
    render_digest,
    write_table,
)
from dexgrasp_ros.dataset.render.settings import CameraSettings
from dexgrasp_ros.dataset.render.shards import write_images
from dexgrasp_ros.dataset.render.stage import OBJECT, build_stage
from dexgrasp_ros.dataset.schema import CLUTTER_COLUMNS, SCHEMA_VERSION
from dexgrasp_ros.object import ObjectConfig, load_object, object_pieces
from dexgrasp_ros.simulation import Body
from dexgrasp_ros.simulation.heap import Heap, Thing, settle_together
from dexgrasp_ros.simulation.ray_images import ImageRenderer
from dexgrasp_ros.synthesis.device import resolve_device

# Mass and shape count in a heap; the distance grid, which is for searches, can be coarse.
_COARSE = ObjectConfig(max_nodes=20_000)
_TRIES = 3  # heaps that are let go, until one comes to rest in time
_COLUMNS = ('key', 'base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'held', 'shaken')


@dataclass(frozen=True, kw_only=True)
class ClutterTask:
    """One cluttered table, and how it shall be looked at; see `scenes.RenderTask`."""

    root: Path  # of the dataset, on a disk that all machines of the run see
    number: int
    objects: tuple[SceneTask, ...]  # resting poses of what is put there
    settings: CameraSettings
    random_seed: int  # of the dataset
    device: str = 'cpu'

    @property
    def name(self) -> str:
        """For messages and the names of files."""
        return f'clutter/{self.number:05d}'

    @property
    def function(self) -> str:
        """What renders it."""
        return 'dexgrasp_ros.dataset.render.clutter:render_clutter'

    @property
    def table(self) -> Path:
        """Its table of objects in images, written last."""
        return DatasetLayout(self.root).clutter_frames(self.number)

    @property
    def tar(self) -> Path:
        """Its images."""
        return DatasetLayout(self.root).clutter_images(self.number)

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
            'clutter': self.number,
            'objects': [[o.object_key, o.digest, o.scene] for o in self.objects],
        }


def plan_clutter(scenes: Sequence[SceneTask], count: int) -> list[ClutterTask]:
    """Cluttered tables 0 to `count` - 1 of a dataset's objects, the same on every machine.

    The number of objects, which they are (each once, where there are so many) and in which of
    their resting poses they are let go is by chance.

    Raises
    ------
    InputError
        OUT_OF_RANGE: fewer than none.
    """
    if count < 0:
        raise InputError(f"'clutter' is {count}; expected 0 or more.", ErrorCode.OUT_OF_RANGE)
    first = scenes[0]
    keys = sorted({scene.object_key for scene in scenes})
    low, high = first.settings.clutter_objects
    tasks = []
    for number in range(count):
        rng = np.random.default_rng(derive_seed(first.random_seed, 'clutter', number))
        wanted = int(rng.integers(round(low), round(high) + 1))
        chosen = rng.choice(keys, size=wanted, replace=wanted > len(keys))
        poses = [[scene for scene in scenes if scene.object_key == key] for key in chosen]
        tasks.append(
            ClutterTask(
                root=first.root,
                number=number,
                objects=tuple(own[int(rng.integers(len(own)))] for own in poses),
                settings=first.settings,
                random_seed=first.random_seed,
                device=first.device,
            )
        )
    return tasks


def render_clutter(task: ClutterTask) -> SceneSummary:
    """Let the objects settle, find the grasps that are free, take all images, write it all.

    Raises
    ------
    ObjectError
        As from `read_stored_mesh` and `load_object`; INVALID_MESH: the simulation fails.
    InputError, HandError
        As from `open_dataset` and its `hand_model`.
    OSError
        A file cannot be written.
    """
    layout, seconds = DatasetLayout(task.root), Counter[str]()
    task.table.unlink(missing_ok=True)  # of other settings: it must not stand beside the new tar
    start = time.perf_counter()
    heap = _settle(task)
    meshes = [read_stored_mesh(layout.mesh(o.digest)) for o in task.objects]
    paints = [read_paint(layout.colors(o.digest)) for o in task.objects]
    bodies = [
        Body(vertices=vertices, faces=faces, pose=pose, label=OBJECT + n, paint=paint)
        for n, (pose, (vertices, faces), paint) in enumerate(
            zip(heap.poses, meshes, paints, strict=True)
        )
    ]
    middle = time.perf_counter()
    free = free_grasps(task, bodies)
    seconds['settle_together'] += middle - start
    seconds['free_grasps'] += time.perf_counter() - middle
    record = {
        **task.about,
        'at_rest': heap.at_rest,
        'objects': [
            {
                'object': o.object_key,
                'mesh': o.digest,
                'label': body.label,
                'pose': body.pose.tolist(),
            }
            for o, body in zip(task.objects, bodies, strict=True)
        ],
        **free,
    }
    write_json(layout.clutter(task.number), record)
    rows = []
    with write_images(task.tar, task.about) as shard:
        for key, files, own in _images(task, bodies, seconds):
            shard.add(key, files)
            rows += own
    start = time.perf_counter()
    size = write_table(task, CLUTTER_COLUMNS, rows)
    seconds['write'] += time.perf_counter() - start
    return SceneSummary(frames=task.frame_count, size=size, seconds=dict(seconds))


def free_grasps(task: ClutterTask, bodies: Sequence[Body]) -> dict[str, Any]:
    """Grasps of each object that keep clear of its neighbours and of the table.

    Those that failed in the shake test are left out, and of many `clutter_grasps` are looked at.

    Returns
    -------
    dict
        ``grasps``: for each hand, and then for each object of the scene in its order, the keys of
        the rows that are free; ``looked_at``: likewise of how many.
    """
    layout = DatasetLayout(task.root)
    around = [Surroundings([b for b in bodies if b is not body]) for body in bodies]
    free: dict[str, list[list[str]]] = {}
    looked_at: dict[str, list[int]] = {}
    for hand in sorted(known_hands(layout, read_manifest(layout))):
        opened = open_dataset(task.root, hand)
        free[hand], looked_at[hand] = [], []
        for n, (scene, body) in enumerate(zip(task.objects, bodies, strict=True)):
            rows = opened.rows(scene.object_key, _COLUMNS)
            rng = np.random.default_rng(
                derive_seed(task.random_seed, 'clutter', task.number, hand, n)
            )
            chosen = np.flatnonzero(rows['held'] | ~rows['shaken']) if rows else np.empty(0, int)
            chosen = np.sort(rng.permutation(chosen)[: task.settings.clutter_grasps])
            clear = np.zeros(len(chosen), dtype=bool)
            if len(chosen):
                own = {name: values[chosen] for name, values in rows.items()}
                ends = [
                    (compose(body.pose, own[pose].astype(np.float64)), own[q].astype(np.float64))
                    for pose, q in (('pregrasp_base_pose', 'pregrasp'), ('base_pose', 'grasp'))
                ]
                clear = around[n].are_clear(opened.hand_model, *ends)
            free[hand].append(rows['key'][chosen[clear]].tolist() if len(chosen) else [])
            looked_at[hand].append(len(chosen))
    return {'grasps': free, 'looked_at': looked_at}


@lru_cache(maxsize=64)
def _thing_parts(mesh: Path) -> tuple[Any, Any]:
    obj = load_object(mesh, config=_COARSE)
    return obj, object_pieces(obj).pieces


def _settle(task: ClutterTask) -> Heap:
    layout, things = DatasetLayout(task.root), []
    for scene in task.objects:
        obj, pieces = _thing_parts(layout.mesh(scene.digest))
        things.append(Thing(obj=obj, pieces=pieces, pose=np.array(scene.pose)))
    for k in range(_TRIES):
        seed = derive_seed(task.random_seed, 'clutter', task.number, 'heap', k)
        heap = settle_together(things, seed=seed)
        if heap.at_rest:
            break
    if not np.isfinite(heap.poses).all():
        raise ObjectError(f"The objects of '{task.name}' cannot be settled together: that fails.")
    return heap


def _images(
    task: ClutterTask, bodies: Sequence[Body], seconds: Counter[str]
) -> Iterator[tuple[str, dict[str, bytes], list[dict[str, Any]]]]:
    """Yield each image: its key, its files, and a row for each object."""
    settings, seed = task.settings, (task.random_seed, 'clutter', task.number)
    device = str(resolve_device(task.device)) if task.device != 'cpu' else 'cpu'
    subjects = [
        Subject(body, scene.digest, task.number)
        for body, scene in zip(bodies, task.objects, strict=True)
    ]
    points = np.concatenate([body.posed_vertices() for body in bodies])
    renderer: ImageRenderer | None = None
    for view in range(settings.views):
        start = time.perf_counter()
        if renderer is None or settings.appearance == 'view':
            looks = derive_seed(*seed, 'appearance', *([view] if renderer is not None else []))
            stage = build_stage(bodies, looks)
            renderer = ImageRenderer(
                stage.bodies, stage.appearance, occluders=stage.occluders, device=device
            )
            seconds['stage'] += time.perf_counter() - start
        left = place_camera(points, settings, derive_seed(*seed, view))
        for eye in settings.eyes:
            start = time.perf_counter()
            shot = Shot(
                key=f'clutter-{task.number:05d}-{view:04d}-{eye}',
                view=view,
                eye=eye,
                camera=right_eye(left, settings.baseline) if eye == 'right' else left,
                appearance_seed=looks,
                noise=settings.noise,
                noise_seed=derive_seed(*seed, view, eye, 'noise'),
                baseline=0.0 if eye == 'mono' else settings.baseline,
            )
            image = renderer.render(shot.camera)
            rows = [
                {'object': scene.object_key} | subject.row(shot, image)
                for scene, subject in zip(task.objects, subjects, strict=True)
            ]
            middle = time.perf_counter()
            files = encode_image(shot, image, rows[0])
            files['json'] = json_bytes({'key': shot.key, 'objects': [plain_row(r) for r in rows]})
            seconds['render'] += middle - start
            seconds['encode'] += time.perf_counter() - middle
            yield shot.key, files, rows
