"""All channels of a camera's image from one cast of rays: depth, labels, normals and colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.kernel_loader import load_kernels
from dexgrasp_ros.core.poses import invert, pose_to_matrix, transform_points
from dexgrasp_ros.simulation.appearance import MAX_LAMPS, WHITE, Appearance, Lamp, Material
from dexgrasp_ros.simulation.bodies import Body, BodyFaces
from dexgrasp_ros.simulation.cameras import PinholeCamera
from dexgrasp_ros.simulation.casters import as_warp, make_caster
from dexgrasp_ros.simulation.visibility import ray_sets


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a camera sees; every array is [H, W] or [H, W, 3]."""

    rgb: NDArray[np.uint8]  # sRGB
    depth: NDArray[np.float32]  # m along the optical axis, inf where nothing
    labels: NDArray[np.uint8]  # of the bodies, 0 where nothing
    normals: NDArray[np.uint8]  # 128 + 127 n, n in the camera's frame; 128 where nothing


class ImageRenderer:
    """A scene, ready for pictures; it keeps its triangles, textures and lights on a device.

    Parameters
    ----------
    bodies
        What rays meet; their labels are less than 256.
    appearance
        How they look and are lit.
    occluders
        Which of them, by index, throw shadows; default: all.
    device
        'cpu', where Embree casts the rays, or a CUDA device of Warp, where all work is done.
    """

    def __init__(
        self,
        bodies: Sequence[Body],
        appearance: Appearance,
        *,
        occluders: Sequence[int] | None = None,
        device: str = 'cpu',
    ) -> None:
        import warp as wp

        from dexgrasp_ros.kernels import rays, shading  # noqa: F401

        load_kernels(device)
        self._device, self._appearance = device, appearance
        faces = BodyFaces(bodies)
        self._caster = make_caster(faces.vertices, faces.faces, device)
        throwing = BodyFaces(bodies if occluders is None else [bodies[k] for k in occluders])
        self._shadow_caster = make_caster(throwing.vertices, throwing.faces, device)

        def upload(values: Any, dtype: Any) -> Any:
            return wp.array(np.asarray(values), dtype=dtype, device=device)

        self._face_body = upload(faces.body, wp.int32)
        self._face_normals = upload(faces.normals, wp.vec3)
        self._corner_normals = upload(faces.corner_normals, wp.vec3)
        self._surfaces = wp.array(
            [_surface(b, m) for b, m in zip(bodies, appearance.materials, strict=True)],
            dtype=_surface_type(),
            device=device,
        )
        self._painted = {k: body for k, body in enumerate(bodies) if body.paint is not None}
        self._textures = upload(appearance.textures, wp.vec3)
        black = [(0.0, 0.0, 0.0)] * (MAX_LAMPS - len(appearance.lamps))
        lamps = appearance.lamps
        up = (0.0, 0.0, 1.0)
        self._toward = upload([up, *(lamp.toward for lamp in lamps), *black], wp.vec3)
        self._colors = upload([appearance.sky, *(lamp.color for lamp in lamps), *black], wp.vec3)
        hemisphere, disc = ray_sets(1)
        self._hemisphere = upload(hemisphere[:, 0], wp.vec3)
        self._disc = upload(disc[:, 0], wp.vec2)

    def render(self, camera: PinholeCamera) -> Image:
        """Take one image; its arrays are on the host."""
        import warp as wp

        from dexgrasp_ros.kernels import rays as ray_kernels
        from dexgrasp_ros.kernels import shading

        count, width, height = camera.width * camera.height, camera.width, camera.height
        rotation = wp.mat33(*camera.T_world_cam[:3, :3].ravel())
        k = camera.intrinsics
        rays = self._empty((count, 6), wp.float32)
        lens = wp.vec4(k[0, 0], k[1, 1], k[0, 2], k[1, 2])
        self._launch(
            ray_kernels.camera_rays, count, [wp.vec3(*camera.eye), rotation, lens, width], [rays]
        )
        found = self._caster.nearest(rays)
        depth = as_warp(found.depth, wp.float32, self._device)
        body, normal = self._empty(count, wp.int32), self._empty(count, wp.vec3)
        self._launch(
            shading.resolve,
            count,
            [
                rays,
                as_warp(found.face, wp.int32, self._device),
                as_warp(found.uv, wp.vec2, self._device),
                self._face_body,
                self._face_normals,
                self._corner_normals,
            ],
            [body, normal],
        )
        rgb = self._shade(rays, camera, depth, body, normal)
        labels, normals = self._empty(count, wp.uint8), self._empty((count, 3), wp.uint8)
        self._launch(
            shading.encode, count, [body, normal, self._surfaces, rotation], [labels, normals]
        )
        return Image(
            rgb=rgb.numpy().reshape(height, width, 3),
            depth=depth.numpy().reshape(height, width),
            labels=labels.numpy().reshape(height, width),
            normals=normals.numpy().reshape(height, width, 3),
        )

    def _shade(self, rays: Any, camera: PinholeCamera, depth: Any, body: Any, normal: Any) -> Any:
        """Bytes of RGB [M, 3] of what rays [M, 6] met."""
        import warp as wp

        from dexgrasp_ros.kernels import shading

        count, size = rays.shape[0], [camera.width, camera.height]
        hidden = self._hidden(rays, camera.width, depth, normal)
        light, rgb = self._empty(count, wp.vec3), self._empty((count, 3), wp.uint8)
        self._launch(
            shading.shade,
            count,
            [
                rays,
                *size,
                depth,
                body,
                normal,
                self._surfaces,
                self._textures,
                self._toward,
                self._colors,
                wp.vec3(*self._appearance.bounce),
                hidden,
            ],
            [light],
        )
        if self._painted:
            light = self._paint(light, rays, depth, body)
        self._launch(shading.develop, count, [light, *size], [rgb])
        return rgb

    def _paint(self, light: Any, rays: Any, depth: Any, body: Any) -> Any:
        """Light [M] with the colours of bodies that have their own; their texture is `WHITE`."""
        import warp as wp

        seen, where, far, of = (a.numpy() for a in (light, rays, depth, body))
        for index, painted in self._painted.items():
            own = np.flatnonzero(of == index)
            if not len(own):
                continue
            places = where[own, :3] + far[own, None] * where[own, 3:]
            if painted.pose is not None:
                places = transform_points(invert(painted.pose), places)
            seen[own] *= painted.paint.at(places) / np.float32(WHITE)
        return wp.array(seen, dtype=wp.vec3, device=self._device)

    def _hidden(self, rays: Any, width: int, depth: Any, normal: Any) -> Any:
        """Which lights are hidden from each pixel's point, a bit for each, uint8 [M]."""
        import warp as wp

        from dexgrasp_ros.kernels import rays as kernels
        from dexgrasp_ros.kernels import shading

        count, lit = rays.shape[0], [rays, depth, normal]
        hidden = wp.zeros(count, dtype=wp.uint8, device=self._device)
        toward = self._empty((count, 6), wp.float32)

        def note(light: int, reach: float) -> None:
            blocked = self._shadow_caster.occluded(toward, reach)
            blocked = as_warp(blocked, wp.uint8, self._device)
            self._launch(shading.note_blocked, count, [blocked, light], [hidden])

        self._launch(kernels.sky_rays, count, [*lit, self._hemisphere, width], [toward])
        note(0, self._appearance.sky_reach)
        for k, lamp in enumerate(self._appearance.lamps, start=1):
            matrix = wp.mat33(*_lamp_matrix(lamp).ravel())
            self._launch(kernels.light_rays, count, [*lit, self._disc, matrix, width], [toward])
            note(k, np.inf)
        return hidden

    def _launch(self, kernel: Any, count: int, inputs: list[Any], outputs: list[Any]) -> None:
        import warp as wp

        wp.launch(kernel, dim=count, inputs=inputs, outputs=outputs, device=self._device)

    def _empty(self, shape: int | tuple[int, ...], dtype: Any) -> Any:
        import warp as wp

        return wp.empty(shape, dtype=dtype, device=self._device)


def _surface_type() -> Any:
    from dexgrasp_ros.kernels.shading import Surface

    return Surface


def _surface(body: Body, material: Material) -> Any:
    import warp as wp

    surface = _surface_type()()
    to_body = np.eye(4) if body.pose is None else pose_to_matrix(invert(body.pose))
    surface.label = body.label
    surface.rotation = wp.mat33(*to_body[:3, :3].ravel())
    surface.shift = wp.vec3(*to_body[:3, 3])
    surface.texture, surface.tile = material.texture, material.tile
    surface.gloss, surface.highlight = material.gloss, material.highlight
    return surface


def _lamp_matrix(lamp: Lamp) -> NDArray[np.float64]:
    """Columns: to the lamp's centre, and two across as long as its radius [3, 3]."""
    side = np.cross(lamp.toward, np.eye(3)[np.abs(lamp.toward).argmin()])
    side *= lamp.radius / np.linalg.norm(side)
    return np.column_stack([lamp.toward, side, np.cross(lamp.toward, side)])
