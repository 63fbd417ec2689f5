"""A small dataset: grasps from the generator, images in which each pixel is known."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import trimesh
from inline_work import InlineExecutor, inline_work
from PIL import Image

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.files import write_bytes
from dexgrasp_ros.core.json_files import read_json
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.generation.generate import generate
from dexgrasp_ros.dataset.layout import DatasetLayout
from dexgrasp_ros.dataset.schema import FRAME_COLUMNS
from dexgrasp_ros.dataset.shards import write_shard

SIZE = (40, 30)  # px, of the images
SETTINGS = {
    **{'shard_size': 2, 'directions': 4, 'max_scenes': 1, 'max_rounds': 1, 'round_seeds': 16},
    # How fingers close and hold is asked of searches elsewhere.
    'search': SynthesisConfig(iterations=80, simulate_closing=False),
}


def make_small_dataset(folder: Path) -> None:
    """Write that of two hands, a box, a can, and a third object that cannot be read."""
    meshes, layout = folder / 'meshes', DatasetLayout(folder / 'small')
    meshes.mkdir()
    trimesh.creation.box((0.05, 0.06, 0.09)).export(meshes / 'box.stl')
    can = trimesh.creation.cylinder(radius=0.03, height=0.1, sections=24)
    can.export(meshes / 'can.obj')
    (meshes / 'torn.obj').write_text('v 0 0 0\n')
    with inline_work(), InlineExecutor() as executor:
        generate(
            layout.root,
            hands=('barrett', 'allegro'),
            objects=meshes,
            grasps_per_object=4,
            executor=executor,
            config=DatasetConfig(**SETTINGS),
            license='CC0-1.0',
            retries=0,
        )
    write_frames(layout, next(r for r in read_json(layout.manifest)['objects']))


def write_frames(layout: DatasetLayout, record: dict) -> None:
    """Two views of the first scene of one object."""
    key, scene = record['key'], read_json(layout.scenes(record['mesh']))['scenes'][0]
    frames, members = [], {'dataset.json': b'{}'}
    for view in range(2):
        name = f'{key}-00-{view:03d}-mono'
        camera = np.diag([1.0, -1.0, -1.0, 1.0])  # looks down
        camera[:3, 3] = [0.1 * view, 0.0, 0.5]
        frames.append(
            {
                'key': name,
                'mesh': record['mesh'],
                'scene': 0,
                'view': view,
                'eye': 'mono',
                'baseline': 0.0,
                'width': SIZE[0],
                'height': SIZE[1],
                'K': np.array([50.0, 0, 20, 0, 50, 15, 0, 0, 1]),
                'T_world_cam': camera.ravel(),
                'T_world_object': pose_to_matrix(scene['pose']).ravel(),
                'depth_scale': 1e-4,
                'label': 2,
                'box_2d': np.array([1.0, 2, 3, 4]),
                'box_3d': np.zeros(10),
                'visible_share': 1.0,
                'appearance_seed': 7,
                'noise': 'none',
            }
        )
        members |= {f'{name}.{channel}.png': data for channel, data in images(view).items()}
    rows = {
        c.name: [f[c.name] for f in frames]
        if c.size == 0
        else np.stack([f[c.name] for f in frames])
        for c in FRAME_COLUMNS
    }
    write_shard(layout.frames(key, 0), FRAME_COLUMNS, rows, {})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    write_bytes(layout.images(key, 0), buffer.getvalue())


def images(view: int) -> dict[str, bytes]:
    """Gradients, so that a mix-up of axes or views shows."""
    width, height = SIZE
    v, u = np.mgrid[:height, :width]
    rgb = np.stack([u, v, np.full_like(u, 100 + view)], axis=2).astype(np.uint8)
    depth = (5000 + 10 * u + v).astype(np.uint16)
    depth[0] = 0
    seg = np.where(u > 20, 2, 1).astype(np.uint8)
    normals = np.full((height, width, 3), (128, 128, 255), dtype=np.uint8)
    normals[0] = 128
    return {
        name: png(pixels)
        for name, pixels in (('rgb', rgb), ('depth', depth), ('seg', seg), ('normals', normals))
    }


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, 'PNG')
    return buffer.getvalue()
