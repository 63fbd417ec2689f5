"""The meshes that a dataset holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, ObjectError
from dexgrasp_ros.core.mesh_files import load_mesh


def read_stored_mesh(path: Path) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Read vertices [V, 3] m and faces [F, 3], as they were written.

    Raises
    ------
    ObjectError
        FILE_NOT_FOUND; INVALID_MESH: it cannot be read.
    """
    if not path.is_file():
        raise ObjectError(f"The mesh '{path}' is not in the dataset.", ErrorCode.FILE_NOT_FOUND)
    mesh = load_mesh(path, process=False)
    if not np.isfinite(mesh.vertices).all():
        raise ObjectError(f"The mesh '{path}' of the dataset has vertices that are not finite.")
    return np.array(mesh.vertices, dtype=np.float64), np.array(mesh.faces, dtype=np.int64)
