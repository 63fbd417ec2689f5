"""What rays meet in triangles: Embree through Open3D on a CPU, Warp on a CUDA device.

Both answer the same two questions. A ray is a row [origin, direction] of six floats; distances are
in lengths of its direction. `benchmark/render.md` has what each of them takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.kernel_loader import load_kernels
from dexgrasp_ros.core.open3d_loader import import_open3d

NO_FACE = -1


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """What each ray met first: arrays of the device that looked."""

    depth: Any  # float32 [M], inf where nothing
    face: Any  # int32 [M], NO_FACE where nothing
    uv: Any  # float32 [M, 2] weights of the second and third corner


class Caster(Protocol):
    """Triangles, ready for rays; arrays are NumPy's on the CPU, or Warp's of the device."""

    def nearest(self, rays: Any) -> Nearest:
        """First face that each of the rays [M, 6] meets."""

    def occluded(self, rays: Any, reach: float = np.inf) -> Any:
        """Whether anything lies within `reach` of the starts of rays [M, 6], bool or uint8 [M]."""


class Open3dCaster:
    """Embree's ray caster, on the CPU.

    Parameters
    ----------
    vertices
        [V, 3] m.
    faces
        [F, 3].
    """

    def __init__(self, vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> None:
        o3d = import_open3d()
        self._tensor = o3d.core.Tensor.from_numpy  # shares the array's memory
        self._scene = o3d.t.geometry.RaycastingScene()
        self._no_id = self._scene.INVALID_ID
        if len(faces):
            self._scene.add_triangles(
                self._tensor(np.ascontiguousarray(vertices, dtype=np.float32)),
                self._tensor(np.ascontiguousarray(faces, dtype=np.uint32)),
            )

    def nearest(self, rays: Any) -> Nearest:
        """First face that each of the rays [M, 6] meets."""
        answer = self._scene.cast_rays(self._tensor(np.ascontiguousarray(rays)))
        face = answer['primitive_ids'].numpy()
        return Nearest(
            depth=answer['t_hit'].numpy(),
            face=np.where(face == self._no_id, NO_FACE, face.view(np.int32)),
            uv=answer['primitive_uvs'].numpy(),
        )

    def occluded(self, rays: Any, reach: float = np.inf) -> NDArray[np.bool_]:
        """Whether anything lies within `reach` of the starts of rays [M, 6]."""
        rays = self._tensor(np.ascontiguousarray(rays))
        return self._scene.test_occlusions(rays, tfar=reach).numpy()


class WarpCaster:
    """Warp's ray caster, on any of its devices; for the parameters see `Open3dCaster`.

    Parameters
    ----------
    vertices, faces
        As for `Open3dCaster`.
    device
        Of Warp: 'cuda:0'. Rays that are NumPy arrays are copied to it.
    """

    def __init__(
        self, vertices: NDArray[np.floating], faces: NDArray[np.integer], device: str
    ) -> None:
        import warp as wp

        from dexgrasp_ros.kernels import rays  # noqa: F401

        load_kernels(device)
        self._device = device
        self._mesh = wp.Mesh(
            points=wp.array(np.asarray(vertices, dtype=np.float32), dtype=wp.vec3, device=device),
            indices=wp.array(np.asarray(faces, dtype=np.int32).ravel(), dtype=int, device=device),
        )

    def nearest(self, rays: Any) -> Nearest:
        """First face that each of the rays [M, 6] meets."""
        import warp as wp

        from dexgrasp_ros.kernels import rays as kernels

        rays = as_warp(rays, wp.float32, self._device)
        count = rays.shape[0]
        depth = wp.empty(count, dtype=wp.float32, device=self._device)
        face = wp.empty(count, dtype=wp.int32, device=self._device)
        uv = wp.empty(count, dtype=wp.vec2, device=self._device)
        wp.launch(
            kernels.nearest,
            dim=count,
            inputs=[self._mesh.id, rays],
            outputs=[depth, face, uv],
            device=self._device,
        )
        return Nearest(depth=depth, face=face, uv=uv)

    def occluded(self, rays: Any, reach: float = np.inf) -> Any:
        """Whether anything lies within `reach` of the starts of rays [M, 6], uint8 [M]."""
        import warp as wp

        from dexgrasp_ros.kernels import rays as kernels

        rays = as_warp(rays, wp.float32, self._device)
        blocked = wp.empty(rays.shape[0], dtype=wp.uint8, device=self._device)
        wp.launch(
            kernels.occluded,
            dim=rays.shape[0],
            inputs=[self._mesh.id, rays, reach],
            outputs=[blocked],
            device=self._device,
        )
        return blocked


def make_caster(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], device: str = 'cpu'
) -> Caster:
    """Return the faster caster of a device: Open3D's on the CPU, Warp's on CUDA."""
    if device == 'cpu':
        return Open3dCaster(vertices, faces)
    return WarpCaster(vertices, faces, device)


def as_warp(values: Any, dtype: Any, device: str) -> Any:
    """Warp's array of NumPy's, which shares its memory on the CPU; Warp's own as they are."""
    import warp as wp

    if isinstance(values, wp.array):
        return values
    values = values.view(np.uint8) if values.dtype == bool else values
    return wp.array(np.ascontiguousarray(values), dtype=dtype, device=device, copy=False)
