"""Mesh files that a URDF names: relative, file:// and package:// without an ament index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import trimesh


class MeshFinder:
    """Finds and reads the mesh files of one URDF.

    Parameters
    ----------
    base_folder
        Folder of the URDF; None for a text that came without one.
    """

    def __init__(self, base_folder: Path | None) -> None:
        self._base_folder = base_folder

    def find(self, filename: str) -> Path | None:
        """Path of a mesh file, or None.

        ``package://name/rest`` is sought as ``name/rest`` and as ``rest`` in the folder of the
        URDF and in every folder above it; other relative names likewise, as they stand.
        """
        scheme, separator, rest = filename.partition('://')
        if not separator:
            names = [filename]
        elif scheme in ('package', 'model'):
            names = [rest, rest.partition('/')[2]]
        elif scheme == 'file':
            names = [rest]
        else:
            return None
        for name in filter(None, names):
            if Path(name).is_absolute() and Path(name).is_file():
                return Path(name)
        if self._base_folder is None:
            return None
        for folder in (self._base_folder, *self._base_folder.parents):
            for name in filter(None, names):
                if (folder / name).is_file():
                    return folder / name
        return None

    def load(self, filename: str, scale: object = None) -> trimesh.Trimesh | None:
        """Triangles of a mesh file with the URDF's scale, or None where there are none."""
        import trimesh

        path = self.find(filename)
        if path is None:
            return None
        try:
            mesh = trimesh.load(path, file_type=path.suffix[1:].lower(), force='mesh')
        except Exception:  # Every format has its own reader, with its own exceptions.
            return None
        if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
            return None
        if scale is not None:
            mesh.apply_scale(np.broadcast_to(np.asarray(scale, dtype=np.float64), 3))
        return mesh
