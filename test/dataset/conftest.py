"""A small dataset of real grasps in the folders and columns of the schema, written by hand."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trimesh
from PIL import Image

from dexgrasp_ros import SynthesisConfig, evaluate, load_hand, load_object, synthesize
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.dataset.layout import DatasetLayout, object_key
from dexgrasp_ros.dataset.schema import (
    CONTACTS,
    FRAME_COLUMNS,
    FREE,
    GRASP_COLUMNS,
    SCHEMA_VERSION,
    Column,
    arrow_schema,
)
from dexgrasp_ros.evaluation import Evaluation

SIZE = (40, 30)  # px, of the images
CONFIG = SynthesisConfig(seed_count=12, max_grasps=6, device='cpu')


@pytest.fixture(scope='session')
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> DatasetLayout:
    """Two hands and two objects; tests only read it."""
    return write_small_dataset(tmp_path_factory.mktemp('dataset') / 'small')


@pytest.fixture
def copied_dataset(small_dataset: DatasetLayout, tmp_path: Path) -> DatasetLayout:
    """One that a test may spoil."""
    shutil.copytree(small_dataset.root, tmp_path / 'copy')
    return DatasetLayout(tmp_path / 'copy')


def box() -> trimesh.Trimesh:
    return trimesh.creation.box((0.05, 0.06, 0.09))


def can() -> trimesh.Trimesh:
    return trimesh.creation.cylinder(radius=0.03, height=0.1, sections=24)


def write_small_dataset(root: Path) -> DatasetLayout:
    """Two hands, two objects, free and on a table; the second object has no images."""
    layout = DatasetLayout(root)
    manifest: dict[str, Any] = {
        'schema_version': SCHEMA_VERSION,
        'hash': '0' * 64,
        'hands': [],
        'objects': [],
    }
    meshes = {}
    for name, mesh in (('box', box()), ('can', can())):
        data = mesh.export(file_type='ply')
        digest = hashlib.sha256(data).hexdigest()
        write(layout.mesh(digest), data)
        key = object_key(name, digest)
        record = {'key': key, 'name': name, 'mesh': digest, 'license': 'CC0-1.0'}
        manifest['objects'].append(record)
        meshes[key] = digest
        write(
            layout.scenes(digest), json.dumps({'mesh': digest, 'scenes': [scene(mesh)]}).encode()
        )
    for name in ('barrett', 'allegro'):
        hand = load_hand(name)
        data = hand.urdf.encode()
        digest = hashlib.sha256(data).hexdigest()
        write(layout.hand(digest), data)
        record = {'name': name, 'urdf': digest, 'hand_frame': hand.hand_frame}
        manifest['hands'].append(record)
        for key, mesh_digest in meshes.items():
            if (name, key.partition('-')[0]) != ('allegro', 'can'):  # not there yet
                write_grasps(layout, hand, key, mesh_digest)
    write(layout.manifest, json.dumps(manifest).encode())
    key = next(k for k in meshes if k.startswith('box'))
    write_frames(layout, key, meshes[key])
    write(
        layout.timing('barrett-box'),
        json.dumps(
            {
                'unit': 'barrett-box',
                'seconds': {'synthesize': 2.0, 'evaluate': 4.0, 'write': 0.5},
                'count': 12,
            }
        ).encode(),
    )
    write(
        layout.failure('allegro-can'),
        json.dumps(
            {'unit': 'allegro-can', 'code': 'INVALID_MESH', 'message': 'no volume'}
        ).encode(),
    )
    return layout


def scene(mesh: trimesh.Trimesh) -> dict[str, Any]:
    """Standing as the mesh does."""
    low = float(mesh.bounds[0, 2])
    return {
        'support_plane': [0.0, 0.0, 1.0, -low],
        'pose': [0.3, 0.1, -low, 0.0, 0.0, 0.0, 1.0],
        'share': 1.0,
        'at_rest': True,
    }


def write_grasps(layout: DatasetLayout, hand: Any, key: str, digest: str) -> None:
    """Half on the free object, half on a table."""
    plane = np.array(json.loads(layout.scenes(digest).read_text())['scenes'][0]['support_plane'])
    found = []
    for part, (number, support) in enumerate(((FREE, None), (0, plane))):
        obj = load_object(layout.mesh(digest), support_plane=support)
        grasps = synthesize(hand, obj, CONFIG)
        result = evaluate(
            grasps, object=obj, hand=hand, protocol='fc' if support is None else 'tabletop'
        )
        rows = grasp_rows(result, number, support)
        rows['key'] = [f'{hand.name}/{key}/{len(found) + n:07d}' for n in range(len(grasps))]
        rows['mesh'] = [digest] * len(grasps)
        found += rows['key']
        write_table(
            layout.grasps(hand.name, key, part), GRASP_COLUMNS, rows, len(hand.joint_names)
        )


def grasp_rows(result: Evaluation, number: int, plane: np.ndarray | None) -> dict[str, Any]:
    """Columns of evaluated grasps."""
    grasps, count = result.grasps, len(result.held)
    rows = {
        name: getattr(grasps, name)
        for name in ('base_pose', 'pregrasp_base_pose', 'pregrasp', 'grasp', 'squeeze', 'score')
    }
    rows |= {name: getattr(grasps, name) for name in ('residual', 'seed_index')}
    for name in ('contact_count', 'contact_area', 'epsilon', 'volume', 'penetration', 'held'):
        rows[name] = getattr(result, name)
    for name in ('self_penetration', 'tip_distance', 'cause', 'motion', 'displacement'):
        rows[name] = getattr(result, name)
    for name in ('rotation', 'closing_displacement'):
        rows[name] = getattr(result, name)
    have = min(grasps.contact_links.shape[1], CONTACTS)
    rows['contact_links'] = np.full((count, CONTACTS), -1)
    rows['contact_links'][:, :have] = grasps.contact_links[:, :have]
    for name in ('contact_points', 'contact_normals', 'contact_forces'):
        rows[name] = np.full((count, CONTACTS, 3), np.nan)
        rows[name][:, :have] = getattr(grasps, name)[:, :have]
    return rows | {
        'scene': np.full(count, number),
        'support_plane': np.tile(np.full(4, np.nan) if plane is None else plane, (count, 1)),
        'seed': np.zeros(count),
        'protocol': [result.protocol] * count,
    }


def write_frames(layout: DatasetLayout, key: str, digest: str) -> None:
    """Two views of the first scene, with images in which each pixel is known."""
    pose = json.loads(layout.scenes(digest).read_text())['scenes'][0]['pose']
    frames, members = [], {'dataset.json': b'{}'}
    for view in range(2):
        name = f'{key}-00-{view:03d}-mono'
        camera = np.eye(4)
        camera[:3, :3] = [[1, 0, 0], [0, -1, 0], [0, 0, -1]]  # looks down
        camera[:3, 3] = [pose[0] + 0.1 * view, pose[1], 0.5]
        frames.append(
            {
                'key': name,
                'mesh': digest,
                'scene': 0,
                'view': view,
                'eye': 'mono',
                'baseline': 0.0,
                'width': SIZE[0],
                'height': SIZE[1],
                'K': np.array([[50.0, 0, 20], [0, 50, 15], [0, 0, 1]]),
                'T_world_cam': camera,
                'T_world_object': pose_to_matrix(pose),
                'depth_scale': 1e-4,
                'label': 2,
                'box_2d': np.array([1.0, 2, 3, 4]),
                'box_3d': np.zeros(10),
                'visible_share': 1.0,
                'appearance_seed': 7,
                'noise': 'none',
            }
        )
        members |= {f'{name}.{channel}.png': image for channel, image in images(view).items()}
    write_table(
        layout.frames(key, 0), FRAME_COLUMNS, {n: [f[n] for f in frames] for n in frames[0]}
    )
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    write(layout.images(key, 0), buffer.getvalue())


def images(view: int) -> dict[str, bytes]:
    """Gradients, so that a mix-up of axes or views shows."""
    width, height = SIZE
    v, u = np.mgrid[:height, :width]
    rgb = np.stack([u, v, np.full_like(u, 100 + view)], axis=2).astype(np.uint8)
    depth = (5000 + 10 * u + v).astype(np.uint16)
    depth[0] = 0
    seg = np.where(u > 20, 2, 1).astype(np.uint8)
    normals = np.full((height, width, 3), (128, 128, 255), dtype=np.uint8)
    normals[0] = 0
    return {
        name: png(pixels)
        for name, pixels in (('rgb', rgb), ('depth', depth), ('seg', seg), ('normals', normals))
    }


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, 'PNG')
    return buffer.getvalue()


def write_table(
    file: Path, columns: tuple[Column, ...], rows: dict[str, Any], joints: int = 0
) -> None:
    """Rows by the schema."""
    schema = arrow_schema(columns, joints)
    arrays = []
    for field in schema:
        values = rows[field.name]
        if pa.types.is_fixed_size_list(field.type):
            kind = field.type.value_type.to_pandas_dtype()
            flat = pa.array(np.asarray(values, dtype=kind).reshape(-1))
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, field.type.list_size))
        elif pa.types.is_string(field.type):
            arrays.append(pa.array([str(value) for value in values], field.type))
        else:
            arrays.append(pa.array(np.asarray(values, dtype=field.type.to_pandas_dtype())))
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), file)


def write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
