"""`benchmark/explicit_method.py` and `side_by_side.py`, at sizes that fit into a test."""

from __future__ import annotations

import json

import explicit_method as explicit
import numpy as np
import pytest
import side_by_side
import trimesh
from scipy.spatial.transform import Rotation

from dexgrasp_ros import SynthesisConfig, load_hand, load_object
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds

RADIUS = 0.035  # m


@pytest.fixture(scope='module')
def scene():
    hand = load_hand('allegro')
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=RADIUS)
    obj = load_object((sphere.vertices, sphere.faces), name='sphere')
    config = SynthesisConfig(seed_count=4, device='cpu')
    return hand, obj, make_seeds(Search(hand, obj, config), hand, obj, config)


def moved(palm, q, way):
    """Candidates [N] displaced by `way` [6 + J], as the gradient counts it."""
    turned = (Rotation.from_rotvec(way[3:6]) * Rotation.from_quat(palm[:, 3:])).as_quat()
    return np.concatenate([palm[:, :3] + way[:3], turned], axis=1), q + way[6:]


@pytest.mark.parametrize('velocity_count', [7, 13])
def test_gradient_is_that_of_the_loss(scene, velocity_count):
    """At a padding that has every point in contact nothing leaks, and depths are smooth.

    A box has few faces, so that no closest point passes from one to another.
    """
    hand, _sphere, (palm, q) = scene
    box = trimesh.creation.box((0.06, 0.05, 0.07))
    obj = load_object((box.vertices, box.faces), name='box')
    settings = explicit.ExplicitSettings(point_count=64, velocity_count=velocity_count)
    method = explicit.ExplicitMethod(hand, obj, settings)
    padding, size = 0.5, 2e-4

    def loss(way):
        method.set_state(*moved(palm, q, way))
        return method.differentiate(padding).astype(np.float64)

    loss(np.zeros(6 + q.shape[1]))
    gradient = method.gradient
    rng = np.random.default_rng(0)
    for scales in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.1, 1.0, 1.0)):
        way = np.repeat(scales, (3, 3, q.shape[1])) * rng.normal(size=6 + q.shape[1])
        way *= size / np.linalg.norm(way)
        slope = (loss(way) - loss(-way)) / 2.0
        np.testing.assert_allclose(gradient @ way, slope, rtol=0.05, atol=0.02 * abs(slope).max())


def test_a_hand_that_is_away_feels_how_touching_would_help(scene):
    """Without a leak there would be no gradient but that of the joints' middle."""
    hand, obj, (palm, q) = scene
    method = explicit.ExplicitMethod(hand, obj, explicit.ExplicitSettings(point_count=256))
    away = palm.copy()
    outward = palm[:, :3] - obj.center_of_mass
    away[:, :3] += 0.3 * outward / np.linalg.norm(outward, axis=1, keepdims=True)
    method.set_state(away, q)
    method.differentiate(0.0)
    pull = -np.einsum('ni,ni->n', method.gradient[:, :3], outward)
    assert (pull < 0.0).all()  # it pulls to the object


def test_nothing_in_reach_leaves_the_starting_speeds(scene):
    hand, obj, (palm, q) = scene
    settings = explicit.ExplicitSettings(middle_weight=0.0)
    method = explicit.ExplicitMethod(hand, obj, settings)
    method.set_state(palm + np.eye(7)[0], q)  # a metre away
    np.testing.assert_allclose(method.differentiate(0.0), 6.0 / 7.0, rtol=1e-5)


def test_descent_makes_a_sphere_move_less(scene):
    hand, obj, (palm, q) = scene
    settings = explicit.ExplicitSettings(iterations=150)
    method = explicit.ExplicitMethod(hand, obj, settings)
    method.set_state(palm, q)
    before = method.differentiate(settings.padding).copy()
    end = explicit.explicit_search(method, palm, q)
    method.set_state(*end)
    assert (method.differentiate(0.0) < 0.5 * before).all()
    assert np.isfinite(end[0]).all()
    assert (end[1] >= hand.lower).all() and (end[1] <= hand.upper).all()


def test_padding_is_gone_after_8000_of_15001_iterations(scene):
    hand, obj, _ = scene
    settings = explicit.ExplicitSettings(iterations=explicit.PUBLISHED_ITERATIONS)
    method = explicit.ExplicitMethod(hand, obj, settings)
    assert method.padding(0) == settings.padding
    assert method.padding(4000) == pytest.approx(settings.padding / 2)
    assert method.padding(8000) == pytest.approx(0.0, abs=1e-12)
    assert method.padding(15_000) == 0.0


def test_tables_are_printed_and_results_are_made_once(tmp_path, monkeypatch, capsys, quick_shakes):
    trimesh.creation.box((0.06, 0.05, 0.07)).export(tmp_path / 'box.obj')
    out = tmp_path / 'out.jsonl'
    options = {'objects': ('box',), 'random_seeds': (0,), 'candidates': 1, 'out': out}
    options |= {'ours': (40,), 'theirs': (6,), 'points': 64}
    side_by_side.main(tmp_path, **options)
    monkeypatch.setattr(side_by_side.Bout, 'run', lambda *_: pytest.fail('it was made again'))
    monkeypatch.setattr(side_by_side, '_warm_up', lambda *_: None)
    capsys.readouterr()
    side_by_side.main(tmp_path, **options)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(r['method'], r['iterations']) for r in records] == [('ours', 40), ('explicit', 6)]
    assert all(r['bare']['shaken'] == 1 for r in records)
    text = capsys.readouterr().out
    assert '| ours, 40 |' in text and '| explicit, 6 |' in text
    assert '**bare**' in text


def test_methods_take_turns():
    theirs = [explicit.ExplicitSettings(iterations=n) for n in (300, 1000)]
    turns = list(side_by_side._in_turns((10, 20, 30), theirs))
    assert turns == [10, theirs[0], 20, theirs[1], 30]


def record(method, iterations, seed, held, seconds):
    shaken = {'held': held, 'shaken': 4}
    return {
        'method': method,
        'iterations': iterations,
        'random_seed': seed,
        'candidates': 4,
        'seed_seconds': 0.0,
        'search_seconds': seconds,
        'closing_seconds': 0.0,
        'planned': shaken,
        'bare': shaken,
    }


def test_ratios_are_taken_where_success_is_equal():
    records = [
        *(record('ours', 10, seed, 0, 1.0) for seed in (0, 1)),
        *(record('ours', 20, seed, 2, 2.0) for seed in (0, 1)),
        *(record('ours', 40, seed, 4, 4.0) for seed in (0, 1)),
        *(record('explicit', 100, seed, 0, 50.0) for seed in (0, 1)),
        record('explicit', 300, 0, 3, 100.0),
        record('explicit', 300, 1, 0, 140.0),
    ]
    text = '\n'.join(side_by_side._comparison(records))
    assert 'holds 38 % at best, in 300 iterations' in text
    assert 'Ours holds 50 % after 20 iterations' in text
    assert 'seconds for a candidate: 50 (50 to 70) times' in text
    assert 'seconds for a grasp that holds: 33.3 (33.3 to inf) times' in text
    none = [r for r in records if r['iterations'] in (10, 300)]
    assert 'does not reach' in '\n'.join(side_by_side._comparison(none))
