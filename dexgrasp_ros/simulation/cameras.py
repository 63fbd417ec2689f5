"""Pinhole cameras that cast rays at meshes (Embree through Open3D): no display, no OpenGL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.simulation.bodies import Body, BodyFaces
from dexgrasp_ros.simulation.casters import NO_FACE, Open3dCaster

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

    def directions(
        self, u: NDArray[np.floating] | None = None, v: NDArray[np.floating] | None = None
    ) -> NDArray[np.float32]:
        """World directions [..., 3] through pixel coordinates; z along the optical axis is 1.

        Without coordinates those of all pixels, [H, W, 3].
        """
        if u is None or v is None:
            u, v = np.arange(self.width)[None, :], np.arange(self.height)[:, None]
        x = ((u - self.intrinsics[0, 2]) / self.intrinsics[0, 0]).astype(np.float32)[..., None]
        y = ((v - self.intrinsics[1, 2]) / self.intrinsics[1, 1]).astype(np.float32)[..., None]
        rotation = self.T_world_cam[:3, :3].astype(np.float32)
        return x * rotation[:, 0] + y * rotation[:, 1] + rotation[:, 2]

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
    """What each ray met first; the leading shape is that of the rays."""

    depth: NDArray[np.float32]  # [...] in lengths of the ray's direction, inf where nothing
    body: NDArray[np.int32]  # [...] index of the body, NO_HIT where nothing
    normals: NDArray[np.float32]  # [..., 3] unit, toward the viewer, for shading; else zero
    points: NDArray[np.float32]  # [..., 3] in the world; zero where nothing

    def __getitem__(self, index: object) -> Hits:
        """Hits of some of the rays."""
        return Hits(
            depth=self.depth[index],
            body=self.body[index],
            normals=self.normals[index],
            points=self.points[index],
        )


class RayScene:
    """Bodies, ready for rays.

    Parameters
    ----------
    bodies
        What stands in the scene; `Hits.body` counts them in this order.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        self.bodies = tuple(bodies)
        self._faces = BodyFaces(self.bodies)
        self._caster = Open3dCaster(self._faces.vertices, self._faces.faces)

    def cast(self, camera: PinholeCamera) -> Hits:
        """Cast one ray through every pixel; `Hits.depth` is along the optical axis [m]."""
        return self.trace(camera.eye, camera.directions())

    def trace(self, eye: NDArray[np.float64], directions: NDArray[np.float32]) -> Hits:
        """Follow rays from `eye` [3] along directions [..., 3]."""
        shape = directions.shape[:-1]
        flat = directions.reshape(-1, 3)
        eye = eye.astype(np.float32)
        rays = np.empty((len(flat), 6), dtype=np.float32)
        rays[:, :3], rays[:, 3:] = eye, flat
        found = self._caster.nearest(rays)
        depth, hit = found.depth, np.flatnonzero(found.face != NO_FACE)
        face = found.face[hit]
        body = np.full(len(flat), NO_HIT, dtype=np.int32)
        body[hit] = self._faces.body[face]
        normals, points = np.zeros((2, len(flat), 3), dtype=np.float32)
        # Barycentric: u belongs to the second corner, v to the third.
        u, v = found.uv[hit].T
        weights = np.column_stack([1 - u - v, u, v])
        normal = np.einsum('ij,ijk->ik', weights, self._faces.corner_normals[face])
        # Open meshes have two sides; the one that is seen faces the viewer. The face says which
        # it is: near a silhouette a rounded normal may lean away.
        sign = -np.sign(np.einsum('ij,ij->i', self._faces.normals[face], flat[hit]))
        length = np.sqrt(np.einsum('ij,ij->i', normal, normal))
        normals[hit] = normal * (sign / np.maximum(length, 1e-9))[:, None]
        points[hit] = eye + depth[hit, None] * flat[hit]
        return Hits(
            depth=depth.reshape(shape),
            body=body.reshape(shape),
            normals=normals.reshape(*shape, 3),
            points=points.reshape(*shape, 3),
        )

    def occluded(
        self,
        origins: NDArray[np.floating],
        directions: NDArray[np.floating],
        reach: float = np.inf,
    ) -> NDArray[np.bool_]:
        """Whether anything lies within `reach` [m] of origins [..., 3] along unit directions."""
        rays = np.concatenate(np.broadcast_arrays(origins, directions), axis=-1)
        return self._caster.occluded(np.ascontiguousarray(rays, dtype=np.float32), reach)
