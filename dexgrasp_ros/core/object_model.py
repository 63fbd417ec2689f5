"""Objects: as a camera saw them, and as synthesis needs them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SignedDistanceGrid:
    """Signed distance and its gradient at the nodes of a regular grid.

    Node (i, j, k) lies at ``origin + spacing * (i, j, k)``; `values[i, j, k]` is
    (∂φ/∂x, ∂φ/∂y, ∂φ/∂z, φ), φ > 0 outside, in C order (k fastest).
    """

    values: NDArray[np.float32]  # [X, Y, Z, 4], φ in m
    origin: NDArray[np.float64]  # [3] m
    spacing: float  # m


@dataclass(frozen=True, kw_only=True)
class ObjectModel:
    """What the hand is to hold, in the frame of its mesh (metres)."""

    name: str
    vertices: NDArray[np.float64]  # [V, 3] m
    faces: NDArray[np.int64]  # [F, 3], outward by the right-hand rule
    distance: SignedDistanceGrid
    mass: float  # kg
    center_of_mass: NDArray[np.float64]  # [3] m
    inertia: NDArray[np.float64]  # [3, 3] about the centre of mass, kg m^2
    characteristic_length: float  # L that torques are divided by, m
    surface_points: NDArray[np.float32]  # [S, 3] seeded samples of the mesh
    surface_normals: NDArray[np.float32]  # [S, 3] outward
    support_plane: NDArray[np.float64] | None = None  # [4] n, d: free side n·x + d > 0, |n| = 1
    environment: SignedDistanceGrid | None = None  # distance to plane and obstacles together
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ObservedObject:
    """One labelled object of a depth frame, completed to a watertight mesh."""

    label: int
    name: str
    frame_id: str  # all coordinates below are in this frame
    stamp: int  # nanoseconds
    vertices: NDArray[np.float64]  # [V, 3] m
    faces: NDArray[np.int64]  # [F, 3]
    points: NDArray[np.float64]  # [M, 3] cleaned points of the label
    support_plane: NDArray[np.float64] | None = None  # [4] n, d: free side n·x + d > 0, |n| = 1
    obstacles: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 3)))  # [K, 3]
    observed_fraction: float = 0.0  # share of the mesh's area that the camera saw, 0 … 1
    phase_points: dict[str, int] = field(default_factory=dict)  # points left after a phase
    warnings: tuple[str, ...] = ()
    timing: dict[str, float] = field(default_factory=dict)  # seconds for each phase
    view_count: int = 1  # images that it was made from
