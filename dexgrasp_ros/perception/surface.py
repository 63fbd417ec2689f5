"""What one view says about an object: its front surface, its silhouette, and free space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import ConvexHull, QhullError

from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.view import DepthWindow

# The filtered surface stays within this of each measurement that lies behind it [m].
_FILTER_REACH = 0.003
# A hole of the mask in which more pixels than this see through is a real hole (a mug's handle).
_OPEN_HOLE_SHARE = 0.1
# A gap between parts of the object is hidden when something nearer covers this share of it.
_COVERED_SHARE = 0.5
# Blur of the silhouette [px]: its signed distance then varies smoothly across pixel corners.
_SILHOUETTE_BLUR = 1.0


@dataclass(frozen=True, kw_only=True)
class SeenSurface:
    """Images from which any point in space can be judged: in front, behind, or beside.

    Distances are positive where the point is outside the object, in metres.
    """

    window: DepthWindow
    images: NDArray[np.float32]  # [h, w, 3] depth of the front, its obliqueness, silhouette [px]
    background: NDArray[np.float32]  # [h, w] depth measured beside the object; -inf: not known

    def shadow(self, points: NDArray[np.float32]) -> tuple[NDArray, NDArray]:
        """Signed distance [M] to all that the front surface hides, and to its front alone."""
        front, side, _, _ = self._judge(points)
        return np.maximum(front, side), front

    def free(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance [M] into the space seen to be empty; negative where that is not known."""
        front, side, pixels, z = self._judge(points)
        height, width = self.background.shape
        u, v = np.rint(pixels).astype(np.int32).T
        inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
        behind = np.full(len(points), -np.inf, np.float32)
        behind[inside] = self.background[v[inside], u[inside]] - z[inside]
        return np.maximum(front, np.minimum(side, behind))

    def _judge(self, points: NDArray[np.float32]) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        pixels, z = self.window.project(points)
        depth, cosine, silhouette = _bilinear(self.images, pixels).T
        side = silhouette * (z / np.float32(self.window.focal.mean()))
        return (depth - z) * cosine, side, pixels, z


def observe_surface(
    window: DepthWindow, mask: NDArray[np.bool_], config: ReconstructionConfig
) -> SeenSurface:
    """Filter the depth of the cleaned pixels `mask` and mend what is hidden between them.

    Holes without a measurement, and what an occluder hides between parts of the object, are
    filled by linear interpolation of inverse depth (exact for planes). Holes through which the
    camera saw something farther stay open.
    """
    depth = _smooth(np.where(mask, window.depth, 0.0).astype(np.float32), config)
    depth = np.where(mask, np.fmax(depth, window.depth - _FILTER_REACH), 0.0)
    filled = _hidden_pixels(window, mask, depth, config.edge_step)
    if filled.any():
        depth = np.where(filled, _interpolate(depth, mask, filled), depth)
    mask = mask | filled

    distance, nearest = ndimage.distance_transform_edt(~mask, return_indices=True)
    silhouette = distance - ndimage.distance_transform_edt(mask)
    depth = depth[tuple(nearest)]
    known = np.isfinite(window.depth) & ~mask
    silhouette = ndimage.gaussian_filter(silhouette, _SILHOUETTE_BLUR)
    # Blurring must not pull a pixel inside that the camera saw to lie beside the object.
    silhouette = np.where(known, np.maximum(silhouette, 0.5), silhouette)
    images = np.stack(
        [
            depth,
            _obliqueness(depth, window.focal),
            silhouette,
        ],
        axis=-1,
    )
    return SeenSurface(
        window=window,
        images=images.astype(np.float32),
        background=np.where(known, window.depth, -np.inf).astype(np.float32),
    )


def _smooth(depth: NDArray[np.float32], config: ReconstructionConfig) -> NDArray[np.float32]:
    """Bilateral filter; zeros do not mix in, being far more than a step away."""
    o3d = import_open3d()
    size = 2 * int(np.ceil(1.5 * config.smoothing)) + 1
    image = o3d.t.geometry.Image(o3d.core.Tensor(np.ascontiguousarray(depth)))
    return image.filter_bilateral(size, config.edge_step, config.smoothing).as_tensor().numpy()[
        ..., 0
    ]


def _obliqueness(depth: NDArray, focal: NDArray) -> NDArray:
    """Cosine of the angle between ray and surface normal (the small angle of the ray left out).

    It turns the distance along the ray into the distance to the surface's tangent plane.
    """
    dv, du = np.gradient(ndimage.gaussian_filter(depth, 1.0))
    slope = (du * focal[0] / depth) ** 2 + (dv * focal[1] / depth) ** 2
    return 1.0 / np.sqrt(1.0 + slope)


def _hidden_pixels(
    window: DepthWindow, mask: NDArray[np.bool_], depth: NDArray, step: float
) -> NDArray[np.bool_]:
    """Pixels that do not show the object although it is probably there."""
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    expected = depth[tuple(nearest)]
    with np.errstate(invalid='ignore'):
        seen_through = window.depth > expected + step
        covered = window.depth < expected - step
    holes, count = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    if count:
        share = ndimage.mean(seen_through, holes, index=np.arange(count + 1))
        hidden = (holes > 0) & (share[holes] <= _OPEN_HOLE_SHARE) & ~seen_through
    else:
        hidden = np.zeros_like(mask)
    if (covered & ~mask).any():
        # Shadows of the sensor, without a measurement, lie along the occluder's edge.
        gaps, count = ndimage.label(_inside_hull(mask) & ~mask & ~hidden & ~seen_through)
        share = ndimage.mean(covered, gaps, index=np.arange(count + 1))
        hidden |= (gaps > 0) & (share[gaps] >= _COVERED_SHARE)
    return hidden


def _inside_hull(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels within the convex hull of `mask`."""
    try:
        hull = ConvexHull(np.argwhere(mask))
    except QhullError:  # all pixels on one line
        return mask
    v, u = np.indices(mask.shape)
    inside = np.ones_like(mask)
    for a, b, c in hull.equations:
        inside &= a * v + b * u + c <= 0.0
    return inside


def _interpolate(depth: NDArray, mask: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> NDArray:
    """Depth image with the `wanted` pixels interpolated from the mask's pixels beside them."""
    rim = mask & ndimage.binary_dilation(~mask)
    sites, targets = np.argwhere(rim), np.argwhere(wanted)
    values = LinearNDInterpolator(sites, 1.0 / depth[rim])(targets)
    result = depth.copy()
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    fallback = depth[tuple(nearest)][wanted]
    result[wanted] = np.where(np.isfinite(values), 1.0 / values, fallback)
    return result


def _bilinear(images: NDArray[np.float32], pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values [M, C] of images [h, w, C] at pixels (u, v) [M, 2], clamped to the border."""
    height, width, channels = images.shape
    u = np.clip(pixels[:, 0], 0.0, width - 1.001)
    v = np.clip(pixels[:, 1], 0.0, height - 1.001)
    column, row = u.astype(np.int32), v.astype(np.int32)
    fu, fv = (u - column)[:, None], (v - row)[:, None]
    flat = images.reshape(-1, channels)
    index = row * width + column
    upper = flat[index] * (1.0 - fu) + flat[index + 1] * fu
    lower = flat[index + width] * (1.0 - fu) + flat[index + width + 1] * fu
    return upper * (1.0 - fv) + lower * fv
