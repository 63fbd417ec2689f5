"""Searches that start at predicted grasps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.learning import learned_seeds, seeds
from dexgrasp_ros.object import ObjectConfig, load_object
from dexgrasp_ros.synthesis import synthesize
from dexgrasp_ros.synthesis.postures import sphere_centers
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds

SMALL = SynthesisConfig(seed_count=6, iterations=2, seed_draws=1, device='cpu')


@pytest.fixture(scope='module')
def obj():
    box = trimesh.creation.box((0.05, 0.05, 0.1))
    plane = np.array([0.0, 0.0, 1.0, 0.05])
    mesh = (np.array(box.vertices), np.array(box.faces))
    return load_object(mesh, support_plane=plane, config=ObjectConfig(intervals=16))


def test_predicted_starts_are_about_the_object_and_above_its_table(obj, hands):
    hand = hands['barrett'].hand
    config = dataclasses.replace(SMALL, seed_source='learned')
    learned = learned_seeds()
    palm, q = make_seeds(Search(hand, obj, config), hand, obj, config, learned)
    again, _ = make_seeds(Search(hand, obj, config), hand, obj, config, learned)
    np.testing.assert_array_equal(palm, again)
    assert palm.shape == (6, 7) and (q >= hand.lower).all() and (q <= hand.upper).all()
    assert np.linalg.norm(palm[:, :3], axis=1).max() < 0.5
    low = sphere_centers(hand, palm, q)[..., 2] + 0.05 - hand.cluster_radii
    assert low.min() > -1e-6


def test_the_model_is_shown_the_table():
    """As in the views that it was trained on."""
    box = trimesh.creation.box((0.05, 0.05, 0.1))
    tilt = trimesh.transformations.rotation_matrix(0.3, (1, 0, 0))
    normal = tilt[:3, 2]
    mesh = (np.asarray(box.apply_transform(tilt).vertices), np.asarray(box.faces))
    config = ObjectConfig(intervals=16)
    plane = np.append(normal, 0.05)
    found = seeds._around(load_object(mesh, support_plane=plane, config=config))
    np.testing.assert_allclose(found @ normal, -0.05, atol=1e-9)
    flat = (found @ tilt[:3, :3])[:, :2]
    assert 150 < len(flat) < 600 and np.ptp(flat, axis=0).min() > 0.2
    assert len(seeds._around(load_object(mesh, config=config))) == 0


def test_more_seeds_than_are_predicted_at_once(obj, hands, monkeypatch):
    monkeypatch.setattr(seeds, '_BLOCK', 2)
    palm, q = learned_seeds()(hands['barrett'].hand, obj, 9, 0)
    assert len(palm) == len(q) == 9 and len(np.unique(palm.round(9), axis=0)) == 9


def test_both_are_half_of_each(obj, hands):
    hand = hands['barrett'].hand
    asked = []

    def learned(hand, obj, count, random_seed):
        asked.append((count, random_seed))
        return np.tile([0.0, 0, 0.3, 0, 0, 0, 1], (count, 1)), np.tile(
            hand.upper + 1.0, (count, 1)
        )

    config = dataclasses.replace(SMALL, seed_source='both', random_seed=3)
    palm, q = make_seeds(Search(hand, obj, config), hand, obj, config, learned)
    assert asked == [(3, 3)] and len(palm) == 6
    np.testing.assert_array_equal(q[:3], np.tile(hand.upper, (3, 1)))
    geometric = dataclasses.replace(config, seed_source='geometric', seed_count=3)
    expected = make_seeds(Search(hand, obj, geometric), hand, obj, geometric)
    np.testing.assert_array_equal(palm[3:], expected[0])


def test_a_search_takes_them_and_says_so_where_nobody_gives_any(obj, hands):
    hand = hands['barrett'].hand
    config = dataclasses.replace(SMALL, seed_source='learned')
    assert len(synthesize(hand, obj, config, learned=learned_seeds()).score) <= 6
    with pytest.raises(InputError, match='no model'):
        synthesize(hand, obj, config)
    with pytest.raises(InputError) as caught:
        dataclasses.replace(SMALL, seed_source='guessed')
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
