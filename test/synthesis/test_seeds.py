"""Where the search starts."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from oracles import posed_points

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis.seeds import make_seeds


@pytest.mark.parametrize('name', ['allegro', 'shadow'])
def test_no_hand_starts_in_the_table(name):
    """A pen lies on a slanted table; most hands that face it would reach through the table."""
    mesh = trimesh.creation.cylinder(0.006, 0.14)
    normal = np.array([0.0, 0.6, 0.8])
    mesh.apply_transform(trimesh.geometry.align_vectors([0, 1, 0], normal))
    offset = -(mesh.vertices @ normal).min()
    plane = [*normal, offset]
    hand = load_hand(name)
    config = SynthesisConfig(seed_count=24, random_seed=2)

    def heights(obj) -> np.ndarray:
        palm, q = make_seeds(hand, obj, config, np.random.default_rng(2))
        base = compose(palm, invert(hand.palm_pose))
        return np.array(
            [
                (posed_points(hand, b, j)[0] @ normal + offset).min()
                for b, j in zip(base, q, strict=True)
            ]
        )

    assert (heights(load_object((mesh.vertices, mesh.faces))) < -0.01).mean() > 0.5
    assert heights(load_object((mesh.vertices, mesh.faces), support_plane=plane)).min() > -1e-6
