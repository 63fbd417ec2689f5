"""Grasps that are drawn for their differences."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.dataset.generation.draw import draw_diverse

CONFIG = SynthesisConfig()


def palms(positions, turns):
    turned = Rotation.from_rotvec(np.outer(turns, [0.0, 0.0, 1.0])).as_quat()
    return np.hstack([positions, turned])


def test_of_two_that_are_alike_the_worse_one_goes():
    """One unit apart by position, half a unit by rotation, a quarter by joints: 4 goes, then 3."""
    positions = np.zeros((5, 3))
    positions[:, 0] = [0.0, 0.1, 0.1 + CONFIG.duplicate_translation, 0.2, 0.3]
    turns = np.array([0.0, 0, 0, 0, 0])
    positions[3], turns[3] = positions[0], 0.5 * CONFIG.duplicate_rotation
    positions[4] = positions[1]
    q = np.zeros((5, 4))
    q[4] = 0.25 * CONFIG.duplicate_joint
    rows = [draw_diverse(palms(positions, turns), q, n, CONFIG).tolist() for n in (5, 4, 3, 2)]
    assert rows == [[0, 1, 2, 3, 4], [0, 1, 2, 3], [0, 1, 2], [0, 1]]


def test_what_is_drawn_is_farther_apart_than_what_is_best():
    rng = np.random.default_rng(0)
    palm, q = palms(rng.normal(0, 0.04, (200, 3)), rng.uniform(-3, 3, 200)), np.zeros((200, 2))
    drawn = draw_diverse(palm, q, 50, CONFIG)
    assert len(drawn) == 50 and (np.diff(drawn) > 0).all()

    def least(rows):
        apart = np.linalg.norm(palm[rows, None, :3] - palm[None, rows, :3], axis=2)
        turn = (Rotation.from_quat(palm[rows, 3:]).as_rotvec()[:, None, 2],)
        apart = np.hypot(apart / CONFIG.duplicate_translation, _angles(turn[0]))
        return (apart + 1e9 * np.eye(len(rows))).min(axis=1).mean()

    def _angles(turn):
        difference = np.abs(turn - turn.T)
        return np.minimum(difference, 2 * np.pi - difference) / CONFIG.duplicate_rotation

    assert least(drawn) > 1.5 * least(np.arange(50))
