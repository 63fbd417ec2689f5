"""An object as convex pieces, which physics engines need, and how much they swell it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.convex_pieces import FINE, convex_pieces, hull_volume
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.progress import StopCallback


@dataclass(frozen=True, kw_only=True)
class ObjectPieces:
    """Convex pieces in the frame of the object's mesh."""

    pieces: tuple[NDArray[np.float64], ...]  # corners of each, [V_i, 3] m
    volume_ratio: float  # volumes of the pieces / volume of the mesh; NaN for an open mesh


def object_pieces(
    obj: ObjectModel,
    *,
    threshold: float = FINE,
    random_seed: int = 0,
    cache: Path | None = None,
    should_stop: StopCallback | None = None,
) -> ObjectPieces:
    """Cut an object's mesh into convex pieces.

    Parameters
    ----------
    obj
        The object.
    threshold, random_seed, cache, should_stop
        As for `core.convex_pieces.convex_pieces`.

    Returns
    -------
    ObjectPieces
        A ratio well above 1 says that a hollow was filled: nothing fits into that cup any more.

    Raises
    ------
    ObjectError
        INVALID_MESH: no piece has a volume, or the mesh cannot be cut.
    SynthesisError
        CANCELLED.
    """
    pieces = convex_pieces(
        obj.vertices,
        obj.faces,
        threshold=threshold,
        random_seed=random_seed,
        cache=cache,
        should_stop=should_stop,
    )
    mesh = trimesh.Trimesh(obj.vertices, obj.faces, process=False)
    volume = float(mesh.volume) if mesh.is_watertight else np.nan
    return ObjectPieces(pieces=tuple(pieces), volume_ratio=sum(map(hull_volume, pieces)) / volume)
