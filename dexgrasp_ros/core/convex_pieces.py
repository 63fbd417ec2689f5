"""Convex pieces of a mesh, by CoACD, kept on disk because they take seconds to make."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.cores import thread_count
from dexgrasp_ros.core.disk_cache import load_arrays, store_arrays
from dexgrasp_ros.core.errors import ObjectError
from dexgrasp_ros.core.progress import StopCallback, check_stop
from dexgrasp_ros.core.workers import Failure, WorkerPool

_FOLDER = 'convex_pieces'
# The concavity that CoACD's authors use (Wei et al. 2022), relative to the mesh scaled to 2 units.
FINE = 0.05
LEAST_VOLUME = 1e-12  # m^3, a cube of 0.1 mm; flatter pieces touch nothing and upset engines


def convex_pieces(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    *,
    threshold: float = FINE,
    random_seed: int = 0,
    cache: Path | None = None,
    should_stop: StopCallback | None = None,
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
        Absolute path of a folder for results; default: one in the user's cache folder.
    should_stop
        Asked often while the mesh is cut, which takes half a second to minutes.

    Returns
    -------
    list
        Corners of each piece's hull, [V_i, 3] m; pieces without volume are left out.

    Raises
    ------
    ObjectError
        INVALID_MESH: no piece has a volume, or the mesh cannot be cut.
    SynthesisError
        CANCELLED.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    faces = np.asarray(faces, dtype=np.int64)
    folder = _FOLDER if cache is None else cache
    key = (version('coacd'), threshold, random_seed, vertices, faces)
    pieces = _unpack(load_arrays(folder, key))
    if pieces is None:
        pieces = _decompose((vertices, faces, threshold, random_seed), should_stop)
        if pieces:
            store_arrays(folder, key, _pack(pieces))
    if not pieces:
        raise ObjectError('The mesh has no convex piece of any volume; expected a solid.')
    return pieces


def hull_volume(points: NDArray[np.float64]) -> float:
    """Volume of the convex hull of points [M, 3]; 0 where they are flat."""
    # Here, since commands that only name a threshold import this module as well.
    from scipy.spatial import ConvexHull, QhullError

    try:
        return float(ConvexHull(points).volume)
    except (QhullError, ValueError):
        return 0.0


def _decompose(
    task: tuple[NDArray, NDArray, float, int], should_stop: StopCallback | None
) -> list[NDArray[np.float64]]:
    """Cut in a process of its own, which can be ended: CoACD does not return for minutes.

    That costs 0.2 s. Here, it would also keep Open3D from being loaded after it.
    """
    threads = {'OMP_NUM_THREADS': str(thread_count())}
    with WorkerPool(f'{__name__}:cut', processes=1, environment=threads) as pool:
        pool.submit(task, float('inf'))
        while pool.pending:
            check_stop(should_stop)
            for _, parts in pool.answers():
                if isinstance(parts, Failure):
                    raise ObjectError(
                        f'The mesh cannot be cut into convex pieces: {parts.message}'
                    )
                return [points for points in parts if hull_volume(points) > LEAST_VOLUME]
    return []


def cut(task: tuple[NDArray, NDArray, float, int]) -> list[NDArray[np.float64]]:
    """Corners of the convex pieces that CoACD finds: vertices, faces, threshold, seed."""
    import coacd

    vertices, faces, threshold, random_seed = task
    coacd.set_log_level('error')
    mesh = coacd.Mesh(vertices, faces.astype(np.int32))
    parts = coacd.run_coacd(mesh, threshold=threshold, seed=random_seed)
    return [np.asarray(points, dtype=np.float64) for points, _ in parts]


def _pack(pieces: list[NDArray[np.float64]]) -> dict[str, NDArray]:
    """Pieces as flat arrays."""
    return {
        'points': np.concatenate(pieces),
        'starts': np.cumsum([len(p) for p in pieces])[:-1],
    }


def _unpack(arrays: dict[str, NDArray] | None) -> list[NDArray[np.float64]] | None:
    """Pieces of flat arrays; None where there are none."""
    return None if arrays is None else np.split(arrays['points'], arrays['starts'])
