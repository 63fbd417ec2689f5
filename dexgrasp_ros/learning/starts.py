"""Where the flow begins: half-open hands that face the object from anywhere above its table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.learning.hand_tokens import PHASES, SCALE, HandTokens, anchor_places
from dexgrasp_ros.learning.seen import SeenObject

_TILT = 0.4  # rad, of the palm about the direction to the object
_HEIGHT = (0.02, 0.08)  # m, of the palm beyond the object's radius
_NOISE = 0.02  # m, of each anchor: the flow also straightens hands


def draw_starts(
    tokens: HandTokens, seen: SeenObject, count: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Anchors of hands at random, [count, K, PHASES, ANCHORS, 3] in the view's frame and scale.

    Flow matching may begin at any distribution (Lipman and others 2023; Tong and others 2024); a
    hand that faces the object is nearer to a grasp than noise, so that few steps lead there.
    """
    own = seen.centers[seen.centers[:, 3] > 0, :3].astype(np.float64) * SCALE
    radius = np.percentile(np.linalg.norm(own, axis=1), 80.0)
    outward = rng.normal(size=(count, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    if seen.table[0] > 0:
        outward[:, 2] = np.abs(outward[:, 2])
    distance = radius + rng.uniform(*_HEIGHT, (count, 1))
    facing = -outward + rng.normal(0.0, _TILT, (count, 3))
    facing /= np.linalg.norm(facing, axis=1, keepdims=True)
    turn = Rotation.from_rotvec(rng.uniform(-np.pi, np.pi, (count, 1)) * [0.0, 0.0, 1.0])
    rotation = _with_z(facing) * turn
    palm = np.concatenate([distance * outward, rotation.as_quat()], axis=1)
    base = compose(palm, invert(tokens.hand.palm_pose))
    q = np.tile(tokens.hand.preshape, (count, 1))
    places = np.repeat(anchor_places(tokens, q, base)[:, :, None], PHASES, axis=2)
    return ((places + rng.normal(0.0, _NOISE, places.shape)) / SCALE).astype(np.float32)


def _with_z(direction: NDArray[np.float64]) -> Rotation:
    """Rotations whose z axis is `direction` [N, 3]."""
    across = np.where(np.abs(direction[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    x = np.cross(across, direction)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return Rotation.from_matrix(np.stack([x, np.cross(direction, x), direction], axis=2))
