"""What a camera saw, as networks take it: groups of points, of an object and of what is near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.learning.hand_tokens import SCALE

OBJECT_GROUPS, AROUND_GROUPS = 40, 12
GROUP_POINTS = 16
FEWEST_POINTS = 32  # of an object: fewer tell no shape
REACH = 0.12  # m about the object's points in which others count
_OBJECT_POINTS, _AROUND_POINTS = 512, 192  # drawn of those that were seen


@dataclass(frozen=True, kw_only=True)
class SeenObject:
    """An object as one view shows it, in a frame of its own: origin amid its points, z up.

    Up is the normal of what it stands on, or that of the image where nothing is known; x points
    away from the camera, level. Lengths are in `SCALE`.
    """

    T_frame_camera: NDArray[np.float64]  # [4, 4] m, from the frame that the points were given in
    groups: NDArray[np.float32]  # [T, GROUP_POINTS, 3] about the centres
    centers: NDArray[np.float32]  # [T, 6] centre; object, neighbour or nothing
    table: NDArray[np.float32]  # [2] whether there is one, and its height


def see_object(
    points: NDArray[np.floating],
    around: NDArray[np.floating],
    support_plane: NDArray[np.floating] | None,
    *,
    up: NDArray[np.floating],
    camera: NDArray[np.floating],
    rng: np.random.Generator,
) -> SeenObject:
    """Make a view of an object.

    Parameters
    ----------
    points
        Of the object, [M, 3] m, in any frame; those that are not finite do not count.
    around
        Of other things, [A, 3].
    support_plane
        n, d [4] of what it stands on; None where that is not known.
    up
        Direction [3] that is up where there is no plane.
    camera
        Where the camera stands, [3] m.
    rng
        Which of the points are drawn.

    Raises
    ------
    PerceptionError
        TOO_FEW_POINTS: there are fewer than 32.
    """
    points, around = (p[np.isfinite(p).all(axis=1)] for p in (points, around))
    if len(points) < FEWEST_POINTS:
        raise PerceptionError(
            f'The object has {len(points)} points with finite coordinates; expected'
            f' {FEWEST_POINTS} or more to predict grasps from.',
            ErrorCode.TOO_FEW_POINTS,
        )
    normal = np.asarray(up if support_plane is None else support_plane[:3], dtype=np.float64)
    motion = _frame(points, normal, camera)
    own = _in_frame(motion, points[_some(len(points), _OBJECT_POINTS, rng)])
    others = _in_frame(motion, around)
    others = others[_near(others, own, REACH / SCALE)]
    others = others[_some(len(others), _AROUND_POINTS, rng)] if len(others) else others
    groups, centers = zip(
        _grouped(own, OBJECT_GROUPS, 0), _grouped(others, AROUND_GROUPS, 1), strict=True
    )
    if support_plane is None:
        table = np.zeros(2, dtype=np.float32)
    else:
        height = -(support_plane[:3] @ np.linalg.inv(motion)[:3, 3] + support_plane[3]) / SCALE
        table = np.array([1.0, height], dtype=np.float32)
    return SeenObject(
        T_frame_camera=motion,
        groups=np.concatenate(groups).astype(np.float32),
        centers=np.concatenate(centers).astype(np.float32),
        table=table,
    )


def _frame(
    points: NDArray[np.floating], normal: NDArray[np.float64], camera: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Motion [4, 4] into the frame whose z is `normal` and whose x points away from the camera."""
    center = points.mean(axis=0)
    z = normal / np.linalg.norm(normal)
    away = center - np.asarray(camera)
    x = away - (away @ z) * z
    if np.linalg.norm(x) < 1e-6 * max(np.linalg.norm(away), 1e-6):  # straight from above
        x = np.eye(3)[np.abs(z).argmin()]
        x = x - (x @ z) * z
    x /= np.linalg.norm(x)
    motion = np.eye(4)
    motion[:3, :3] = np.stack([x, np.cross(z, x), z])
    motion[:3, 3] = -motion[:3, :3] @ center
    return motion


def _in_frame(motion: NDArray[np.float64], points: NDArray[np.floating]) -> NDArray[np.float64]:
    return (points @ motion[:3, :3].T + motion[:3, 3]) / SCALE


def _some(count: int, wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """So many numbers below `count`, each as often as need be."""
    if count >= wanted:
        return rng.choice(count, wanted, replace=False)
    return np.concatenate([np.arange(count), rng.integers(count, size=wanted - count)])


def _near(
    points: NDArray[np.float64], own: NDArray[np.float64], reach: float
) -> NDArray[np.bool_]:
    low, high = own.min(axis=0) - reach, own.max(axis=0) + reach
    return ((points >= low) & (points <= high)).all(axis=1)


def _grouped(
    points: NDArray[np.float64], count: int, kind: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Neighbourhoods of points that are far from each other; empty groups where there are none."""
    centers = np.zeros((count, 6))
    if not len(points):
        centers[:, 5] = 1.0
        return np.zeros((count, GROUP_POINTS, 3)), centers
    chosen = np.empty(count, dtype=np.int64)
    distance = np.full(len(points), np.inf)
    index = int(np.argmax(((points - points.mean(axis=0)) ** 2).sum(axis=1)))
    for k in range(count):
        chosen[k] = index
        distance = np.minimum(distance, ((points - points[index]) ** 2).sum(axis=1))
        index = int(np.argmax(distance))
    centers[:, :3] = points[chosen]
    centers[:, 3 + kind] = 1.0
    apart = ((points[chosen, None] - points) ** 2).sum(axis=-1)
    nearest = np.argsort(apart, axis=1)[:, :GROUP_POINTS]
    nearest = nearest[:, np.arange(GROUP_POINTS) % nearest.shape[1]]
    return points[nearest] - centers[:, None, :3], centers
