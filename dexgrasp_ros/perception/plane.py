"""The plane that an object stands on: RANSAC, then least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.view import DepthWindow

# With a third of the points on the plane, (1/3)^3 of the triples are good, and the chance that
# all of 300 miss is (1 - 1/27)^300 ≈ 1e-5.
_HYPOTHESES = 300
_SCORED_POINTS = 3000  # points that score the hypotheses
_FITTED_POINTS = 40000  # points that are searched at all
_MAX_PLANES = 4  # table, wall, floor, shelf
_MIN_INLIER_SHARE = 0.05  # of the points searched; fewer make no plane
_LOWEST = 2.0  # percentile of heights that counts as the lowest point, against outliers
# An object seen from above shows no side. It still stands on the plane when this share of its
# points, moved straight down to the plane, is hidden (by the object itself, as a rule).
_MIN_HIDDEN_FEET = 0.8
_MAX_SUNK = 0.015  # m that this point may lie under its support plane: noise of plane and points


def find_planes(
    points: NDArray[np.float64], config: ReconstructionConfig
) -> list[NDArray[np.float64]]:
    """Find the planes in points [M, 3] of the camera's frame, the most populous first.

    Returns
    -------
    list of ndarray
        Planes [n, d], |n| = 1, with the camera on the free side: n·x + d > 0 at the origin.
    """
    rng = np.random.default_rng(config.random_seed)
    if len(points) > _FITTED_POINTS:
        points = points[np.sort(rng.choice(len(points), _FITTED_POINTS, replace=False))]
    wanted = max(int(_MIN_INLIER_SHARE * len(points)), config.min_points)
    planes: list[NDArray[np.float64]] = []
    while len(planes) < _MAX_PLANES and len(points) >= wanted:
        plane = _refine(_ransac(points, config.plane_distance, rng), points, config.plane_distance)
        near = np.abs(points @ plane[:3] + plane[3]) < config.plane_distance
        if near.sum() < wanted:
            break
        planes.append(plane)
        # The band of noise around a found plane would come back as planes of its own.
        points = points[np.abs(points @ plane[:3] + plane[3]) > 2.0 * config.plane_distance]
    return planes


def choose_support(
    planes: list[NDArray[np.float64]],
    object_points: NDArray[np.float64],
    scene_points: NDArray[np.float64],
    up: NDArray[np.float64],
    frame: DepthWindow,
    config: ReconstructionConfig,
) -> NDArray[np.float64] | None:
    """Pick the plane that the object stands on, or None.

    The object's lowest seen points must lie on it, or higher only where the camera cannot see
    what is below them. Points of the scene that are on the plane must be seen around the object;
    among such planes (table and wall) the one with most points there wins, weighted by how level
    it is.

    Parameters
    ----------
    planes
        Candidates from `find_planes`.
    object_points
        Cleaned points of the object, [M, 3].
    scene_points
        Points of the scene that belong to no label, [S, 3].
    up
        Upward direction in the camera's frame, [3]; only weighs, need not be exact.
    frame
        The whole depth image.
    config
        Of which `plane_distance`, `plane_gap` and `plane_margin` act here.
    """
    center = object_points.mean(axis=0)
    radius = np.linalg.norm(object_points - center, axis=1).max() + 0.5 * config.plane_margin
    around = scene_points[np.linalg.norm(scene_points - center, axis=1) < radius]
    best, best_score = None, 0.0
    for plane in planes:
        heights = object_points @ plane[:3] + plane[3]
        lowest = np.percentile(heights, _LOWEST)
        if lowest < -_MAX_SUNK:
            continue
        feet = object_points - heights[:, None] * plane[:3]
        if lowest > config.plane_gap and _hidden_share(feet, frame) < _MIN_HIDDEN_FEET:
            continue
        near = np.abs(around @ plane[:3] + plane[3]) < config.plane_distance
        score = float(near.sum()) * max(float(plane[:3] @ up), 0.05)
        if near.sum() >= config.min_points and score > best_score:
            best, best_score = plane, score
    return best


def _hidden_share(points: NDArray[np.float64], frame: DepthWindow) -> float:
    """Share of points [M, 3] that lie behind what the camera measured, or beside the image."""
    pixels, z = frame.project(points)
    u, v = np.rint(pixels).astype(int).T
    height, width = frame.depth.shape
    inside = (z > 0.0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    with np.errstate(invalid='ignore'):
        seen = frame.depth[v[inside], u[inside]] > z[inside] - _MAX_SUNK
    return 1.0 - float(seen.sum()) / len(points)


def fit_plane(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least-squares plane [n, d] through points [M, 3], the camera on its free side."""
    center = points.mean(axis=0)
    centered = points - center
    normal = np.linalg.eigh(centered.T @ centered)[1][:, 0]
    plane = np.append(normal, -normal @ center)
    return plane if plane[3] >= 0.0 else -plane


def _ransac(
    points: NDArray[np.float64], distance: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    a, b, c = points[rng.integers(len(points), size=(3, _HYPOTHESES))]
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    offsets = -np.einsum('ij,ij->i', normals, a)
    scored = points[rng.integers(len(points), size=_SCORED_POINTS)]
    inliers = (np.abs(scored @ normals.T + offsets) < distance).sum(axis=0)
    best = int(np.argmax(inliers))
    return np.append(normals[best], offsets[best])


def _refine(
    plane: NDArray[np.float64], points: NDArray[np.float64], distance: float
) -> NDArray[np.float64]:
    """Least squares over the inliers, three times, as the set of inliers changes."""
    for _ in range(3):
        near = np.abs(points @ plane[:3] + plane[3]) < distance
        if near.sum() < 3:
            break
        plane = fit_plane(points[near])
    return plane
