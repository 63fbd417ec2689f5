"""Objects: mesh → `ObjectModel` with signed-distance grid, mass properties and surface points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dexgrasp_ros.core.lazy import lazy_names

if TYPE_CHECKING:
    from dexgrasp_ros.object.config import ObjectConfig
    from dexgrasp_ros.object.convex_pieces import ObjectPieces, object_pieces
    from dexgrasp_ros.object.distance import sample_distance
    from dexgrasp_ros.object.distance_grid import build_distance_grid
    from dexgrasp_ros.object.environment import build_environment_grid
    from dexgrasp_ros.object.mesh import read_mesh
    from dexgrasp_ros.object.model import load_object

__all__ = [
    'ObjectConfig',
    'ObjectPieces',
    'build_distance_grid',
    'build_environment_grid',
    'load_object',
    'object_pieces',
    'read_mesh',
    'sample_distance',
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        'config': ('ObjectConfig',),
        'convex_pieces': ('ObjectPieces', 'object_pieces'),
        'distance': ('sample_distance',),
        'distance_grid': ('build_distance_grid',),
        'environment': ('build_environment_grid',),
        'mesh': ('read_mesh',),
        'model': ('load_object',),
    },
)
