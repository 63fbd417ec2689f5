"""Mesh files that may be anything: the one door to trimesh's readers of a dozen formats.

These readers believe what a file says of itself: counts of vertices, places in other lists, what
an archive unpacks to. What would fill the memory or lead to other files is looked at before, what
they return is looked at after.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dexgrasp_ros.core.doors import MEBIBYTE, check_file, reading
from dexgrasp_ros.core.errors import ErrorCode, ObjectError, choices

if TYPE_CHECKING:
    import trimesh

FORMATS = ('.3mf', '.dae', '.glb', '.gltf', '.obj', '.off', '.ply', '.stl')
_FILE_LIMIT = 256 * MEBIBYTE
_MOST_FACES = 5_000_000  # and vertices; scans have 1,000,000 or less
_DEEPEST = 64  # parts of a scene in each other
_MOST_PARTS = 10_000  # of a scene, each counted as often as it is shown
_HEADER = 65536  # bytes of a PLY's header at most


def load_mesh(path: Path, **options: Any) -> trimesh.Trimesh:
    """Load a mesh file as `trimesh.load_mesh` does, or say what is wrong with it.

    Parameters
    ----------
    path
        An ``.obj``, ``.stl``, ``.ply``, ``.glb``, ``.gltf``, ``.off``, ``.dae`` or ``.3mf``.
    options
        Of `trimesh.load_mesh`.

    Raises
    ------
    ObjectError
        FILE_NOT_FOUND; OUT_OF_RANGE: larger than 256 MiB or 5,000,000 faces; INVALID_MESH:
        unknown format, damaged, no triangles, or faces that name vertices that are not there.
    """
    import trimesh

    check_file(path, 'mesh', _FILE_LIMIT, ObjectError)
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise ObjectError(
            f"Mesh '{path}' cannot be read: its name ends in '{kind[:20]}'; expected"
            f' {choices(FORMATS)}.'
        )
    with reading(f"Mesh '{path}' cannot be read", ObjectError):
        _CHECKS.get(kind, _no_check)(path)
        scene = trimesh.load_scene(path, file_type=kind[1:], **options)
        _check_parts(path, scene)
        mesh = scene.to_mesh()
    if not isinstance(mesh, trimesh.Trimesh) or len(mesh.faces) == 0:
        raise ObjectError(f"Mesh '{path}' has no faces; expected a triangle mesh.")
    return mesh


def _check_parts(path: Path, scene: trimesh.Scene) -> None:
    """Refuse faces that name no vertex, and more of them than are worked with."""
    for part in scene.geometry.values():
        faces, count = getattr(part, 'faces', ()), len(part.vertices)
        if len(faces) and (np.shape(part.vertices)[1:] != (3,) or np.shape(faces)[1:] != (3,)):
            raise ObjectError(
                f"Mesh '{path}' is damaged: vertices have shape {list(np.shape(part.vertices))}"
                f' and faces {list(np.shape(faces))}; expected [V, 3] and [F, 3].'
            )
        if len(faces) and not (faces.min() >= 0 and faces.max() < count):
            raise ObjectError(
                f"Mesh '{path}' is damaged: its faces name the vertices {faces.min()} to"
                f' {faces.max()}; expected 0 to {count - 1}.'
            )
    shown = [scene.geometry[scene.graph[node][1]] for node in scene.graph.nodes_geometry]
    count = sum(max(len(part.vertices), len(getattr(part, 'faces', ()))) for part in shown)
    if count > _MOST_FACES:
        raise ObjectError(
            f"Mesh '{path}' has {count} faces or vertices; expected at most {_MOST_FACES}.",
            ErrorCode.OUT_OF_RANGE,
        )


def _no_check(path: Path) -> None:
    """Text formats hold as much as their bytes say."""


def _check_xml(path: Path) -> None:
    """Refuse entities, which open other files and grow without bound."""
    with path.open('rb') as file:
        head = file.read(MEBIBYTE)
    if re.search(rb'<!(DOCTYPE|ENTITY)', head.replace(b'\0', b'')):
        raise ValueError('a document type or entities have no place in a mesh')


def _check_zip(path: Path) -> None:
    """Refuse an archive that unpacks to more than a mesh file may have."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > _FILE_LIMIT:
        raise ValueError(f'it unpacks to {unpacked / MEBIBYTE:.0f} MiB')


def _check_stl(path: Path) -> None:
    """Refuse what is no text and has not the bytes that its count of triangles says."""
    with path.open('rb') as file:
        head = file.read(_HEADER)
    size, count = path.stat().st_size, int.from_bytes(head[80:84], 'little')
    if b'facet' not in head.lower() and size != 84 + 50 * count:
        raise ValueError(
            f'it has {size} bytes, and its {count} triangles would have {84 + 50 * count}: it is'
            ' cut off, or no STL'
        )


def _check_ply(path: Path) -> None:
    with path.open('rb') as file:
        header, end, _ = file.read(_HEADER).partition(b'end_header')
    if not end:
        raise ValueError('its header has no end')
    for count in re.findall(rb'element\s+\S+\s+(\S+)', header):
        if not 0 <= int(count) <= _MOST_FACES:
            raise ValueError(f'an element is there {count[:20].decode()} times')


def _check_glb(path: Path) -> None:
    with path.open('rb') as file:
        magic, _, _, size, kind = struct.unpack('<4sIII4s', file.read(20))
        if magic != b'glTF' or kind != b'JSON':
            raise ValueError('it is no binary glTF of version 2')
        if size > path.stat().st_size:
            raise ValueError('it is cut off')
        _check_gltf_document(json.loads(file.read(size)))


def _check_gltf(path: Path) -> None:
    _check_gltf_document(json.loads(path.read_bytes()))


def _check_gltf_document(document: dict[str, Any]) -> None:
    """Refuse counts without bytes, nodes in each other without end, files elsewhere."""
    for accessor in document.get('accessors', ()):
        if not 0 <= accessor['count'] <= 3 * _MOST_FACES:
            raise ValueError(f'an accessor has the count {str(accessor["count"])[:20]}')
    for buffer in document.get('buffers', ()):
        uri = buffer.get('uri', '')
        if not uri.startswith('data:') and (
            ':' in uri or uri.startswith('/') or '..' in uri.split('/')
        ):
            raise ValueError('it names a file that is not beside it')
    nodes = document.get('nodes', [])
    shown = 0
    waiting = [(index, 1) for scene in document.get('scenes', ()) for index in scene['nodes']]
    while waiting:
        index, depth = waiting.pop()
        shown += 1
        if depth > _DEEPEST or shown > _MOST_PARTS:
            raise ValueError(f'its parts stand in each other, or are more than {_MOST_PARTS}')
        waiting += [(child, depth + 1) for child in nodes[index].get('children', ())]


_CHECKS = {
    '.dae': _check_xml,
    '.3mf': _check_zip,
    '.ply': _check_ply,
    '.stl': _check_stl,
    '.glb': _check_glb,
    '.gltf': _check_gltf,
}
