"""Light on what rays hit: a headlight, a sun with soft shadows, and light from all around.

The share of the surroundings that a point sees (ambient occlusion) and of the sun are found with
a few any-hit rays for each pixel of a coarser image, a different set in each pixel of a 4 x 4
tile, and then averaged over a tile where depth and normal agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import check_ranges, setting
from dexgrasp_ros.simulation.cameras import NO_HIT, Hits, PinholeCamera, RayScene

_TILE = 4


@dataclass(frozen=True, kw_only=True)
class Light:
    """How a picture is lit; intensities add up to about 1 on a white surface."""

    ambient: float = setting(0.50, '1', 'from all around', 0.0, 4.0)
    sun: float = setting(0.50, '1', 'from above, behind the left shoulder', 0.0, 4.0)
    headlight: float = setting(0.18, '1', 'from the camera', 0.0, 4.0)
    highlight: float = setting(0.10, '1', 'mirrored sun (Blinn-Phong, exponent 40)', 0.0, 1.0)
    reach: float = setting(0.12, 'm', 'farther things darken no corner', 0.001, 10.0)
    sun_size: float = setting(0.12, 'rad', 'softness of shadows', 0.0, 1.0)
    rays: int = setting(6, '1', 'for each pixel of the coarse image', 1, 256)
    coarseness: int = setting(1, '1', 'pixels along each side of one coarse pixel', 1, 8)

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        check_ranges(self)


def shade(
    scene: RayScene,
    hits: Hits,
    camera: PinholeCamera,
    *,
    colors: NDArray[np.float32] | None = None,
    up: NDArray[np.float64] | None = None,
    light: Light | None = None,
) -> NDArray[np.float32]:
    """Colour every pixel, linear RGB [H, W, 3]; pixels without a hit stay black.

    Parameters
    ----------
    scene, hits, camera
        What was hit, in which scene, from where.
    colors
        [H, W, 3] linear surface colours; default: those of the bodies.
    up
        Where the sky is [3], unit; default: z.
    light
        How bright.
    """
    light = light or Light()
    up = np.array([0.0, 0.0, 1.0]) if up is None else up
    if colors is None:
        table = np.array([*(b.color for b in scene.bodies), (0, 0, 0)], dtype=np.float32)
        colors = table[hits.body]
    sun = sun_direction(camera, up)
    open_sky, open_sun = _visibility(scene, hits, camera, sun, light)
    eye = camera.eye.astype(np.float32) - np.where(np.isfinite(hits.points), hits.points, 0)
    eye /= np.maximum(np.linalg.norm(eye, axis=-1, keepdims=True), 1e-9)
    normals = hits.normals
    facing = np.clip((normals * eye).sum(axis=-1), 0, 1)
    lit = np.clip(normals @ sun.astype(np.float32), 0, 1) * open_sun
    # More light comes from above than from below.
    sky = 0.8 + 0.2 * (normals @ up.astype(np.float32))
    diffuse = light.ambient * open_sky * sky + light.sun * lit + light.headlight * facing
    half = eye + sun.astype(np.float32)
    half /= np.linalg.norm(half, axis=-1, keepdims=True)
    gloss = np.clip((normals * half).sum(axis=-1), 0, 1) ** 40 * open_sun
    image = colors * diffuse[..., None] + (light.highlight * gloss)[..., None]
    image[hits.body == NO_HIT] = 0
    return image.astype(np.float32)


def sun_direction(camera: PinholeCamera, up: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector to the sun: high, from the left and behind the camera."""
    right, back = camera.T_world_cam[:3, 0], -camera.T_world_cam[:3, 2]
    sun = 1.3 * up - 0.6 * right + 0.5 * back
    return sun / np.linalg.norm(sun)


