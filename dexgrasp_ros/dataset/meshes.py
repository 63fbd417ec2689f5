"""The meshes that a dataset holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, ObjectError


def read_stored_mesh(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read vertices [V, 3] m and faces [F, 3], as they were written.

    Raises
    ------
    ObjectError
        FILE_NOT_FOUND; INVALID_MESH: it cannot be read.
    """
    import trimesh

    if not path.is_file():
        raise ObjectError(f"The mesh '{path}' is not in the dataset.", ErrorCode.FILE_NOT_FOUND)
    try:
        mesh = trimesh.load_mesh(path, process=False)
        return np.array(mesh.vertices, dtype=np.float64), np.array(mesh.faces, dtype=np.int64)
    # A damaged file makes its reader raise anything.
    except Exception as error:
        raise ObjectError(
            f"The mesh '{path}' of the dataset cannot be read: {type(error).__name__}: {error}."
        ) from error
