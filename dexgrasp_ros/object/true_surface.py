"""An object's mesh itself, where a search sees a grid and points."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.object.distance import MeshDistance

_SAMPLES = 20_000  # 2 mm^2 each on a can of 0.04 m^2


class TrueSurface:
    """Exact distance to an object's mesh, and dense samples of it.

    Parameters
    ----------
    obj
        From `load_object`.
    """

    def __init__(self, obj: ObjectModel) -> None:
        mesh = trimesh.Trimesh(obj.vertices, obj.faces, process=False)
        self.distance = MeshDistance(obj.vertices, obj.faces, closed=mesh.is_watertight)
        samples, _ = trimesh.sample.sample_surface(mesh, _SAMPLES, seed=0)
        self.samples = np.asarray(samples)  # [S, 3] m
        self.area_each = float(mesh.area) / len(self.samples)  # m^2

    @cached_property
    def tree(self) -> cKDTree:
        """Finds samples near a place."""
        return cKDTree(self.samples)
