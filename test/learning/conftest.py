"""A box that is seen, hands that a search need not find, and folders of a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.learning.hand_tokens import HandTokens, describe_hand
from dexgrasp_ros.learning.predictor import SHIPPED
from dexgrasp_ros.learning.training_objects import HandGrasps, TrainingObject

TABLE = np.array([0.0, 0.0, 1.0, 0.05])  # under a box of 10 cm


@pytest.fixture(scope='session')
def hands() -> dict[str, HandTokens]:
    return {name: describe_hand(load_hand(name)) for name in ('allegro', 'barrett')}


@pytest.fixture(scope='session')
def boxes(hands) -> list[TrainingObject]:
    """Boxes whose grasps are made up: half-open hands beside and above them."""
    return [_box(0.04 + 0.01 * k, hands, np.random.default_rng(k)) for k in range(3)]


def _box(width: float, hands: dict[str, HandTokens], rng: np.random.Generator) -> TrainingObject:
    mesh = trimesh.creation.box((width, 0.06, 0.1))
    grasps = {}
    for name, tokens in hands.items():
        pose = rng.normal(size=(8, 7)) * [0.05, 0.05, 0.0, 1, 1, 1, 1] + [0, 0, 0.25, 0, 0, 0, 0]
        pose[:, 3:] /= np.linalg.norm(pose[:, 3:], axis=1, keepdims=True)
        q = np.tile(tokens.hand.preshape, (8, 1))
        grasps[name] = HandGrasps(
            base_pose=pose,
            pregrasp_base_pose=pose,
            pregrasp=q,
            grasp=q,
            squeeze=q,
            scene=np.full(8, -1),
            held=np.array([1, 0, -1, 1, 1, 0, -1, 1]),
        )
    return TrainingObject(
        key=f'box-{width:.2f}',
        vertices=np.array(mesh.vertices),
        faces=np.array(mesh.faces),
        planes=[TABLE],
        grasps=grasps,
    )


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """The model of the package, to be spoilt."""
    return Path(shutil.copytree(SHIPPED, tmp_path / 'model'))
