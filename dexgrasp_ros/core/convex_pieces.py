"""Convex pieces of a mesh, by CoACD, kept on disk because they take seconds to make."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from dexgrasp_ros.core.archive import read_archive
from dexgrasp_ros.core.errors import InputError, ObjectError

# The concavity that CoACD's authors use (Wei et al. 2022), relative to the mesh scaled to 2 units.
FINE = 0.05
_LEAST_VOLUME = 1e-12  # m^3, a cube of 0.1 mm; flatter pieces touch nothing and upset engines


def convex_pieces(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    *,
    threshold: float = FINE,
    random_seed: int = 0,
    cache: Path | None = None,
) -> list[NDArray[np.float64]]:
    """Cut a mesh into convex pieces that together cover it.

    Parameters
    ----------
    vertices, faces
        The mesh, [V, 3] m and [F, 3].
    threshold
        Concavity that a piece may have; finer is slower and gives more pieces.
    random_seed
        Start of CoACD's random search.
    cache
        Folder of results; default: `cache_folder`. A folder that cannot be written is ignored.

    Returns
    -------
    list
        Corners of each piece's hull, [V_i, 3] m; pieces without volume are left out.

    Raises
    ------
    ObjectError
        INVALID_MESH: no piece has a volume.
    """
    folder = cache_folder() if cache is None else cache
    file = folder / f'{_digest(vertices, faces, threshold, random_seed)}.npz'
    pieces = _read(file)
    if pieces is None:
        pieces = _decompose(vertices, faces, threshold, random_seed)
        _write(file, pieces)
    if not pieces:
        raise ObjectError('The mesh has no convex piece of any volume; expected a solid.')
    return pieces


def cache_folder() -> Path:
    """Folder for what can be made again: below ``XDG_CACHE_HOME``, else ``~/.cache``."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'dexgrasp_ros' / 'convex_pieces'


def hull_volume(points: NDArray[np.float64]) -> float:
    """Volume of the convex hull of points [M, 3]; 0 where they are flat."""
    try:
        return float(ConvexHull(points).volume)
    except (QhullError, ValueError):
        return 0.0


def _decompose(
    vertices: NDArray, faces: NDArray, threshold: float, random_seed: int
) -> list[NDArray[np.float64]]:
    import coacd

    coacd.set_log_level('error')
    mesh = coacd.Mesh(np.asarray(vertices, dtype=np.float64), np.asarray(faces, dtype=np.int32))
    try:
        parts = coacd.run_coacd(mesh, threshold=threshold, seed=random_seed)
    except RuntimeError as error:
        raise ObjectError(f'The mesh cannot be cut into convex pieces: {error}') from error
    corners = [np.asarray(points, dtype=np.float64) for points, _ in parts]
    return [points for points in corners if hull_volume(points) > _LEAST_VOLUME]


def _digest(vertices: NDArray, faces: NDArray, threshold: float, random_seed: int) -> str:
    """Name of a result: everything that it depends on."""
    text = f'{version("coacd")} {threshold!r} {random_seed} {np.shape(vertices)} {np.shape(faces)}'
    digest = hashlib.sha256(text.encode())
    digest.update(np.ascontiguousarray(vertices, dtype=np.float64).tobytes())
    digest.update(np.ascontiguousarray(faces, dtype=np.int64).tobytes())
    return digest.hexdigest()[:32]


def _read(file: Path) -> list[NDArray[np.float64]] | None:
    """Pieces of an earlier run; None where there are none, or the file is damaged."""
    try:
        data = read_archive(file, 'convex pieces', ('points', 'starts'))
        return np.split(data['points'].reshape(-1, 3), data['starts'])
    except (InputError, ValueError, TypeError):
        return None


def _write(file: Path, pieces: list[NDArray[np.float64]]) -> None:
    """Write beside the target and rename, so that nobody ever reads half a file."""
    if not pieces:
        return
    starts = np.cumsum([len(p) for p in pieces])[:-1]
    # A full disk or a folder that cannot be written costs time at the next start, nothing else.
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, suffix='.part')
        try:
            with os.fdopen(handle, 'wb') as part:
                np.savez_compressed(part, points=np.concatenate(pieces), starts=starts)
            Path(name).replace(file)
        finally:
            Path(name).unlink(missing_ok=True)
