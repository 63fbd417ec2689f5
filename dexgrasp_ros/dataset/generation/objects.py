"""Objects of a dataset: meshes found in a folder, stored, and let go until they rest."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.doors import MEBIBYTE, check_file, reading
from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError, choices
from dexgrasp_ros.core.json_files import read_json
from dexgrasp_ros.core.names import safe_name
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.dataset.colors import surface_colors
from dexgrasp_ros.dataset.config import DatasetConfig
from dexgrasp_ros.dataset.layout import DatasetLayout, object_key
from dexgrasp_ros.object import load_object, object_pieces, read_mesh
from dexgrasp_ros.simulation import settle

_ENDINGS = ('.glb', '.obj', '.off', '.ply', '.stl')
_TABLE_LIMIT = 64 * MEBIBYTE
_TABLE = 'objects.csv'  # beside the meshes: file, name, license, source, and what else there is


@dataclass(frozen=True, kw_only=True)
class SourceMesh:
    """A mesh as it was found."""

    name: str  # safe in paths, unique in its folder
    path: Path
    file: str  # path from the folder
    license: str
    source: str  # where it came from, '' if nobody said


@dataclass(frozen=True, kw_only=True)
class PreparedObject:
    """What becomes of a mesh: the stored file, what is known of it, and how it rests."""

    mesh: bytes  # binary PLY, metres
    colors: bytes | None  # of its surface, likewise, where the file has any
    record: dict[str, Any]
    scenes: dict[str, Any]
    seconds: dict[str, float]


def find_meshes(
    folder: Path,
    license: str = 'unknown',
    *,
    leave_out: Path | None = None,
    known: Mapping[str, str] | None = None,
) -> list[SourceMesh]:
    """Find all meshes in a folder and the folders in it, in the order of their names.

    Parameters
    ----------
    folder
        With ``.obj``, ``.stl``, ``.ply``, ``.glb`` or ``.off`` files, and perhaps ``objects.csv``
        whose columns ``license`` and ``source`` tell about each ``file``.
    license
        Of those that the table does not tell about.
    leave_out
        A folder whose meshes do not count, such as that of a dataset within `folder`.
    known
        Names that files have already, by their paths from the folder.

    Raises
    ------
    InputError
        FILE_NOT_FOUND: there is no such folder, or no mesh in it. INVALID_INPUT: a table that
        cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder '{folder}'.", ErrorCode.FILE_NOT_FOUND)
    paths = sorted(p for p in folder.rglob('*') if p.suffix.lower() in _ENDINGS and p.is_file())
    if leave_out is not None:
        within = leave_out.resolve()
        paths = [p for p in paths if not p.resolve().is_relative_to(within)]
    if not paths:
        raise InputError(
            f"There is no mesh in '{folder}'; expected files that end in {choices(_ENDINGS)}.",
            ErrorCode.FILE_NOT_FOUND,
        )
    told = _read_table(folder / _TABLE)
    files = [p.relative_to(folder).as_posix() for p in paths]
    names = _names(files, known or {})
    return [
        SourceMesh(
            name=name,
            path=path,
            file=file,
            license=told.get(file, {}).get('license') or license,
            source=told.get(file, {}).get('source') or '',
        )
        for name, path, file in sorted(zip(names, paths, files, strict=True))
    ]


def known_names(layout: DatasetLayout, config: DatasetConfig) -> dict[str, str]:
    """Names of objects by their files, so that a dataset that grows does not rename any."""
    names = {}
    for path in layout.object_record('').parent.glob('[!.]*.json'):
        with contextlib.suppress(InputError, FileNotFoundError):
            record = read_json(path, 'name', 'file', 'hash')
            if record['hash'] == config.digest:
                names[record['file']] = safe_name(record['name'])
    return names


def _names(files: Sequence[str], known: Mapping[str, str]) -> list[str]:
    """Names of mesh files: as they were, else of the path, with its ending where need be.

    Where another file has the name already, it gets a digest of the path.
    """
    stems = {file: str(Path(file).with_suffix('')) for file in files}
    often = Counter(stems.values())
    names: dict[str, str] = {file: known[file] for file in files if file in known}
    taken = set(known.values())
    for file in files:
        name = safe_name(stems[file] if often[stems[file]] == 1 else file)
        if name in taken:
            name = f'{name}-{hashlib.sha256(file.encode()).hexdigest()[:8]}'
        names.setdefault(file, name)
        taken.add(names[file])
    return [names[file] for file in files]


