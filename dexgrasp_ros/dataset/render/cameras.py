"""Cameras on a hemisphere about an object, by a seed."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.dataset.render.settings import CameraSettings
from dexgrasp_ros.simulation import PinholeCamera

_GAP = 0.15  # m between a camera and the ball around the object at least


def place_camera(
    points: NDArray[np.float64], settings: CameraSettings, seed: int
) -> PinholeCamera:
    """Place the camera of one view, the left one of a pair.

    The direction to it is spread evenly over the part of the hemisphere between the bounds of
    elevation; equal areas are equally likely.

    Parameters
    ----------
    points
        Of the object in a world whose table is z = 0, [M, 3] m.
    settings
        Bounds and intrinsics.
    seed
        Of this view.
    """
    rng = np.random.default_rng(seed)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    ball = float(np.linalg.norm(points - middle, axis=1).max())
    height = rng.uniform(*np.sin(settings.elevation))
    azimuth = rng.uniform(0.0, 2 * np.pi)
    flat = np.sqrt(1 - height**2)
    direction = np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), height])
    radius = max(rng.uniform(*settings.radius), ball + _GAP)
    # Farther away it would miss the object, or turn around.
    aside = settings.look_at_jitter * np.clip(rng.normal(size=3), -2, 2)
    camera = PinholeCamera.looking_at(
        middle + radius * direction, middle + np.clip(aside, -radius / 4, radius / 4)
    )
    return dataclasses.replace(
        camera, width=settings.width, height=settings.height, intrinsics=settings.intrinsics
    )


def right_eye(left: PinholeCamera, baseline: float) -> PinholeCamera:
    """Return the right camera of a rectified pair: moved along +x of the left one [m]."""
    pose = left.T_world_cam.copy()
    pose[:3, 3] += baseline * pose[:3, 0]
    return dataclasses.replace(left, T_world_cam=pose)
