"""`benchmark/searches.py` and its ways to search, at a size that fits into a test."""

from __future__ import annotations

import json

import contact_fields
import numpy as np
import pytest
import searches
import trimesh
from quasi_newton import QuasiNewton
from search_variants import least

from dexgrasp_ros import SynthesisConfig, load_hand, load_object
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import draw_seeds, make_seeds
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object

SEEDS = 8


@pytest.fixture(scope='module')
def hand():
    return load_hand('allegro')


@pytest.fixture(scope='module')
def can():
    mesh = trimesh.creation.cylinder(0.03, 0.1)
    return load_object((np.asarray(mesh.vertices), np.asarray(mesh.faces)), name='can')


@pytest.mark.slow  # each benchmark searches for seconds; another one runs always
def test_variants_are_made_once_and_compared(tmp_path, monkeypatch, capsys):
    trimesh.creation.cylinder(0.03, 0.1).export(tmp_path / 'can.obj')
    out = tmp_path / 'out.jsonl'
    variants = ('Adam, 200 iterations', 'half at 40')
    variants += ('contact fields, last 120 of 200', 'BFGS, 100 gradients, half at 20')
    options = {'hands': ('allegro',), 'objects': ('can',), 'random_seeds': (0,), 'out': out}
    options |= {'seed_count': 4, 'variants': variants}
    searches.main(tmp_path, **options)
    monkeypatch.setattr(searches, 'run', lambda *_: pytest.fail('it was made again'))
    searches.main(tmp_path, **options)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r['to_the_end'] for r in records] == [4, 2, 4, 2]
    assert all(r['approved'] <= r['to_the_end'] for r in records)
    # Who goes on ends as if nobody had been left behind.
    assert set(records[1]['best']) <= set(records[0]['best'])
    assert records[0]['best']
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith('| BFGS')]
    assert len(rows) == 2


def test_a_cut_keeps_the_least_of_all_or_of_each_group():
    energy = np.array([3.0, 1.0, np.nan, 2.0, 0.0, 5.0])
    assert least(energy, 0.5, 0).tolist() == [1, 3, 4]
    assert least(energy, 0.5, 2).tolist() == [1, 3, 4]
    assert least(energy[[1, 4, 0, 2]], 0.5, 0).tolist() == [0, 1]
    assert least(energy[[1, 4, 0, 2]], 0.5, 2).tolist() == [1, 2]


def test_a_quasi_newton_descent_gets_lower_than_adam_with_as_many_gradients(hand, can):
    config = SynthesisConfig(device='cpu', seed_count=SEEDS, iterations=60)
    palm, q = make_seeds(Search(hand, can, config), hand, can, config)
    device = resolve_device('cpu')
    uploads = upload_hand(hand, device), upload_object(can, device)
    adam, newton = (Engine(*uploads, config, SEEDS, device) for _ in range(2))
    for engine in (adam, newton):
        engine.set_state(palm, q)
    descent = QuasiNewton(newton, hand, config)
    for iteration in range(config.iterations):
        adam.step()
        descent.step(iteration)
    found = descent.finish()
    usual = adam.measure(sweeps=config.ranking_sweeps)
    assert np.median(found.energy) < np.median(usual.energy)
    joints = newton.get_state()[1]
    assert (joints > hand.lower - 1e-5).all()
    assert (joints < hand.upper + 1e-5).all()


def test_contact_fields_bring_pads_to_patches_that_face_each_other(hand, can):
    rng = np.random.default_rng(0)
    fingers = contact_fields.make_field(hand, rng)
    assert len(fingers) == 4
    palm, q = draw_seeds(hand, can, SynthesisConfig(), rng, SEEDS)
    chosen = contact_fields.choose_patches(fingers, can, palm, rng)
    palm, q = contact_fields.reach(hand, fingers, palm, q, chosen)
    links = pose_to_matrix(compose(palm, invert(hand.palm_pose)))[:, None] @ pose_to_matrix(
        link_poses(hand, q)
    )
    gaps, turns = [], []
    for k, finger in enumerate(fingers):
        own = np.flatnonzero(chosen.place[:, k] >= 0)
        frame, place = links[own, finger.link], chosen.place[own, k]
        x = np.einsum('nij,nj->ni', frame[:, :3, :3], finger.point[place]) + frame[:, :3, 3]
        n = np.einsum('nij,nj->ni', frame[:, :3, :3], finger.normal[place])
        gaps += list(np.linalg.norm(x - chosen.point[own, k], axis=1))
        turns += list((n * chosen.normal[own, k]).sum(axis=1))
    assert len(gaps) > 2 * SEEDS
    assert np.median(gaps) < 0.003
    assert np.median(turns) < -0.85
    # Pushes along the chosen normals nearly balance.
    assert np.median(np.linalg.norm(chosen.normal.mean(axis=1), axis=1)) < 0.5
