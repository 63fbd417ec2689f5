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
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import draw_seeds, make_seeds


@pytest.mark.parametrize('name', ['allegro', pytest.param('shadow', marks=pytest.mark.slow)])
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
        palm, q = make_seeds(Search(hand, obj, config), hand, obj, config)
        base = compose(palm, invert(hand.palm_pose))
        return np.array(
            [
                (posed_points(hand, b, j)[0] @ normal + offset).min()
                for b, j in zip(base, q, strict=True)
            ]
        )

    assert (heights(load_object((mesh.vertices, mesh.faces))) < -0.01).mean() > 0.5
    assert heights(load_object((mesh.vertices, mesh.faces), support_plane=plane)).min() > -1e-6


@pytest.fixture(scope='module')
def bowl():
    """Half a spherical shell, 15 cm wide, 5 mm thick."""
    shell = trimesh.creation.icosphere(3, 0.075).difference(trimesh.creation.icosphere(3, 0.07))
    half = shell.slice_plane([0.0, 0.0, 0.0], [0.0, 0.0, -1.0], cap=True)
    return load_object((half.vertices, half.faces))


def test_each_seed_is_the_best_of_its_draws(allegro, bowl):
    """Most hands that are drawn at random about a thin wall have it inside a finger."""
    config = SynthesisConfig(seed_count=32, random_seed=4, device='cpu')
    search = Search(allegro, bowl, config)
    palm, q = make_seeds(search, allegro, bowl, config)
    drawn = draw_seeds(allegro, bowl, config, np.random.default_rng(4), 32 * config.seed_draws)
    best = search.energy(*drawn).reshape(32, -1).argmin(axis=1)
    rows = best + config.seed_draws * np.arange(32)
    np.testing.assert_array_equal(palm, drawn[0][rows])
    np.testing.assert_array_equal(q, drawn[1][rows])
    depth = search.look(palm, q).penetration
    assert np.median(depth) < 0.5 * np.median(search.look(*drawn).penetration)
