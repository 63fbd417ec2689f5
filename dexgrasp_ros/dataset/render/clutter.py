"""Cluttered tables: objects of a dataset settled together, and the grasps that stay free there."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError
from dexgrasp_ros.core.json_files import json_bytes, write_json
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.dataset.colors import read_paint
from dexgrasp_ros.dataset.config import DatasetConfig, derive_seed
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.meshes import read_stored_mesh
from dexgrasp_ros.dataset.reading.reader import open_dataset
from dexgrasp_ros.dataset.reading.selection import grasp_files, known_hands, read_manifest
from dexgrasp_ros.dataset.render.clearance import Surroundings
from dexgrasp_ros.dataset.render.frames import Subject, encode_image, plain_row
from dexgrasp_ros.dataset.render.shards import write_images
from dexgrasp_ros.dataset.render.stage import OBJECT
from dexgrasp_ros.dataset.render.taking import take_images, write_table
from dexgrasp_ros.dataset.render.tasks import ClutterTask, SceneSummary, SceneTask
from dexgrasp_ros.dataset.schema import CLUTTER_COLUMNS
from dexgrasp_ros.dataset.shards import read_metadata
from dexgrasp_ros.object import ObjectConfig, load_object, object_pieces
from dexgrasp_ros.simulation import Body
from dexgrasp_ros.simulation.heap import Heap, Thing, settle_together

# Mass and shape count in a heap; the distance grid, which is for searches, can be coarse.
_COARSE = ObjectConfig(max_nodes=20_000)
_TRIES = 3  # heaps that are let go, until one comes to rest in time
_COLUMNS = ('key', 'base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'held', 'shaken')


def plan_clutter(scenes: Sequence[SceneTask], count: int) -> list[ClutterTask]:
    """Cluttered tables 0 to `count` - 1 of a dataset's objects, the same on every machine.

    The number of objects, which they are (each once, where there are so many) and in which of
    their resting poses they are let go is by chance.

    Raises
    ------
    InputError
        OUT_OF_RANGE: fewer than none; as from `read_manifest` and `read_metadata`.
    """
    if count < 0:
        raise InputError(f"'clutter' is {count}; expected 0 or more.", ErrorCode.OUT_OF_RANGE)
    if not count:
        return []
    first = scenes[0]
    keys = sorted({scene.object_key for scene in scenes})
    low, high = first.settings.clutter_objects
    manifest = read_manifest(DatasetLayout(first.root))
    pieces = manifest['configuration'].get('piece_threshold', DatasetConfig.piece_threshold)
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
                piece_threshold=pieces,
                grasps_hash=_digest_of_grasps(first.root, manifest, sorted(set(chosen.tolist()))),
                settings=first.settings,
                random_seed=first.random_seed,
                device=first.device,
            )
        )
    return tasks


def _digest_of_grasps(root: Path, manifest: Mapping[str, Any], keys: Sequence[str]) -> str:
    """SHA-256 of what all grasps of some objects were made from: with others, others are free."""
    layout = DatasetLayout(root)
    files = [
        file
        for hand in sorted(known_hands(layout, manifest))
        for file in grasp_files(layout, hand, keys)
    ]
    told = [[str(file.relative_to(root)), read_metadata(file)] for file in files]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def render_clutter(task: ClutterTask) -> SceneSummary:
    """Let the objects settle, find the grasps that are free, take all images, write it all.

    Raises
    ------
    ObjectError
        As from `read_stored_mesh` and `load_object`; INVALID_MESH: they do not come to rest.
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
    subjects = [
        Subject(body, o.digest, task.number) for body, o in zip(bodies, task.objects, strict=True)
    ]
    with write_images(task.tar, task.about) as shard:
        for shot, image in take_images(task, bodies, f'clutter-{task.number:05d}', seconds):
            start = time.perf_counter()
            own = [
                {'object': o.object_key} | subject.row(shot, image)
                for o, subject in zip(task.objects, subjects, strict=True)
            ]
            files = encode_image(shot, image, own[0])
            files['json'] = json_bytes({'key': shot.key, 'objects': [plain_row(r) for r in own]})
            shard.add(shot.key, files)
            rows += own
            seconds['encode'] += time.perf_counter() - start
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
def _thing_parts(mesh: Path, threshold: float) -> tuple[Any, Any]:
    obj = load_object(mesh, config=_COARSE)
    return obj, object_pieces(obj, threshold=threshold).pieces


def _settle(task: ClutterTask) -> Heap:
    layout, things = DatasetLayout(task.root), []
    for scene in task.objects:
        obj, pieces = _thing_parts(layout.mesh(scene.digest), task.piece_threshold)
        things.append(Thing(obj=obj, pieces=pieces, pose=np.array(scene.pose)))
    for k in range(_TRIES):
        heap = settle_together(things, seed=derive_seed(*task.seeds, 'heap', k))
        if heap.at_rest and np.isfinite(heap.poses).all():
            return heap
    raise ObjectError(
        f"The objects of '{task.name}' do not come to rest together in {_TRIES} tries; expected"
        ' objects that lie still, or fewer of them (clutter_objects).'
    )
