"""Pinhole cameras that cast rays at meshes (Embree through Open3D): no display, no OpenGL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.simulation.bodies import Body, corner_normals

NO_HIT = -1  # body index of a ray that hits nothing


@dataclass(frozen=True, kw_only=True)
class PinholeCamera:
    """Where a camera stands and how it projects.

    Optical frame: x right, y down, z forward. Pixel (u, v), centres at integers, looks along
    ``((u - cx) / fx, (v - cy) / fy, 1)``.
    """

    width: int
    height: int
    intrinsics: NDArray[np.float64]  # [3, 3]
    T_world_cam: NDArray[np.float64]  # [4, 4]

    @classmethod
    def looking_at(
        cls,
        eye: ArrayLike,
        target: ArrayLike,
        *,
        up: ArrayLike = (0.0, 0.0, 1.0),
        width: int = 640,
        height: int = 480,
        field_of_view: float = 0.6,
    ) -> PinholeCamera:
        """Place a camera at `eye` [m]; `field_of_view` is the smaller of the two angles [rad]."""
        eye, target, up = (np.asarray(v, dtype=np.float64) for v in (eye, target, up))
        forward = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross(forward, up)
        if np.linalg.norm(right) < 1e-6:  # looking along `up`: any other direction will do
            right = np.cross(forward, np.eye(3)[np.abs(forward).argmin()])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3] = np.column_stack([right, np.cross(forward, right), forward, eye])
        focal = 0.5 * min(width, height) / np.tan(field_of_view / 2)
        intrinsics = np.array(
            [[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1.0]]
        )
        return cls(width=width, height=height, intrinsics=intrinsics, T_world_cam=pose)

    @property
    def eye(self) -> NDArray[np.float64]:
        """Position in the world [3] m."""
        return self.T_world_cam[:3, 3]

    def supersampled(self, factor: int) -> PinholeCamera:
        """Return the same view with `factor` times the pixels along each axis."""
        intrinsics = self.intrinsics.copy()
        intrinsics[:2] *= factor
        # Pixel u becomes the pixels factor·u … factor·u + factor − 1.
        intrinsics[:2, 2] += (factor - 1) / 2
        return PinholeCamera(
            width=self.width * factor,
            height=self.height * factor,
            intrinsics=intrinsics,
            T_world_cam=self.T_world_cam,
        )

    def directions(self) -> NDArray[np.float32]:
        """World directions of all pixels, [H, W, 3]; z along the optical axis is 1."""
        u = (np.arange(self.width) - self.intrinsics[0, 2]) / self.intrinsics[0, 0]
        v = (np.arange(self.height) - self.intrinsics[1, 2]) / self.intrinsics[1, 1]
        rotation = self.T_world_cam[:3, :3].astype(np.float32)
        x = u.astype(np.float32)[None, :, None] * rotation[:, 0]
        y = v.astype(np.float32)[:, None, None] * rotation[:, 1]
        return x + y + rotation[:, 2]

    def project(self, points: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixel coordinates (u, v) [M, 2] of world points [M, 3], and their depth z [M]."""
        rotation = self.T_world_cam[:3, :3]
        local = (np.asarray(points, dtype=np.float64) - self.eye) @ rotation
        z = local[:, 2]
        with np.errstate(divide='ignore', invalid='ignore'):
            pixels = local[:, :2] / z[:, None]
        return pixels * np.diag(self.intrinsics)[:2] + self.intrinsics[:2, 2], z


@dataclass(frozen=True, kw_only=True)
class Hits:
    """What each pixel's ray met first."""

    depth: NDArray[np.float32]  # [H, W] m along the optical axis, inf where nothing
    body: NDArray[np.int32]  # [H, W] index of the body, NO_HIT where nothing
    normals: NDArray[np.float32]  # [H, W, 3] unit, in the world, for shading
    points: NDArray[np.float32]  # [H, W, 3] in the world; not finite where nothing


class RayScene:
    """Bodies, ready for rays.

    Parameters
    ----------
    bodies
        What stands in the scene; `Hits.body` counts them in this order.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        o3d = import_open3d()
        self._tensor = o3d.core.Tensor
        self._scene = o3d.t.geometry.RaycastingScene()
        self._no_id = self._scene.INVALID_ID
        self.bodies = tuple(bodies)
        self._corner_normals = [corner_normals(b) for b in bodies]
        for body in bodies:
            self._scene.add_triangles(
                self._tensor(np.ascontiguousarray(body.posed_vertices(), dtype=np.float32)),
                self._tensor(np.ascontiguousarray(body.faces, dtype=np.uint32)),
            )

    def cast(self, camera: PinholeCamera) -> Hits:
        """Cast one ray through every pixel."""
        directions = camera.directions()
        eye = np.broadcast_to(camera.eye.astype(np.float32), directions.shape)
        rays = np.concatenate([eye, directions], axis=-1)
        answer = self._scene.cast_rays(self._tensor(rays))
        depth = answer['t_hit'].numpy()
        ids = answer['geometry_ids'].numpy()
        body = np.where(ids == self._no_id, NO_HIT, ids.astype(np.int64)).astype(np.int32)
        normals = self._interpolate(
            body, answer['primitive_ids'].numpy(), answer['primitive_uvs'].numpy()
        )
        with np.errstate(invalid='ignore'):
            points = eye + depth[..., None] * directions
        # Open meshes have two sides; the one that is seen faces the camera.
        away = (normals * directions).sum(axis=-1) > 0
        normals[away] *= -1
        return Hits(depth=depth, body=body, normals=normals, points=points)

    def occluded(
        self, origins: NDArray[np.floating], directions: NDArray[np.floating], reach: float
    ) -> NDArray[np.bool_]:
        """Whether anything lies within `reach` [m] of origins [..., 3] along unit directions."""
        rays = np.concatenate(np.broadcast_arrays(origins, directions), axis=-1)
        rays = self._tensor(np.ascontiguousarray(rays, dtype=np.float32))
        return self._scene.test_occlusions(rays, tfar=reach).numpy()

    def _interpolate(
        self, body: NDArray[np.int32], face: NDArray[np.uint32], uv: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Shading normals at barycentric coordinates (u of the second corner, v of the third)."""
        normals = np.zeros((*body.shape, 3), dtype=np.float32)
        for k, corners in enumerate(self._corner_normals):
            hit = np.nonzero(body == k)
            if len(hit[0]) == 0:
                continue
            at = corners[face[hit]]
            u, v = uv[hit].T
            value = (1 - u - v)[:, None] * at[:, 0] + u[:, None] * at[:, 1] + v[:, None] * at[:, 2]
            normals[hit] = value / np.maximum(np.linalg.norm(value, axis=1, keepdims=True), 1e-9)
        return normals
