"""Mesh files that a URDF names, as exporters of all systems write them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import numpy as np

from dexgrasp_ros.core.errors import ObjectError
from dexgrasp_ros.core.mesh_files import load_mesh
from dexgrasp_ros.hand.packages import package_folders

if TYPE_CHECKING:
    import trimesh

# m; no link of a hand is longer or shorter, but one in millimetres, or scaled by 0.001 twice, is.
_LARGE = 2.0
_SMALL = 5e-4
_HUGE = 1e6  # m; beyond it volumes and distances overflow
_PACKAGE_SCHEMES = ('package', 'model')


class MeshError(Exception):
    """A mesh file is missing or cannot be used; the message says why."""


class MeshFinder:
    """Finds and reads the mesh files of one URDF, each once.

    Parameters
    ----------
    base_folder
        Folder of the URDF; None for a text that came without one.
    warnings
        Gets a line about each mesh of a size that no hand has.
    """

    def __init__(self, base_folder: Path | None, warnings: list[str]) -> None:
        self._base_folder = base_folder
        self._warnings = warnings
        self._meshes: dict[Path, trimesh.Trimesh | str] = {}

    def find(self, filename: str) -> Path | None:
        """Path of a mesh file, or None.

        ``package://name/rest`` is sought, first where ament and ROS 1 have packages, then from
        the folder of the URDF upward: in a folder of that name, in one whose ``package.xml`` has
        that name, and last as ``rest`` alone. Other relative names are sought in the folder of
        the URDF and in those above it, and so are those with a leading slash that are not there
        (SolidWorks's exporter writes ``/meshes/x.stl``). What is not there as it is written is
        sought without percent escapes, and with slashes for backslashes.
        """
        found = map(self._as_written, _spellings(filename))
        return next((path for path in found if path is not None), None)

    def _as_written(self, filename: str) -> Path | None:
        scheme, rest = _scheme(filename)
        if scheme in ('', 'file'):
            return self._first([Path(rest)])
        if scheme not in _PACKAGE_SCHEMES:
            return None
        package, _, inside = rest.lstrip('/').partition('/')
        for folder in package_folders(package, self._folders()):
            found = _existing(folder / inside)
            if found is not None:
                return found
        return self._first([Path(package, inside), Path(inside)])

    def load(self, filename: str, scale: object = None) -> trimesh.Trimesh:
        """Triangles of a mesh file [m] with its unit and the URDF's scale.

        Raises
        ------
        MeshError
            There is no such file, no triangles in it, or they reach too far.
        """
        mesh = self._read(filename).copy()
        if scale is not None:
            factors = np.broadcast_to(np.asarray(scale, dtype=np.float64), 3)
            mesh.vertices *= factors
            if np.prod(factors) < 0.0:
                mesh.invert()
        if not mesh.extents.max() <= _HUGE:
            raise MeshError(f'it is {mesh.extents.max():.3g} m long; expected {_HUGE:g} m at most')
        if not _SMALL < mesh.extents.max() < _LARGE:
            line = f"the mesh '{filename}' is {mesh.extents.max():.3g} m long; is its scale right?"
            if line not in self._warnings:
                self._warnings.append(line)
        return mesh

    def _read(self, filename: str) -> trimesh.Trimesh:
        """Triangles as the file has them, from memory where they were read before."""
        path = self.find(filename)
        if path is None:
            where = 'which has no folder' if self._base_folder is None else self._base_folder
            raise MeshError(
                f'there is no such file, seen from the description ({where}) and the folders '
                f'above it{self._neighbours(filename)}'
            )
        if path not in self._meshes:
            self._meshes[path] = _triangles(path)
        found = self._meshes[path]
        if isinstance(found, str):
            raise MeshError(found)
        return found

    def _first(self, names: list[Path]) -> Path | None:
        """First of some names that is there, absolute or upward from the URDF."""
        for name in names:
            if name.is_absolute() and _existing(name) is not None:
                return _existing(name)
        for folder in self._folders():
            for name in names:
                found = _existing(folder / name.relative_to(name.anchor))
                if found is not None:
                    return found
        return None

    def _folders(self) -> tuple[Path, ...]:
        """Folder of the URDF and those above it."""
        base = self._base_folder
        return () if base is None else (base, *base.parents)

    def _neighbours(self, filename: str) -> str:
        """Say which mesh files stand where this one is missing."""
        suffixes = {'.stl', '.obj', '.dae', '.glb', '.gltf', '.ply'}
        inside = _scheme(_spellings(filename)[-1])[1].lstrip('/')
        for folder in self._folders():
            for part in (Path(inside).parent, Path(inside.partition('/')[2]).parent):
                if part != Path('.') and (folder / part).is_dir():
                    names = [p.name for p in (folder / part).iterdir()]
                    there = sorted(n for n in names if Path(n).suffix.lower() in suffixes)
                    return f"; in '{folder / part}' there are {', '.join(there) or 'none'}"
        return ''


def _spellings(filename: str) -> list[str]:
    """Ways to read a file's name, as it stands first and with all its escapes resolved last."""
    name = filename.strip()
    slashed = name.replace('\\', '/')
    return list(dict.fromkeys((name, unquote(name), slashed, unquote(slashed))))


def _scheme(filename: str) -> tuple[str, str]:
    """Scheme of a URI and what follows it; no scheme for a path. One letter is a drive's."""
    match = re.match(r'([A-Za-z][A-Za-z0-9+.-]+):(?://)?', filename)
    return (match[1].lower(), filename[match.end() :]) if match else ('', filename)


def _existing(path: Path) -> Path | None:
    """Return the file, or one whose extension differs from it in case only."""
    for suffix in dict.fromkeys((path.suffix, path.suffix.lower(), path.suffix.upper())):
        candidate = path.with_suffix(suffix) if suffix else path
        try:
            if candidate.is_file():
                return candidate
        except OSError:  # a name that the system does not allow
            return None
    return None


def _triangles(path: Path) -> trimesh.Trimesh | str:
    """Triangles of a file in metres, or why there are none.

    COLLADA states its unit, which counts; its up axis does not, as everywhere in ROS.
    """
    try:
        mesh = load_mesh(path)
    except ObjectError as error:
        return str(error).rstrip('.')
    if not np.isfinite(mesh.vertices).all():
        return f"'{path}' has vertices that are not finite"
    if path.suffix.lower() == '.dae':
        mesh.apply_scale(_unit(mesh.units))
    return mesh


def _unit(units: str | None) -> float:
    """Metres in a unit as trimesh names it for COLLADA: ``meters`` or ``0.001 * meters``."""
    number, star, _ = (units or '').partition('*')
    return float(number) if star else 1.0
