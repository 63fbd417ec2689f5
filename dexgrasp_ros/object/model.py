"""From a mesh to the object that synthesis works with."""

from __future__ import annotations

import functools
import hashlib
import weakref
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.device_memory import device_memory
from dexgrasp_ros.core.object_model import ObjectModel, SignedDistanceGrid
from dexgrasp_ros.core.progress import StopCallback, check_stop
from dexgrasp_ros.object.config import ObjectConfig
from dexgrasp_ros.object.distance_grid import build_distance_grid
from dexgrasp_ros.object.environment import build_environment_grid, check_plane
from dexgrasp_ros.object.mass import characteristic_length, mass_properties
from dexgrasp_ros.object.mesh import MeshSource, read_mesh
from dexgrasp_ros.object.surface import point_count, sample_surface


@device_memory()
def load_object(
    mesh: MeshSource,
    *,
    name: str = '',
    scale: float = 1.0,
    mass: float | None = None,
    support_plane: ArrayLike | None = None,
    obstacles: ArrayLike | None = None,
    config: ObjectConfig | None = None,
    should_stop: StopCallback | None = None,
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
    should_stop
        Asked between the steps.

    Raises
    ------
    InputError
        FILE_NOT_FOUND, WRONG_SHAPE or OUT_OF_RANGE.
    ObjectError
        INVALID_MESH.
    SynthesisError
        CANCELLED.
    DeviceError
        OUT_OF_MEMORY.
    """
    config = config or ObjectConfig()
    plane = check_plane(support_plane)
    solid, warnings = read_mesh(mesh, scale=scale)
    check_stop(should_stop)
    distance, points, normals = _measured(_Shape.of(solid), config)
    check_stop(should_stop)
    body = mass_properties(solid, distance, mass=mass, density=config.density)
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


@dataclass(frozen=True)
class _Shape:
    """A mesh that equals every other one with the same corners and triangles."""

    digest: bytes
    mesh: weakref.ref[trimesh.Trimesh] = field(compare=False)  # not kept alive by what is cached

    @classmethod
    def of(cls, mesh: trimesh.Trimesh) -> _Shape:
        content = hashlib.sha256(np.array(mesh.vertices).tobytes())
        content.update(np.array(mesh.faces).tobytes())
        return cls(content.digest(), weakref.ref(mesh))


# One object is asked for several times in a row: again, with another hand, beside other obstacles.
# What takes long, half a second or more, is kept of the newest six, those of a frame; 64 MB each
# at most.
@functools.lru_cache(maxsize=6)
def _measured(
    shape: _Shape, config: ObjectConfig
) -> tuple[SignedDistanceGrid, NDArray[np.float32], NDArray[np.float32]]:
    """Distance grid of a mesh, points on it [S, 3] and their normals [S, 3]; not to be changed."""
    mesh = shape.mesh()
    distance = build_distance_grid(mesh, config)
    count = config.surface_point_count or point_count(mesh.area, config.surface_point_spacing)
    points, normals = sample_surface(mesh, count, config.random_seed)
    for shared in (distance.values, points, normals):
        shared.flags.writeable = False
    return distance, points, normals
