"""The support plane as a disc with a grid of 5 cm that fades into the background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.simulation.bodies import Body
from dexgrasp_ros.simulation.cameras import PinholeCamera

_COLOR = np.array([0.74, 0.73, 0.71], dtype=np.float32)
_LINE_COLOR = np.array([0.56, 0.55, 0.53], dtype=np.float32)
_LINE_SPACING, _LINE_WIDTH = 0.05, 0.0008  # m: the grid is a scale
_FADING = 0.45  # of the radius


@dataclass(frozen=True, kw_only=True)
class Table:
    """A disc in the support plane."""

    body: Body
    center: NDArray[np.float64]  # [3] m
    axes: NDArray[np.float64]  # [2, 3] unit, in the plane
    radius: float  # m

    @classmethod
    def under(
        cls,
        points: NDArray[np.float64],
        plane: NDArray[np.float64] | None,
        camera: PinholeCamera,
    ) -> Table | None:
        """Lay a disc under points [M, 3]; None without a plane, or where it is seen from below."""
        if plane is None or camera.eye @ plane[:3] + plane[3] <= 0:
            return None
        normal, offset = plane[:3], plane[3]
        center = (points.min(axis=0) + points.max(axis=0)) / 2
        center = center - (center @ normal + offset) * normal
        radius = 1.5 * float(np.linalg.norm(points - center, axis=1).max())
        side = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
        side /= np.linalg.norm(side)
        axes = np.vstack([side, np.cross(normal, side)])
        k = np.arange(96)
        angle = 2 * np.pi * k / 96
        rim = center + radius * np.column_stack([np.cos(angle), np.sin(angle)]) @ axes
        faces = np.column_stack([np.zeros_like(k), 1 + k, 1 + (k + 1) % 96])
        body = Body(vertices=np.vstack([center, rim]), faces=faces)
        return cls(body=body, center=center, axes=axes, radius=radius)

    def paint(
        self, points: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Colours [M, 3] and cover [M], which falls to 0 at the rim, of points on the disc."""
        flat = (points - self.center) @ self.axes.T
        gap = np.abs((flat / _LINE_SPACING + 0.5) % 1 - 0.5).min(axis=1) * _LINE_SPACING
        line = np.clip(1.5 - 2 * gap / _LINE_WIDTH, 0, 1)[:, None]
        fade = np.clip((1 - np.linalg.norm(flat, axis=1) / self.radius) / _FADING, 0, 1)
        colors = _COLOR + line.astype(np.float32) * (_LINE_COLOR - _COLOR)
        return colors, (fade * fade * (3 - 2 * fade)).astype(np.float32)
