"""A dataset of two grasps and two images that nobody searched for, and all that reads one."""

from __future__ import annotations

import hashlib
import io
import tempfile
from pathlib import Path

import numpy as np
from sound_files import URDF, mesh_bytes

from dexgrasp_ros.core.files import write_bytes
from dexgrasp_ros.core.json_files import write_json
from dexgrasp_ros.dataset.layout import DatasetLayout, object_key
from dexgrasp_ros.dataset.render.shards import write_images
from dexgrasp_ros.dataset.schema import FRAME_COLUMNS, GRASP_COLUMNS, SCHEMA_VERSION, Column
from dexgrasp_ros.dataset.shards import write_shard

HAND, OBJECT = 'pincer', 'box'
ROWS, JOINTS = 2, 2
HASH = {'hash': 'a'}


def write(root: Path) -> None:
    layout, mesh = DatasetLayout(root), mesh_bytes('ply')
    digest, urdf = hashlib.sha256(mesh).hexdigest(), hashlib.sha256(URDF.encode()).hexdigest()
    key = object_key(OBJECT, digest)
    hand = {'name': HAND, 'urdf': urdf}
    record = {'key': key, 'name': OBJECT, 'mesh': digest, 'license': 'CC0-1.0'}
    write_bytes(layout.mesh(digest), mesh)
    write_bytes(layout.hand(urdf), URDF.encode())
    write_json(layout.hand_record(HAND), hand)
    write_json(layout.object_record(key), record)
    pose, plane = [0.0, 0.0, 0.035, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.035]
    scenes = [{'scene': 0, 'support_plane': plane, 'pose': pose, 'share': 1.0}]
    write_json(layout.scenes(digest), {'mesh': digest, 'scenes': scenes})
    write_json(layout.timing('grasps/a'), {'unit': 'a', 'grasps': 2, 'seconds': {'search': 1.0}})
    write_json(layout.failure('b'), {'unit': 'b', 'code': 'INTERNAL', 'message': 'so it is'})
    manifest = {'schema_version': SCHEMA_VERSION, **HASH, 'grasps_per_object': 2}
    manifest |= {'versions': {'numpy': '2'}, 'hands': [hand], 'objects': [record]}
    write_json(layout.manifest, manifest)
    write_shard(
        layout.grasps(HAND, key, 0), GRASP_COLUMNS, rows(GRASP_COLUMNS), HASH, joints=JOINTS
    )
    write_shard(layout.frames(key, 0), FRAME_COLUMNS, rows(FRAME_COLUMNS), HASH)
    with write_images(layout.images(key, 0), {}) as shard:
        for row in range(ROWS):
            shard.add(f'{row}', {f'{name}.png': png(name) for name in ('rgb', 'depth')})


def rows(columns: tuple[Column, ...]) -> dict:
    """Values for each column: zeros, with turns that are none."""
    found = {}
    for column in columns:
        size = JOINTS if column.size == 'J' else column.size
        if column.kind == 'string':
            found[column.name] = [str(row) for row in range(ROWS)]
        elif column.kind == 'bool':
            found[column.name] = np.array([True, False])
        else:
            shape = (ROWS, size) if size else ROWS
            found[column.name] = np.zeros(shape, np.dtype(column.kind))
    for name in ('base_pose', 'pregrasp_base_pose'):
        if name in found:
            found[name][:, 6] = 1.0
    if 'T_world_cam' in found:
        for name in ('T_world_cam', 'T_world_object'):
            found[name] = np.tile(np.eye(4).ravel(), (ROWS, 1))
        found['depth_scale'] = np.full(ROWS, 1e-4, np.float32)
    return found


def png(channel: str) -> bytes:
    from PIL import Image

    buffer, grey = io.BytesIO(), channel == 'depth'
    pixels = np.zeros((3, 4), np.uint16) if grey else np.zeros((3, 4, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, 'PNG')
    return buffer.getvalue()


def read(root: Path) -> None:
    """Go through all that `open_dataset`, the statistics and the exports read."""
    from dexgrasp_ros.cli.dataset_export import Export
    from dexgrasp_ros.dataset import open_dataset
    from dexgrasp_ros.dataset.statistics.file_statistics import failures, stage_costs

    layout = DatasetLayout(root)
    stage_costs(layout)
    failures(layout)
    opened = open_dataset(root)
    for _ in opened.batches(2):
        pass
    for name in opened.objects:
        opened.mesh(name)
        opened.scenes(name)
        frames = opened.frames(name)
        for row in range(len(frames.get('key', ()))):
            frame = {column: values[row] for column, values in frames.items()}
            opened.images(frame, ('rgb', 'depth'))
            opened.grasps_in_frame(frame)
    with tempfile.TemporaryDirectory() as out:
        Export(dataset=root, to='isaac_grasp', out=Path(out), grasps='all').run()