def file_digest(path: Path) -> str:
    """SHA-256 of a file.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()


def prepare_object(source: SourceMesh, config: DatasetConfig) -> PreparedObject:
    """Repair a mesh, and find out how the object rests on a table.

    All later work loads the stored file, so that one machine and another, and whoever reads the
    dataset, mean the same shape.

    Raises
    ------
    InputError, ObjectError
        As from `load_object` and `settle`.
    """
    start = time.perf_counter()
    digest_of_source = file_digest(source.path) if source.path.is_file() else ''
    mesh, warnings = read_mesh(source.path, scale=config.scale)
    content = mesh.export(file_type='ply', encoding='binary', vertex_normal=False)
    digest = hashlib.sha256(content).hexdigest()
    with tempfile.TemporaryDirectory(prefix='dexgrasp-') as folder:
        path = Path(folder) / 'mesh.ply'
        path.write_bytes(content)
        obj = load_object(path, name=source.name)
    pieces = object_pieces(obj, threshold=config.piece_threshold).pieces
    colors, doubts = _colors(source.path, config.scale)
    middle = time.perf_counter()
    record = {
        'key': object_key(source.name, digest),
        'name': source.name,
        'mesh': digest,
        'license': source.license,
        'source': source.source,
        'file': source.file,
        'file_sha256': digest_of_source,
        'extents': np.ptp(obj.vertices, axis=0).tolist(),
        'mass': obj.mass,
        'warnings': list(dict.fromkeys([*warnings, *obj.warnings, *doubts])),
        'hash': config.digest,
    }
    scenes = {
        'mesh': digest,
        'hash': config.digest,
        'directions': config.directions,
        'scenes': rest_poses(obj, pieces, config),
    }
    seconds = {'repair': middle - start, 'settle': time.perf_counter() - middle}
    return PreparedObject(
        mesh=content, colors=colors, record=record, scenes=scenes, seconds=seconds
    )


def _colors(path: Path, scale: float) -> tuple[bytes | None, list[str]]:
    """Colours of a mesh file, and what is wrong with them: a shape can be grasped without."""
    try:
        return surface_colors(path, scale), []
    except ObjectError as error:
        return None, [str(error)]


def rest_poses(
    obj: ObjectModel, pieces: tuple[NDArray[np.float64], ...], config: DatasetConfig
) -> list[dict[str, Any]]:
    """How an object rests when it is let go from many directions; the most frequent first.

    Returns
    -------
    list
        Of each distinct pose: ``support_plane`` (n, d [4] in the frame of the mesh), ``pose`` of
        the mesh in a world whose table is z = 0 and whose z axis goes through the centre of mass
        [7], ``share`` of the directions that led there, ``at_rest``. Those that did not come to
        rest are left out.
    """
    rests = [
        settle(obj, pieces, up=up) for up in _directions(config.directions)
    ]  # fmt: skip
    planes: list[NDArray[np.float64]] = []
    counts: list[int] = []
    for rest in rests:
        if not rest.at_rest:
            continue
        cosines = [float(rest.support_plane[:3] @ plane[:3]) for plane in planes]
        best = int(np.argmax(cosines)) if cosines else -1
        if best >= 0 and cosines[best] >= np.cos(config.scene_angle):
            counts[best] += 1
        else:
            planes.append(rest.support_plane)
            counts.append(1)
    order = sorted(range(len(planes)), key=lambda k: -counts[k])[: config.max_scenes]
    return [
        {
            'scene': scene,
            'support_plane': planes[k].tolist(),
            'pose': _standing(planes[k], obj.center_of_mass).tolist(),
            'share': counts[k] / len(rests),
            'at_rest': True,
        }
        for scene, k in enumerate(order)
    ]


def _directions(count: int) -> NDArray[np.float64]:
    """Directions [count, 3] spread evenly over the sphere: a Fibonacci lattice."""
    index = np.arange(count)
    height = 1.0 - (2.0 * index + 1.0) / count
    turn = np.pi * (3.0 - np.sqrt(5.0)) * index
    radius = np.sqrt(1.0 - height**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height], axis=1)


def _standing(plane: NDArray[np.float64], center: NDArray[np.float64]) -> NDArray[np.float64]:
    """Pose [7] of the mesh's frame that lays `plane` on z = 0, by the shortest turn."""
    normal, offset = plane[:3], plane[3]
    axis, cosine = np.cross(normal, [0.0, 0.0, 1.0]), normal[2]
    # (axis, 1 + cosine) is the half turn's quaternion, unless the normal points down.
    quaternion = np.append(axis, 1.0 + cosine) if cosine > -1.0 + 1e-9 else [1.0, 0.0, 0.0, 0.0]
    rotation = Rotation.from_quat(quaternion)
    x, y, _ = -rotation.apply(center)
    return np.concatenate([[x, y, offset], rotation.as_quat()])


def _read_table(path: Path) -> dict[str, dict[str, str]]:
    """Rows of a table of objects by their file; none where there is no table."""
    if not path.is_file():
        return {}
    check_file(path, 'table of objects', _TABLE_LIMIT)
    with reading(
        f"'{path}' cannot be read; expected a table with the columns 'file', 'license' and"
        " 'source'"
    ):
        with path.open(newline='', encoding='utf-8-sig') as file:
            return {row['file']: row for row in csv.DictReader(file)}
