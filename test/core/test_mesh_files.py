"""Mesh files that say more of themselves than there is, or that lead elsewhere."""

import json
import struct
import zipfile

import pytest

from dexgrasp_ros.core.errors import ErrorCode, ObjectError
from dexgrasp_ros.core.mesh_files import FORMATS, load_mesh

trimesh = pytest.importorskip('trimesh')


def glb(document: dict) -> bytes:
    text = json.dumps(document).encode()
    text += b' ' * (-len(text) % 4)
    head = struct.pack('<4sIIII', b'glTF', 2, 28 + len(text), len(text), 0x4E4F534A)
    return head + text + struct.pack('<I4s', 0, b'BIN\0')


MESH = {'primitives': [{'attributes': {'POSITION': 0}}]}
ACCESSOR = {'componentType': 5126, 'count': 10**9, 'type': 'VEC3'}
SCENE = {'asset': {'version': '2.0'}, 'scene': 0, 'scenes': [{'nodes': [0]}]}
PLY = 'ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\n'
PLY += 'property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n'
PLY += '0 0 0\n1 0 0\n0 1 0\n3 0 1 {}\n'
HOSTILE = {
    'face of no vertex': ('x.ply', PLY.format(3, 99), ''),
    'vertices in a plane': ('x.obj', 'v 0 0\nv 1 0\nv 0 1\nf 1 2 3\n', 'shape'),
    'more vertices than memory': ('x.ply', PLY.format(10**12, 2), 'an element is there'),
    'entities': ('x.dae', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc">]><a>&b;</a>', 'type'),
    'accessor without bytes': ('x.glb', glb({**SCENE, 'accessors': [ACCESSOR]}), 'the count'),
    'node in itself': ('x.glb', glb({**SCENE, 'nodes': [{'children': [0]}]}), 'in each other'),
    'nodes without end': (
        'x.glb',
        glb({**SCENE, 'nodes': [*({'children': [i + 1] * 10} for i in range(9)), {}]}),
        'more than 10000',
    ),
    'file elsewhere': (
        'x.gltf',
        json.dumps({**SCENE, 'buffers': [{'byteLength': 9, 'uri': '../../etc/passwd'}]}),
        'not beside it',
    ),
    'cut off': ('x.stl', bytes(80) + struct.pack('<I', 5) + bytes(100), 'its 5 triangles would'),
    'text of another format': ('x.stl', 'v 0 0 0\n' * 30, 'or no STL'),
    'no mesh': ('x.pkl', b'\x80\x04.', 'ends in'),
    'archive of anything': ('x.zip', b'PK', 'ends in'),
}  # fmt: skip


@pytest.mark.parametrize(('name', 'content', 'words'), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_by_name(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ObjectError, match=rf'{name}.*{words}') as caught:
        load_mesh(path, process=False)
    assert caught.value.code == ErrorCode.INVALID_MESH


def test_an_archive_is_not_unpacked_beyond_the_bound(tmp_path, monkeypatch):
    monkeypatch.setattr('dexgrasp_ros.core.mesh_files._FILE_LIMIT', 10**6)
    with zipfile.ZipFile(tmp_path / 'x.3mf', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('3D/3dmodel.model', bytes(2 * 10**6))
    with pytest.raises(ObjectError, match='unpacks to 2 MiB'):
        load_mesh(tmp_path / 'x.3mf')
    (tmp_path / 'x.stl').write_bytes(bytes(2 * 10**6))
    with pytest.raises(ObjectError, match='at most 1 MiB') as caught:
        load_mesh(tmp_path / 'x.stl')
    assert caught.value.code == ErrorCode.OUT_OF_RANGE


def test_every_format_is_read(tmp_path):
    box = trimesh.creation.box((0.1, 0.2, 0.3))
    for suffix in FORMATS:
        if suffix != '.gltf':  # in several files
            box.export(tmp_path / f'box{suffix}')
            assert load_mesh(tmp_path / f'box{suffix}').volume == pytest.approx(0.006, rel=1e-5)


def test_words_of_an_stl_may_be_capitals(tmp_path):
    box = trimesh.creation.box((0.1, 0.1, 0.1))
    text = trimesh.exchange.stl.export_stl_ascii(box)
    (tmp_path / 'box.stl').write_text(text.upper())
    assert len(load_mesh(tmp_path / 'box.stl').faces) == 12
