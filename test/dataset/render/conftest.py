"""A small dataset without grasps: a box and a ball at rest, as the generator writes them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import trimesh

from dexgrasp_ros.dataset.layout import DatasetLayout, object_key
from dexgrasp_ros.dataset.render import CameraSettings, SceneTask

BOX, RADIUS = (0.06, 0.08, 0.1), 0.05
SMALL = {'width': 96, 'height': 72, 'views': 2}


def _add(layout: DatasetLayout, name: str, mesh: trimesh.Trimesh, pose: list[float]) -> None:
    content = mesh.export(file_type='ply', encoding='binary', vertex_normal=False)
    digest = hashlib.sha256(content).hexdigest()
    key = object_key(name, digest)
    layout.mesh(digest).write_bytes(content)
    layout.object_record(key).write_text(json.dumps({'key': key, 'name': name, 'mesh': digest}))
    scene = {'scene': 0, 'pose': pose, 'share': 1.0, 'at_rest': True}
    layout.scenes(digest).write_text(json.dumps({'mesh': digest, 'scenes': [scene]}))


def make_dataset(root: Path, random_seed: int = 0) -> DatasetLayout:
    layout = DatasetLayout(root)
    for folder in ('meshes', 'objects', 'scenes'):
        (root / folder).mkdir(parents=True)
    layout.manifest.write_text(json.dumps({'configuration': {'random_seed': random_seed}}))
    # Turned about the vertical by 0.5 rad; a name with a dot, which ends keys of WebDataset.
    turned = [0.01, 0.02, BOX[2] / 2, 0, 0, 0.2474, 0.9689]
    _add(layout, 'box.v2', trimesh.creation.box(BOX), turned)
    ball = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS)
    _add(layout, 'ball', ball, [0, 0, RADIUS, 0, 0, 0, 1])
    return layout


def scene_task(layout: DatasetLayout, name: str, *, random_seed: int = 0, **settings) -> SceneTask:
    path = next(layout.object_record('').parent.glob(f'{name}*.json'))
    record = json.loads(path.read_text())
    scene = json.loads(layout.scenes(record['mesh']).read_text())['scenes'][0]
    return SceneTask(
        root=layout.root,
        object_key=record['key'],
        digest=record['mesh'],
        scene=0,
        pose=tuple(scene['pose']),
        settings=CameraSettings(**(SMALL | settings)),
        random_seed=random_seed,
    )


@pytest.fixture
def layout(tmp_path: Path) -> DatasetLayout:
    return make_dataset(tmp_path / 'dataset')


@pytest.fixture
def task_of():
    return scene_task


@pytest.fixture
def new_dataset():
    return make_dataset