def to_display(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Encode linear RGB as sRGB bytes (IEC 61966-2-1)."""
    x = np.clip(image, 0, 1)
    x = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return (255 * x + 0.5).astype(np.uint8)


def _visibility(
    scene: RayScene,
    hits: Hits,
    camera: PinholeCamera,
    sun: NDArray[np.float64],
    light: Light,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Open share of sky and sun at every pixel, [H, W]; 1 where nothing was hit."""
    height, width = hits.body.shape
    step = light.coarseness
    coarse = np.s_[step // 2 :: step, step // 2 :: step]
    body, normals, points = hits.body[coarse], hits.normals[coarse], hits.points[coarse]
    row, column = np.nonzero(body != NO_HIT)
    normal = normals[row, column]
    # Start clear of the facet's own triangles: shading normals stand above flat facets.
    lift = 1e-3 * hits.depth[coarse][row, column, None]
    origin = points[row, column] + lift * normal
    tangent, bitangent = _frames(normal)
    cell = _TILE * (row % _TILE) + column % _TILE
    sky, sunny = np.zeros((2, len(row)), dtype=np.float32)
    directions, offsets = _ray_sets(light.rays)
    side, over = (v.astype(np.float32) for v in _perpendicular(sun))
    for k in range(light.rays):
        local = directions[cell, k]
        world = local[:, :1] * tangent + local[:, 1:2] * bitangent + local[:, 2:] * normal
        sky += ~scene.occluded(origin, world, light.reach)
        shift = light.sun_size * offsets[cell, k]
        toward = sun.astype(np.float32) + shift[:, :1] * side + shift[:, 1:] * over
        sunny += ~scene.occluded(origin, toward, np.inf)
    images = []
    for share in (sky, sunny):
        image = np.ones(body.shape, dtype=np.float32)
        image[row, column] = share / light.rays
        smooth = _tile_mean(image, body, normals, hits.depth[coarse])
        full = np.repeat(np.repeat(smooth, step, axis=0), step, axis=1)
        pad = [(0, max(0, height - full.shape[0])), (0, max(0, width - full.shape[1]))]
        images.append(np.pad(full, pad, mode='edge')[:height, :width])
    return images[0], images[1]


def _tile_mean(
    image: NDArray[np.float32],
    body: NDArray[np.int32],
    normals: NDArray[np.float32],
    depth: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Mean over the 4 x 4 pixels around each one that belong to the same surface."""
    total, weight = np.zeros_like(image), np.zeros_like(image)
    reach = range(-(_TILE // 2), _TILE // 2)
    for dy in reach:
        for dx in reach:
            near, here = _overlap(dy, image.shape[0]), _overlap(dx, image.shape[1])
            a, b = (near[0], here[0]), (near[1], here[1])
            with np.errstate(invalid='ignore'):
                same = (body[a] == body[b]) & (np.abs(depth[a] - depth[b]) < 0.02 * depth[a])
            same &= (normals[a] * normals[b]).sum(axis=-1) > 0.8
            total[a] += np.where(same, image[b], 0)
            weight[a] += same
    return np.where(weight > 0, total / np.maximum(weight, 1), image)


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """Slices of an axis and of the same axis moved by `shift`, where both exist."""
    if shift < 0:
        return slice(-shift, size), slice(0, size + shift)
    return slice(0, size - shift), slice(shift, size)


def _ray_sets(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Directions over the hemisphere and offsets on a disc, a set for each cell of a tile.

    All sets together are one Hammersley sequence, dealt out so that neighbours differ most.
    """
    total = _TILE**2 * count
    index = np.arange(total)
    first = (index + 0.5) / total
    second = (index * 0.6180339887) % 1  # golden ratio: evenly spread for any prefix
    # Cosine-weighted (Malley): a disc lifted to the hemisphere.
    r, angle = np.sqrt(first), 2 * np.pi * second
    disc = np.column_stack([r * np.cos(angle), r * np.sin(angle)])
    directions = np.column_stack([disc, np.sqrt(1 - first)])
    order = np.argsort(np.arange(_TILE**2) * 7 % _TILE**2)
    return (
        directions.reshape(count, _TILE**2, 3).swapaxes(0, 1)[order].astype(np.float32),
        disc.reshape(count, _TILE**2, 2).swapaxes(0, 1)[order].astype(np.float32),
    )


def _frames(normal: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two unit vectors across each normal [M, 3] (Duff et al. 2017)."""
    x, y, z = normal.T
    sign = np.where(z < 0, -1, 1).astype(np.float32)
    a = -1 / (sign + z)
    b = x * y * a
    tangent = np.column_stack([1 + sign * x * x * a, sign * b, -sign * x])
    return tangent, np.column_stack([b, sign + y * y * a, -y])


def _perpendicular(v: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tangent, bitangent = _frames(v[None].astype(np.float32))
    return tangent[0].astype(np.float64), bitangent[0].astype(np.float64)
