"""Ray-cast checks of a mesh against the frame it came from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.perception.view import DepthWindow

# A seen face lies within this of the depth measured at its pixel [m].
_SEEN_DISTANCE = 0.01


class MeshView:
    """A mesh as the camera at the origin sees it; coordinates are the camera's."""

    def __init__(self, vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> None:
        self._o3d = import_open3d()
        self._vertices, self._faces = vertices, faces
        self._scene = self._o3d.t.geometry.RaycastingScene(nthreads=2)
        self._scene.add_triangles(
            self._o3d.core.Tensor(vertices.astype(np.float32)),
            self._o3d.core.Tensor(faces.astype(np.uint32)),
        )

    @property
    def depth_range(self) -> tuple[float, float]:
        """Least and greatest depth of the vertices [m]."""
        return float(self._vertices[:, 2].min()), float(self._vertices[:, 2].max())

    def protrusion(self, window: DepthWindow) -> NDArray[np.float32]:
        """How far [m] the mesh stands before the measured depth, [h, w]; -inf without a hit.

        Only pixels with a measurement are tested.
        """
        result = np.full(window.depth.shape, -np.inf, np.float32)
        mask = np.isfinite(window.depth)
        rays = window.back_project(mask, np.ones_like(window.depth))
        # With directions whose z is 1, the hit distance is the depth.
        result[mask] = window.depth[mask] - self._cast(np.zeros_like(rays), rays)
        return result

    def observed_fraction(self, window: DepthWindow) -> float:
        """Share of the mesh's area that the camera saw."""
        return float(self.areas[self.seen_faces(window)].sum() / self.areas.sum())

    @property
    def areas(self) -> NDArray[np.float64]:
        """Of the faces, [F] m²."""
        corners = self._vertices[self._faces]
        return 0.5 * np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        )

    def seen_faces(self, window: DepthWindow) -> NDArray[np.bool_]:
        """Faces [F] that the camera saw: first on the ray to their centre, and measured there."""
        centers = self._vertices[self._faces].mean(axis=1)
        # Distances in units of the centre's own: the first hit is the face itself at 1.
        first = self._cast(np.zeros_like(centers), centers) > 1.0 - 1e-3
        pixels, z = window.project(centers)
        u, v = np.rint(pixels).astype(int).T
        height, width = window.depth.shape
        inside = (z > 0.0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
        measured = np.full(len(centers), np.nan)
        measured[inside] = window.depth[v[inside], u[inside]]
        with np.errstate(invalid='ignore'):
            return first & (np.abs(measured - z) < _SEEN_DISTANCE)

    def _cast(self, origins: NDArray, directions: NDArray) -> NDArray[np.float32]:
        rays = np.concatenate([origins, directions], axis=1).astype(np.float32)
        return self._scene.cast_rays(self._o3d.core.Tensor(rays))['t_hit'].numpy()
