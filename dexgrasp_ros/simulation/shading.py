"""Light on what rays hit: from all around, from a sun above, and from the viewer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.simulation.cameras import NO_HIT, Hits, PinholeCamera, RayScene
from dexgrasp_ros.simulation.visibility import Visibility


@dataclass(frozen=True, kw_only=True)
class Light:
    """How a picture is lit; a white surface that faces the sun gets about 1."""

    ambient: float = setting(0.50, '1', 'from all around', 0.0, 4.0)
    sun: float = setting(0.50, '1', 'from above, behind the left shoulder', 0.0, 4.0)
    headlight: float = setting(0.18, '1', 'from the viewer', 0.0, 4.0)
    highlight: float = setting(0.10, '1', 'mirrored sun (Blinn-Phong)', 0.0, 1.0)
    reach: float = setting(0.12, 'm', 'farther things darken no corner', 0.001, 10.0)
    sun_size: float = setting(0.12, 'rad', 'softness of shadows', 0.0, 1.0)
    ray_count: int = setting(8, '1', 'for each pixel of the coarse image', 1, 256)

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        check_ranges(self)


class Shader:
    """Colours hits of one scene that one camera sees.

    Parameters
    ----------
    occluders
        What throws shadows.
    hits
        Of the camera's whole image, every second pixel along each axis.
    camera
        The camera.
    up
        Where the sky is, unit [3].
    light
        How bright.
    """

    step = 2  # pixels along each side of one pixel of the coarse image

    def __init__(
        self,
        occluders: RayScene,
        hits: Hits,
        camera: PinholeCamera,
        *,
        up: NDArray[np.float64],
        light: Light,
    ) -> None:
        self._light, self._up = light, up.astype(np.float32)
        right, back = camera.T_world_cam[:3, 0], -camera.T_world_cam[:3, 2]
        sun = 1.3 * up - 0.6 * right + 0.5 * back  # high, from the left, behind the viewer
        sun /= np.linalg.norm(sun)
        self._sun, self._eye = sun.astype(np.float32), camera.eye.astype(np.float32)
        self._visibility = Visibility(
            occluders,
            hits,
            sun=sun,
            sun_size=light.sun_size,
            reach=light.reach,
            ray_count=light.ray_count,
        )

    def shade(
        self,
        row: NDArray[np.floating],
        column: NDArray[np.floating],
        hits: Hits,
        colors: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Linear RGB [M, 3] of hits [M] at pixel coordinates [M], all of which hit something."""
        light, normals = self._light, hits.normals
        sky, sunny = self._visibility.at(row / self.step, column / self.step, hits)
        eye = _unit(self._eye - hits.points)
        facing = np.clip(_dot(normals, eye), 0, 1)
        direct = light.sun * sunny * np.clip(normals @ self._sun, 0, 1)
        # More light comes from above than from below.
        around = light.ambient * sky * (0.8 + 0.2 * (normals @ self._up))
        gloss = np.clip(_dot(normals, _unit(eye + self._sun)), 0, 1) ** 40 * sunny
        diffuse = direct + around + light.headlight * facing
        return colors * diffuse[:, None] + light.highlight * gloss[:, None]


def render_colors(scene: RayScene, hits: Hits, camera: PinholeCamera) -> NDArray[np.uint8]:
    """Colour image of a camera, sRGB [H, W, 3], black where nothing was hit; z is up."""
    shader = Shader(
        scene,
        hits[:: Shader.step, :: Shader.step],
        camera,
        up=np.array([0.0, 0.0, 1.0]),
        light=Light(),
    )
    row, column = np.nonzero(hits.body != NO_HIT)
    seen = hits[row, column]
    colors = np.array([b.color for b in scene.bodies], dtype=np.float32).reshape(-1, 3)
    image = np.zeros((*hits.body.shape, 3), dtype=np.uint8)
    image[row, column] = to_display(shader.shade(row, column, seen, colors[seen.body]))
    return image


def to_display(linear: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Encode linear RGB as sRGB bytes (IEC 61966-2-1)."""
    # A table, since powers of millions of pixels are slow; 4096 steps are finer than a byte's.
    x = np.linspace(0, 1, 4097)
    code = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    table = (255 * code + 0.5).astype(np.uint8)
    return table[(4096 * np.clip(linear, 0, 1) + 0.5).astype(np.int16)]


def _dot(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.einsum('ij,ij->i', a, b)


def _unit(v: NDArray[np.float32]) -> NDArray[np.float32]:
    return v / np.maximum(np.sqrt(_dot(v, v)), 1e-9)[:, None]
