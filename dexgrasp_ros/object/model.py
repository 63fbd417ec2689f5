"""From a mesh to the object that synthesis works with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.object.config import ObjectConfig
from dexgrasp_ros.object.distance_grid import build_distance_grid
from dexgrasp_ros.object.environment import build_environment_grid, check_plane
from dexgrasp_ros.object.mass import characteristic_length, mass_properties
from dexgrasp_ros.object.mesh import MeshSource, read_mesh
from dexgrasp_ros.object.surface import point_count, sample_surface


def load_object(
    mesh: MeshSource,
    *,
    name: str = '',
    scale: float = 1.0,
    mass: float | None = None,
    support_plane: ArrayLike | None = None,
    obstacles: ArrayLike | None = None,
    config: ObjectConfig | None = None,
) -> ObjectModel:
    """Make an `ObjectModel` from a mesh.

    Parameters
    ----------
    mesh
        Path of an ``.obj``, ``.stl``, ``.ply`` or ``.glb`` in metres, of a ``.dae`` or ``.3mf`` in
        the unit that it states, or (vertices [V, 3], faces [F, 3]). Open meshes are repaired where
        possible; `warnings` of the result says what was done.
    name
        For people; default: the file's name.
    scale
        Multiplies all coordinates; 0.001 for a mesh in millimetres whose file does not say so.
    mass
        [kg]; default: volume times the configuration's density.
    support_plane
        What the object stands on, in the mesh's frame: n, d with the free side n·x + d > 0, [4].
    obstacles
        Points of other things, in the mesh's frame [m], shape [K, 3].
    config
        Resolution, sampling and default density.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, WRONG_SHAPE or OUT_OF_RANGE.
    ObjectError
        INVALID_MESH.
    """
    config = config or ObjectConfig()
    plane = check_plane(support_plane)
    solid, warnings = read_mesh(mesh, scale=scale)
    distance = build_distance_grid(solid, config)
    body = mass_properties(solid, distance, mass=mass, density=config.density)
    count = config.surface_point_count or point_count(solid.area, config.surface_point_spacing)
    points, normals = sample_surface(solid, count, config.random_seed)
    return ObjectModel(
        name=name or (Path(mesh).stem if isinstance(mesh, str | Path) else 'object'),
        vertices=np.array(solid.vertices, dtype=np.float64),
        faces=np.array(solid.faces, dtype=np.int64),
        distance=distance,
        mass=body.mass,
        center_of_mass=body.center,
        inertia=body.inertia,
        characteristic_length=characteristic_length(solid, body.center),
        surface_points=points,
        surface_normals=normals,
        support_plane=plane,
        environment=build_environment_grid(
            distance, np.array(solid.bounds), plane, obstacles, config
        ),
        warnings=tuple(warnings),
    )
