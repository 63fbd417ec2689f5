from __future__ import annotations

import pytest
import trimesh

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize


@pytest.fixture(scope='session')
def allegro():
    return load_hand('allegro')


@pytest.fixture(scope='session')
def can():
    """A can that stands on a table at z = 0, with a post beside it as obstacle."""
    mesh = trimesh.creation.cylinder(0.033, 0.12, sections=64)
    mesh.apply_translation([0, 0, 0.06])
    post = trimesh.creation.box([0.02, 0.02, 0.2])
    post.apply_translation([0.09, 0, 0.1])
    return load_object(
        (mesh.vertices, mesh.faces),
        support_plane=[0, 0, 1, 0],
        obstacles=post.sample(2000, seed=0),
    )


@pytest.fixture(scope='session')
def config():
    return SynthesisConfig(seed_count=48, max_grasps=8, random_seed=5)


@pytest.fixture(scope='session')
def grasps(allegro, can, config):
    return synthesize(allegro, can, config)
