"""Views of a box on a floor, made of formulas: by a pinhole camera, or through a lens."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

K = np.array([[300.0, 0, 159.5], [0, 300.0, 119.5], [0, 0, 1]])
SIZE = (240, 320)
LABEL = 5


@dataclass(frozen=True)
class Lens:
    """What bends rays: a model of `sensor_msgs/distortion_models` and its coefficients."""

    model: str
    coefficients: tuple[float, ...]

    def pixels(self, rays: np.ndarray) -> np.ndarray:
        """Where rays [N, 3] fall, by OpenCV's forward model."""
        import cv2

        coefficients, none = np.array(self.coefficients), np.zeros(3)
        if self.model == 'equidistant':
            found = cv2.fisheye.projectPoints(rays[:, None], none, none, K, coefficients)[0]
        else:
            found = cv2.projectPoints(rays, none, none, K, coefficients)[0]
        return found.reshape(-1, 2)

    def rays(self) -> np.ndarray:
        """Rays [H, W, 3] of all pixels: those that the forward model brings there."""
        return _rays(self)


@functools.cache
def _rays(lens: Lens) -> np.ndarray:
    v, u = np.indices(SIZE)
    wanted = np.column_stack([u.ravel(), v.ravel()]).astype(float)
    rays = np.column_stack([(wanted - K[:2, 2]) / K[[0, 1], [0, 1]], np.ones(len(wanted))])
    for _ in range(100):
        error = wanted - lens.pixels(rays)
        rays[:, :2] += error / K[[0, 1], [0, 1]]
        if np.abs(error).max() < 1e-4:
            return rays.reshape(*SIZE, 3)
    raise ValueError('no rays are found for this lens')


# As drivers have them: RealSense's colour camera with a larger lens, Azure Kinect's depth camera,
# Orbbec's eight coefficients, a fisheye.
LENSES = {
    'plumb_bob': Lens('plumb_bob', (-0.16, 0.06, -0.001, 0.0008, -0.02)),
    'rational': Lens('rational_polynomial', (5.26, 3.39, -3.5e-5, -5.2e-5, 0.176, 5.6, 5.1, 0.9)),
    'eight': Lens('plumb_bob', (0.08, -0.11, 0.0005, -0.0004, 0.05, 0.0, 0.0, 0.0)),
    'equidistant': Lens('equidistant', (-0.006, 0.04, -0.038, 0.006)),
}


def view_of_box(azimuth: float = 0.0, rays: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """A box of 6 x 6 x 10 cm on a floor, seen from 0.6 m, 40 degrees above the horizon.

    With an azimuth [rad] the camera has gone around it so far. Rays [H, W, 3] of the pixels, with
    z = 1, are by default those of a pinhole camera with intrinsics `K`.
    """
    if rays is None:
        v, u = np.indices(SIZE)
        rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(SIZE)], -1)
    # World: z up, box standing on the floor at the origin. The camera looks at its middle.
    look = np.array([0.0, np.cos(np.radians(40)), -np.sin(np.radians(40))])
    right = np.array([1.0, 0, 0])
    c, s = np.cos(azimuth), np.sin(azimuth)
    around = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    R = around @ np.stack([right, np.cross(look, right), look], axis=1)
    eye = np.array([0, 0, 0.05]) - 0.6 * R[:, 2]
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
    return {
        'depth': np.where(hit, enter, floor).astype(np.float32),
        'seg': np.where(hit, LABEL, 0).astype(np.int32),
        'K': K,
        'T_world_cam': T,
    }
