"""Halves in place of convex pieces that coacd would search for: for whole hands, a minute less."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import QhullError

from dexgrasp_ros.hand import pieces
from dexgrasp_ros.hand.polytope import Polytope, simple_hull


@contextlib.contextmanager
def rough_pieces(cache: Path) -> Iterator[None]:
    """Cut each collision mesh in two, across its longest side; results go to `cache` alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(cache))
        patch.setattr(pieces, '_decompose', halves)
        yield


def halves(mesh: trimesh.Trimesh) -> list[Polytope]:
    """Hulls of the corners on both sides of the middle."""
    axis = np.argmax(mesh.extents)
    beyond = mesh.vertices[:, axis] > mesh.bounds[:, axis].mean()
    try:
        return [simple_hull(mesh.vertices[side]) for side in (beyond, ~beyond)]
    except (QhullError, ValueError):
        return [simple_hull(mesh.vertices)]
