"""Scenes made of formulas, and a graph of real nodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from dexgrasp_ros.core.depth_frame import DepthFrame, load_scene

K = np.array([[300.0, 0, 159.5], [0, 300.0, 119.5], [0, 0, 1]])
SIZE = (240, 320)
LABEL = 5


@pytest.fixture(scope='session')
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A box of 6 x 10 x 6 cm on a floor, seen from 0.6 m, 40 degrees above the horizon."""
    height, width = SIZE
    v, u = np.mgrid[:height, :width]
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(SIZE)], -1)
    # World: z up, box standing on the floor at the origin. The camera looks at its middle.
    look = np.array([0.0, np.cos(np.radians(40)), -np.sin(np.radians(40))])
    right = np.array([1.0, 0, 0])
    R = np.stack([right, np.cross(look, right), look], axis=1)
    eye = np.array([0, 0, 0.05]) - 0.6 * look
    direction = rays @ R.T
    half, middle = np.array([0.03, 0.03, 0.05]), np.array([0, 0, 0.05])
    with np.errstate(divide='ignore'):
        near, far = ((middle + s * half - eye) / direction for s in (-1, 1))
    enter, leave = np.minimum(near, far).max(-1), np.maximum(near, far).min(-1)
    hit = (enter < leave) & (enter > 0)
    floor = -eye[2] / direction[..., 2]
    floor[(floor <= 0) | (floor > 3)] = 0
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = R, eye
    path = tmp_path_factory.mktemp('scene') / 'box.npz'
    np.savez(
        path,
        depth=np.where(hit, enter, floor).astype(np.float32),
        seg=np.where(hit, LABEL, 0).astype(np.int32),
        K=K,
        T_world_cam=T,
    )
    return path


@pytest.fixture(scope='session')
def frame(scene: Path) -> DepthFrame:
    """The same, as arrays."""
    return load_scene(scene)
