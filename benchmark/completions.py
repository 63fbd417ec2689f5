"""Ways to guess the hidden side that were compared and are not in the package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial import ConvexHull

from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.perception.completion.evidence import Evidence, Guess, HiddenNodes

_POINTS = 800  # that a shape is fitted to
_MARGIN = 0.03  # m that a fitted shape may reach beyond the points
_OUTLIER = 0.003  # m: where the loss of the fit turns linear


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A closed shape: it fills its inside, and denies the rest where `exclusive`."""

    coarseness = 2
    bounds: NDArray[np.float64]  # [2, 3]
    distance: Callable[[NDArray[np.float32]], NDArray[np.float32]]  # of local points [M, 3]
    exclusive: bool = True

    def judge(self, hidden: HiddenNodes) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Signed distance to it."""
        distance = np.clip(self.distance(hidden.nodes), -hidden.reach, hidden.reach)
        return distance.astype(np.float32), distance if self.exclusive else None


def guess_hull(evidence: Evidence) -> tuple[Guess, ...]:
    """Convex hull of the seen points and of their feet on the plane."""
    points = evidence.draw(_POINTS).astype(np.float64)
    feet = points * [0.0, 1.0, 1.0]
    planes = ConvexHull(np.concatenate([points, feet])).equations

    def distance(nodes: NDArray[np.float32]) -> NDArray[np.float32]:
        result = np.full(len(nodes), -np.inf, np.float32)
        for a, b, c, d in planes:
            np.maximum(result, a * nodes[:, 0] + b * nodes[:, 1] + c * nodes[:, 2] + d, out=result)
        return result

    return (Shape(bounds=evidence.bounds, distance=distance),)


def guess_depth(evidence: Evidence) -> tuple[Guess, ...]:
    """Extrusion along the view: all that is hidden, as far back as half the seen width."""
    lower, upper = evidence.bounds
    near, width = lower[1], upper[2] - lower[2]
    far = max(near + 0.5 * width, float(np.percentile(evidence.points[:, 1], 98.0)))
    bounds = np.stack([lower, np.array([upper[0], far, upper[2]])])
    return (Shape(bounds=bounds, distance=lambda nodes: nodes[:, 1] - np.float32(far)),)


def guess_superquadric(evidence: Evidence) -> tuple[Guess, ...]:
    """Upright superquadric that stands on the plane, with least squares of the radial distance."""
    points = evidence.draw(_POINTS).astype(np.float64)
    lower, upper = points.min(axis=0), points.max(axis=0)
    half = 0.5 * (upper - lower)
    # Center (away, aside), half extents, two exponents, yaw; the height is that of the points.
    start = np.array(
        [lower[1] + half[2], 0.5 * (lower[2] + upper[2]), half[2], half[2], 0.7, 0.7, 0.3]
    )
    low = np.array([lower[1] - 0.01, lower[2], 0.005, 0.005, 0.15, 0.15, -1.6])
    high = np.array([upper[1] + _MARGIN, upper[2], 0.3, 0.3, 1.5, 1.5, 1.6])
    start = np.clip(start, low + 1e-6, high - 1e-6)
    top = float(np.percentile(points[:, 0], 99.0))

    def radial(x: NDArray[np.float64], p: NDArray) -> NDArray:
        c, s = np.cos(x[6]), np.sin(x[6])
        u = np.abs(c * (p[:, 1] - x[0]) + s * (p[:, 2] - x[1])) / x[2] + 1e-9
        v = np.abs(-s * (p[:, 1] - x[0]) + c * (p[:, 2] - x[1])) / x[3] + 1e-9
        w = np.abs(p[:, 0] - 0.5 * top) / (0.5 * top) + 1e-9
        f = (u ** (2 / x[5]) + v ** (2 / x[5])) ** (x[5] / x[4]) + w ** (2 / x[4])
        r = np.sqrt((p[:, 1] - x[0]) ** 2 + (p[:, 2] - x[1]) ** 2 + (p[:, 0] - 0.5 * top) ** 2)
        return r * (1.0 - f ** (-x[4] / 2.0))

    def residuals(x: NDArray[np.float64]) -> NDArray[np.float64]:
        # Small shapes first: the seen side does not say how far the hidden one reaches.
        return np.append(radial(x, points), 0.02 * (x[2] + x[3]) * np.sqrt(len(points)) * 0.1)

    found = least_squares(
        residuals, start, bounds=(low, high), loss='soft_l1', f_scale=_OUTLIER, max_nfev=60
    ).x
    reach = np.hypot(found[2], found[3])
    bounds = np.stack(
        [
            np.minimum(lower, [0.0, found[0] - reach, found[1] - reach]),
            np.maximum(upper, [top, found[0] + reach, found[1] + reach]),
        ]
    )
    return (Shape(bounds=bounds, distance=lambda nodes: radial(found, nodes)),)


def guess_poisson(evidence: Evidence) -> tuple[Guess, ...]:
    """Screened Poisson surface through the seen points, their feet and their normals."""
    o3d = import_open3d()
    points = evidence.draw(6000)
    _, _, normals = evidence.compare(points)
    feet = points * np.float32([0.0, 1.0, 1.0])
    down = np.tile(np.float32([-1.0, 0.0, 0.0]), (len(feet), 1))
    cloud = o3d.geometry.PointCloud(
        o3d.utility.Vector3dVector(np.concatenate([points, feet]).astype(np.float64))
    )
    cloud.normals = o3d.utility.Vector3dVector(np.concatenate([normals, down]).astype(np.float64))
    # In a box twice the size of the points the surface closes behind them.
    mesh, _ = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=7, scale=2.0)
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(o3d.t.geometry.TriangleMesh.from_legacy(mesh))
    lower, upper = evidence.bounds
    reach = np.array([0.0, upper[2] - lower[2], 0.0])

    def distance(nodes: NDArray[np.float32]) -> NDArray[np.float32]:
        return scene.compute_signed_distance(o3d.core.Tensor(nodes), nsamples=3).numpy()

    return (Shape(bounds=np.stack([lower, upper + reach]), distance=distance),)


VARIANTS: Mapping[str, Callable[[Evidence], tuple[Guess, ...]]] = {
    'hull': guess_hull,
    'depth': guess_depth,
    'superquadric': guess_superquadric,
    'poisson': guess_poisson,
}
