"""What one view says about an object: its front surface, its silhouette, and free space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
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
# Rounds of relaxation in holes: they converge within the square root of this, in pixels.
_RELAXATIONS = 60
# Blur before normals are taken [px]: steps of 1 mm and pixels of 1 mm make raw ones worthless.
_NORMAL_BLUR = 3.0
# Pixels along an edge where a sensor fails: its correlation window, or grazing incidence.
_RIM = 4.0
# Blur of the silhouette [px]: its signed distance then varies smoothly across pixel corners.
_SILHOUETTE_BLUR = 1.0
# Points that are looked up at once: what they need in between fits into a core's cache.
_CHUNK = 16384


@dataclass(frozen=True, kw_only=True)
class SeenSurface:
    """Images from which any point in space can be judged: in front, behind, or beside.

    Distances are positive where the point is outside the object, in metres.
    """

    window: DepthWindow
    images: NDArray[np.float32]  # [h, w, 4] front's depth, obliqueness, step; silhouette [px]
    normals: NDArray[np.float32]  # [h, w, 3] of the front, toward the camera
    background: NDArray[np.float32]  # [h, w] depth measured beside the object; -inf: not known

    def behind(
        self, points: NDArray[np.float32], thickness: float
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Signed distances [M] to all that the front hides, and to a shell along its normals.

        Along the rays of the camera the shell would jut out at far edges: rays that just pass over
        the edge of a flat top go on down behind it. Steps of depth have none: between two surfaces
        none was seen.
        """
        front, side, step, pixels, _ = self._judge(points)
        shadow = np.maximum(front, side)
        shell = np.maximum(shadow, np.where(step > 0.0, np.float32(np.inf), -front - thickness))
        near = np.flatnonzero(shell < 0.0)
        feet = points[near] - front[near, None] * self._normals_at(pixels[near])
        _, beside, _, _, _ = self._judge(feet)
        shell[near] = np.maximum(shell[near], beside)
        return shadow, shell

    def compare(self, points: NDArray[np.float32]) -> tuple[NDArray, NDArray, NDArray]:
        """Distance before the front [M], beside the silhouette [M], normal of the front [M, 3]."""
        front, side, _, pixels, _ = self._judge(points)
        return front, side, self._normals_at(pixels)

    def _normals_at(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = self.background.shape
        u, v = np.rint(pixels).astype(np.int32).T
        return self.normals[np.clip(v, 0, height - 1), np.clip(u, 0, width - 1)]

    def free(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distance [M] into the space seen to be empty; negative where that is not known."""
        front, side, _, pixels, z = self._judge(points)
        height, width = self.background.shape
        u, v = np.rint(pixels).astype(np.int32).T
        inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
        behind = np.full(len(points), -np.inf, np.float32)
        behind[inside] = self.background[v[inside], u[inside]] - z[inside]
        return np.maximum(front, np.minimum(side, behind))

    def _judge(self, points: NDArray[np.float32]) -> tuple[NDArray, ...]:
        pixels, z = self.window.project(points)
        depth, cosine, step, silhouette = _bilinear(self.images, pixels).T
        side = silhouette * (z / np.float32(self.window.focal.mean()))
        return (depth - z) * cosine, side, step, pixels, z


def observe_surface(
    window: DepthWindow, mask: NDArray[np.bool_], config: ReconstructionConfig
) -> SeenSurface:
    """Filter the depth of the cleaned pixels `mask` and mend what is hidden between them.

    Inverse depth of a plane is linear in the image. Holes without a measurement are filled by
    harmonic interpolation of it; what an occluder hides between parts of the object is taken to be
    convex and filled by the upper convex hull of it (exact where the corner of a box is hidden).
    Holes through which the camera saw something farther stay open.
    """
    depth = _smooth(np.where(mask, window.depth, 0.0).astype(np.float32), config)
    depth = np.where(mask, np.fmax(depth, window.depth - _FILTER_REACH), 0.0)
    holes, covered = _hidden_pixels(window, mask, depth, config.edge_step)
    seen = mask
    if holes.any():
        depth = np.where(holes, _interpolate(depth, seen, holes), depth)
    if covered.any():
        behind = np.fmax(_bridge(depth, seen, covered), window.depth + _FILTER_REACH)
        depth = np.where(covered, behind, depth)
    mask = seen | holes | covered
    distance, nearest = ndimage.distance_transform_edt(~mask, return_indices=True)
    # What the label claims along the edge, and no measurement denies, is the object's.
    label = window.labels[seen][0]
    mask |= (distance <= _RIM) & ~np.isfinite(window.depth) & (window.labels == label)
    distance = ndimage.distance_transform_edt(~mask)
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
            _steps(depth, config.edge_step),
            silhouette,
        ],
        axis=-1,
    )
    return SeenSurface(
        window=window,
        images=images.astype(np.float32),
        normals=_normals(depth, window),
        background=np.where(known, window.depth, -np.inf).astype(np.float32),
    )


def _smooth(depth: NDArray[np.float32], config: ReconstructionConfig) -> NDArray[np.float32]:
    """Bilateral filter; zeros do not mix in, being far more than a step away."""
    o3d = import_open3d()
    size = 2 * int(np.ceil(1.5 * config.smoothing)) + 1
    image = o3d.t.geometry.Image(o3d.core.Tensor(np.ascontiguousarray(depth)))
    return (
        image.filter_bilateral(size, config.edge_step, config.smoothing)
        .as_tensor()
        .numpy()[..., 0]
    )


def _obliqueness(depth: NDArray, focal: NDArray) -> NDArray:
    """Cosine of the angle between ray and surface normal (the small angle of the ray left out).

    It turns the distance along the ray into the distance to the surface's tangent plane.
    """
    dv, du = np.gradient(ndimage.gaussian_filter(depth, 1.0))
    slope = (du * focal[0] / depth) ** 2 + (dv * focal[1] / depth) ** 2
    return 1.0 / np.sqrt(1.0 + slope)


def _normals(depth: NDArray, window: DepthWindow) -> NDArray[np.float32]:
    """Find unit normals [h, w, 3] toward the camera, of the depth smoothed over some pixels."""
    depth = ndimage.gaussian_filter(depth, _NORMAL_BLUR)
    points = window.back_project(np.ones(depth.shape, bool), depth).reshape(*depth.shape, 3)
    normals = np.cross(np.gradient(points, axis=0), np.gradient(points, axis=1))
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    return normals.astype(np.float32)


def _steps(depth: NDArray, step: float) -> NDArray[np.bool_]:
    """Pixels beside which the depth jumps: what is interpolated there is no surface."""
    result = np.zeros(depth.shape, bool)
    down = np.abs(np.diff(depth, axis=0)) > step
    result[1:] |= down
    result[:-1] |= down
    right = np.abs(np.diff(depth, axis=1)) > step
    result[:, 1:] |= right
    result[:, :-1] |= right
    return result


def _hidden_pixels(
    window: DepthWindow, mask: NDArray[np.bool_], depth: NDArray, step: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels where the object is probable but not seen: without a measurement, and covered."""
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    expected = depth[tuple(nearest)]
    with np.errstate(invalid='ignore'):
        seen_through = window.depth > expected + step
        nearer = window.depth < expected - step
    holes, count = ndimage.label(ndimage.binary_fill_holes(mask) & ~mask)
    if count:
        share = ndimage.mean(seen_through, holes, index=np.arange(count + 1))
        hidden = (holes > 0) & (share[holes] <= _OPEN_HOLE_SHARE) & ~seen_through
    else:
        hidden = np.zeros_like(mask)
    nearer &= ~mask
    hidden &= ~nearer
    if not nearer.any():
        return hidden, nearer
    # Shadows of the sensor, without a measurement, lie along the occluder's edge.
    gaps, count = ndimage.label(_inside_hull(mask) & ~mask & ~hidden & ~seen_through)
    share = ndimage.mean(nearer, gaps, index=np.arange(count + 1))
    return hidden, (gaps > 0) & (share[gaps] >= _COVERED_SHARE)


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
    """Depth image with the `wanted` pixels relaxed to the mean of their neighbours.

    That is the harmonic interpolation of inverse depth, so planes are continued exactly.
    """
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    inverse = 1.0 / depth[tuple(nearest)]
    kernel = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]) / 4.0
    for _ in range(_RELAXATIONS):
        inverse[wanted] = ndimage.convolve(inverse, kernel, mode='nearest')[wanted]
    return np.where(wanted, 1.0 / inverse, depth)


