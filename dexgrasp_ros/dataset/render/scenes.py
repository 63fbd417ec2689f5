"""The unit of work: all images of one scene, a plain function of arguments that pickle."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np

from dexgrasp_ros.dataset.colors import read_paint
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.meshes import read_stored_mesh
from dexgrasp_ros.dataset.render.frames import Subject, encode_image
from dexgrasp_ros.dataset.render.shards import write_images
from dexgrasp_ros.dataset.render.stage import OBJECT
from dexgrasp_ros.dataset.render.taking import take_images, write_table
from dexgrasp_ros.dataset.render.tasks import SceneSummary, SceneTask
from dexgrasp_ros.dataset.schema import FRAME_COLUMNS
from dexgrasp_ros.simulation import Body


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
    thing = Body(
        vertices=vertices,
        faces=faces,
        pose=np.array(task.pose),
        label=OBJECT,
        paint=read_paint(layout.colors(task.digest)),
    )
    subject = Subject(thing, task.digest, task.scene)
    stem = f'{task.object_key.replace(".", "_")}-{task.scene:02d}'  # a dot ends a sample's key
    rows = []
    with write_images(task.tar, task.about) as shard:
        for shot, image in take_images(task, [thing], stem, seconds):
            start = time.perf_counter()
            row = subject.row(shot, image)
            shard.add(shot.key, encode_image(shot, image, row))
            rows.append(row)
            seconds['encode'] += time.perf_counter() - start
    start = time.perf_counter()
    size = write_table(task, FRAME_COLUMNS, rows)
    seconds['write'] += time.perf_counter() - start
    return SceneSummary(frames=len(rows), size=size, seconds=dict(seconds))
