"""Mesh files that a URDF names: relative, file:// and package:// without an ament index."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np

if TYPE_CHECKING:
    import trimesh

_LARGE = 2.0  # m; no link of a hand is so long, but one in millimetres seems to be
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
        the URDF and in those above it.
        """
        scheme, separator, rest = filename.partition('://')
        if not separator:
            return self._first([Path(filename)])
        if scheme == 'file':
            return self._first([Path(rest), Path(unquote(rest))])
        if scheme not in _PACKAGE_SCHEMES:
            return None
        package, _, inside = rest.partition('/')
        for folder in self._package_folders(package):
            found = _existing(folder / inside)
            if found is not None:
                return found
        return self._first([Path(rest), Path(inside)])

    def load(self, filename: str, scale: object = None) -> trimesh.Trimesh:
        """Triangles of a mesh file [m] with its unit and the URDF's scale.

        Raises
        ------
        MeshError
            There is no such file, or no triangles in it.
        """
        path = self.find(filename)
        if path is None:
            where = 'which has no folder' if self._base_folder is None else self._base_folder
            raise MeshError(
                f'there is no such file, seen from the description ({where}) and the folders '
                f'above it{self._neighbours(filename)}'
            )
        if path not in self._meshes:
            self._meshes[path] = _read(path)
        found = self._meshes[path]
        if isinstance(found, str):
            raise MeshError(found)
        mesh = found.copy()
        if scale is not None:
            factors = np.broadcast_to(np.asarray(scale, dtype=np.float64), 3)
            mesh.vertices *= factors
            if np.prod(factors) < 0.0:
                mesh.invert()
        if mesh.extents.max() > _LARGE:
            line = f"the mesh '{filename}' is {mesh.extents.max():.3g} m long; is its scale right?"
            if line not in self._warnings:
                self._warnings.append(line)
        return mesh

    def _first(self, names: list[Path]) -> Path | None:
        """First of some names that is there, absolute or upward from the URDF."""
        for name in names:
            if name.is_absolute() and _existing(name) is not None:
                return _existing(name)
        for folder in self._folders():
            for name in names:
                found = None if name.is_absolute() else _existing(folder / name)
                if found is not None:
                    return found
        return None

    def _folders(self) -> tuple[Path, ...]:
        """Folder of the URDF and those above it."""
        base = self._base_folder
        return () if base is None else (base, *base.parents)

    def _package_folders(self, package: str) -> Iterator[Path]:
        """Folders that may be a package's, the surest first."""
        for prefix in filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)):
            yield Path(prefix) / 'share' / package
        for root in filter(None, os.environ.get('ROS_PACKAGE_PATH', '').split(os.pathsep)):
            yield Path(root) / package
        for folder in self._folders():
            if folder.name == package or _package_name(folder) == package:
                yield folder
            yield folder / package
        # Beside the URDF's own package, under another folder name: two levels are a workspace.
        for folder in self._folders()[:4]:
            for description in sorted(folder.glob('*/package.xml')):
                if _package_name(description.parent) == package:
                    yield description.parent

    def _neighbours(self, filename: str) -> str:
        """Say which mesh files stand where this one is missing."""
        suffixes = {'.stl', '.obj', '.dae', '.glb', '.gltf', '.ply'}
        parent = filename.partition('://')[2] or filename
        for folder in self._folders():
            for part in (Path(parent).parent, Path(parent.partition('/')[2]).parent):
                if part != Path('.') and not part.is_absolute() and (folder / part).is_dir():
                    names = [p.name for p in (folder / part).iterdir()]
                    there = sorted(n for n in names if Path(n).suffix.lower() in suffixes)
                    return f"; in '{folder / part}' there are {', '.join(there) or 'none'}"
        return ''


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


def _package_name(folder: Path) -> str | None:
    """Name in a folder's package.xml."""
    try:
        return (ElementTree.parse(folder / 'package.xml').findtext('name') or '').strip()
    except (OSError, ElementTree.ParseError):
        return None


def _read(path: Path) -> trimesh.Trimesh | str:
    """Triangles of a file in metres, or why there are none.

    COLLADA states its unit, which counts; its up axis does not, as everywhere in ROS.
    """
    import trimesh

    try:
        mesh = trimesh.load(path, file_type=path.suffix[1:].lower(), force='mesh')
    except Exception as error:  # Every format has its own reader, with its own exceptions.
        return f"'{path}' cannot be read ({error or type(error).__name__})"
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        return f"'{path}' holds no triangles"
    if not np.isfinite(mesh.vertices).all():
        return f"'{path}' has vertices that are not finite"
    if path.suffix.lower() == '.dae':
        mesh.apply_scale(_unit(mesh.units))
    return mesh


def _unit(units: str | None) -> float:
    """Metres in a unit as trimesh names it for COLLADA: ``meters`` or ``0.001 * meters``."""
    number, star, _ = (units or '').partition('*')
    return float(number) if star else 1.0
