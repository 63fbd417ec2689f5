"""Mass, centre of mass, inertia and characteristic length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, InputError, ObjectError
from dexgrasp_ros.core.object_model import SignedDistanceGrid


@dataclass(frozen=True, kw_only=True)
class MassProperties:
    """A rigid body's inertia in the frame of its mesh."""

    mass: float  # kg
    center: NDArray[np.float64]  # [3] m
    inertia: NDArray[np.float64]  # [3, 3] about the centre, kg m^2


def mass_properties(
    mesh: trimesh.Trimesh, grid: SignedDistanceGrid, *, mass: float | None, density: float
) -> MassProperties:
    """Mass properties of a body of uniform density.

    Volume integrals over the triangles where the mesh is closed, else over the nodes of the grid
    that lie inside.

    Raises
    ------
    InputError
        OUT_OF_RANGE: the mass is not positive.
    ObjectError
        INVALID_MESH: nothing is inside the mesh.
    """
    if mass is not None and not (np.isfinite(mass) and mass > 0):
        raise InputError(f"'mass' is {mass}; expected positive [kg].", ErrorCode.OUT_OF_RANGE)
    if mesh.is_watertight:
        volume, center = float(mesh.volume), np.array(mesh.center_mass)
        inertia = np.array(mesh.moment_inertia) / mesh.density
    else:
        volume, center, inertia = _grid_integrals(grid)
    mass = density * volume if mass is None else float(mass)
    return MassProperties(mass=mass, center=center, inertia=inertia * (mass / volume))


def characteristic_length(mesh: trimesh.Trimesh, center: NDArray[np.float64]) -> float:
    """Root mean square distance of the surface from the centre of mass [m]; a sphere's radius.

    A unit force anywhere on the surface then has, on average, a torque of at most about one unit
    after division by it. Exact: over a triangle with corners a, b, c relative to the centre the
    mean of |x|² is (|a|² + |b|² + |c|² + |a + b + c|²) / 12.
    """
    corners = mesh.triangles - center
    mean = ((corners**2).sum(axis=(1, 2)) + (corners.sum(axis=1) ** 2).sum(axis=1)) / 12
    return float(np.sqrt(np.average(mean, weights=mesh.area_faces)))


def _grid_integrals(
    grid: SignedDistanceGrid,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Volume, centroid and second moment (density 1) of the nodes with φ < 0."""
    points = grid.origin + grid.spacing * np.argwhere(grid.values[..., 3] < 0)
    # Fewer than a cube of 3³ nodes says nothing about a shape.
    if len(points) < 27:
        raise ObjectError(
            'The mesh is open and encloses no volume; close it or give it thickness.'
        )
    volume = len(points) * grid.spacing**3
    center = points.mean(axis=0)
    r = points - center
    moment = (r[:, :, None] * r[:, None, :]).mean(axis=0)
    return volume, center, volume * (np.trace(moment) * np.eye(3) - moment)
