"""From where to look: directions that show the contacts, and cameras that fill the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.simulation.bodies import Body
from dexgrasp_ros.simulation.cameras import PinholeCamera, RayScene

_AZIMUTHS = 24
_ELEVATIONS = np.radians([18, 32])  # flat enough to see the contacts, steep enough to see the top
_LEAST_BETWEEN = np.radians(80)  # two views of one thing differ at least so much in azimuth


def choose_views(
    blockers: Sequence[Body],
    targets: ArrayLike,
    *,
    up: ArrayLike = (0.0, 0.0, 1.0),
    preferred: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Choose two directions from which as many targets as possible are seen.

    The first is the best within 50° of `preferred`; the second the best that stands at least 80°
    of azimuth away from the first.

    Parameters
    ----------
    blockers
        What may hide the targets (the hand, the object).
    targets
        Points that should be seen [M, 3] m.
    up
        Away from the table [3].
    preferred
        Direction from the scene to the viewer [3]; default: any.
    weights
        Of the targets, [M]; default: all alike.

    Returns
    -------
    tuple
        Two unit vectors from the scene to the viewer.
    """
    targets = np.asarray(targets, dtype=np.float64).reshape(-1, 3)
    weights = np.ones(len(targets)) if weights is None else np.asarray(weights, dtype=np.float64)
    directions, azimuths = _candidates(np.asarray(up, dtype=np.float64))
    # One millimetre and a half off the target, so that its own surface does not hide it.
    origins = targets[None] + 0.0015 * directions[:, None]
    hidden = RayScene(blockers).occluded(origins, directions[:, None], np.inf)
    score = (~hidden * weights).sum(axis=1) / max(weights.sum(), 1e-9)
    allowed = np.ones(len(directions), dtype=bool)
    if preferred is not None:
        preferred = np.asarray(preferred, dtype=np.float64)
        preferred = preferred / np.linalg.norm(preferred)
        toward = directions @ preferred
        allowed = toward > min(np.cos(np.radians(50)), toward.max() - 1e-9)
        score_first = score + 0.2 * toward
    else:
        score_first = score
    first = int(np.where(allowed, score_first, -np.inf).argmax())
    turn = np.abs((azimuths - azimuths[first] + np.pi) % (2 * np.pi) - np.pi)
    # Among equals the one that shows most of the other side.
    second = int(np.where(turn >= _LEAST_BETWEEN, score + 0.1 * turn / np.pi, -np.inf).argmax())
    return directions[first], directions[second]


def fit_camera(
    points: ArrayLike,
    direction: ArrayLike,
    *,
    up: ArrayLike = (0.0, 0.0, 1.0),
    width: int,
    height: int,
    fill: float = 0.86,
    field_of_view: float = 0.45,
) -> PinholeCamera:
    """Place a camera so that points fill the picture.

    Parameters
    ----------
    points
        What must be seen [M, 3] m.
    direction
        Unit vector from the points to the viewer [3].
    up
        Upwards in the picture [3].
    width, height
        Of the picture [px].
    fill
        Share of the picture's width or height, whichever is tighter, that the points take.
    field_of_view
        Smaller of the two angles [rad].
    """
    points = np.asarray(points, dtype=np.float64)
    direction = np.asarray(direction, dtype=np.float64)
    target = (points.min(axis=0) + points.max(axis=0)) / 2
    distance = 2 * np.linalg.norm(points - target, axis=1).max() / np.tan(field_of_view / 2)
    for _ in range(4):  # perspective: each pass leaves a fraction of the error
        camera = PinholeCamera.looking_at(
            target + distance * direction,
            target,
            up=up,
            width=width,
            height=height,
            field_of_view=field_of_view,
        )
        pixels, _ = camera.project(points)
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        middle = ((low + high) - [width - 1, height - 1]) / 2 / camera.intrinsics[0, 0] * distance
        target = target + camera.T_world_cam[:3, :2] @ middle
        distance *= max((high - low) / [width, height]) / fill
    return camera


def _candidates(up: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return unit vectors [M, 3] on rings around `up`, and their azimuths [M]."""
    up = up / np.linalg.norm(up)
    side = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    side /= np.linalg.norm(side)
    azimuth, elevation = np.meshgrid(
        np.arange(_AZIMUTHS) * 2 * np.pi / _AZIMUTHS, _ELEVATIONS, indexing='ij'
    )
    azimuth, elevation = azimuth.ravel(), elevation.ravel()
    flat = np.cos(azimuth)[:, None] * side + np.sin(azimuth)[:, None] * np.cross(up, side)
    return np.cos(elevation)[:, None] * flat + np.sin(elevation)[:, None] * up, azimuth