def _bridge(depth: NDArray, mask: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> NDArray:
    """Depth image with the `wanted` pixels on the convex hull of the mask's pixels beside them."""
    rim = mask & ndimage.binary_dilation(wanted, iterations=3)
    sites = np.column_stack([np.argwhere(rim), 1.0 / depth[rim]])
    try:
        hull = ConvexHull(sites)
    except QhullError:  # all on one plane
        return _interpolate(depth, mask, wanted)
    upper = hull.equations[hull.equations[:, 2] > 1e-9]
    # A facet a·v + b·u + c·w + d = 0 is the plane w = -(a·v + b·u + d) / c, above all sites.
    planes = -upper[:, [0, 1, 3]] / upper[:, 2:3]
    targets = np.argwhere(wanted)
    highest = np.full(len(targets), np.inf)
    for a, b, d in planes:
        highest = np.minimum(highest, targets @ np.array([a, b]) + d)
    result = depth.copy()
    # Beyond the sites the hull's planes run on; they must not run away from the camera.
    result[wanted] = 1.0 / np.maximum(highest, sites[:, 2].min())
    return result


def _bilinear(images: NDArray[np.float32], pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values [M, C] of images [h, w, C] at pixels (u, v) [M, 2], clamped to the border."""
    height, width, channels = images.shape
    flat = images.reshape(-1, channels)
    result = np.empty((len(pixels), channels), images.dtype)
    for start in range(0, len(pixels), _CHUNK):
        part = slice(start, start + _CHUNK)
        u = np.clip(pixels[part, 0], 0.0, width - 1.001)
        v = np.clip(pixels[part, 1], 0.0, height - 1.001)
        column, row = u.astype(np.int32), v.astype(np.int32)
        fu, fv = (u - column)[:, None], (v - row)[:, None]
        index = row * width + column
        upper = flat[index] * (1.0 - fu) + flat[index + 1] * fu
        lower = flat[index + width] * (1.0 - fu) + flat[index + width + 1] * fu
        result[part] = upper * (1.0 - fv) + lower * fv
    return result
