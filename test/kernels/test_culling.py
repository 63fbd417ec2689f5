"""What an engine has learnt in one place must not hide anything from it in another."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.schedule import look_reach
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object

COUNT = 16
ROUNDS = 40
CONFIG = SynthesisConfig(device='cpu')
OTHERS = ('penetration_weight', 'object_penetration_weight', 'environment_weight')
WEAK_PULL = {'distance_weight_start': 1e-6, 'distance_weight_end': 1e-6}


def leaps(hand, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Anywhere: around the object, in it, in the plane, or far away, in any posture."""
    turn = Rotation.random(COUNT, random_state=rng)
    away = rng.choice([0.0, 0.03, 0.06, 0.1, 0.3], COUNT)
    position = turn.apply([0.0, 0.0, -1.0]) * away[:, None] + rng.normal(0.0, 0.01, (COUNT, 3))
    share = rng.uniform(0.0, 1.0, (COUNT, len(hand.lower)))
    q = hand.lower + (hand.upper - hand.lower) * share
    return np.hstack([position, turn.as_quat()]), q


def next_states(hand, palm, q, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Some leap, some rest; others go by 30 µm to 3 cm, turn on the spot, or bend their joints."""
    size = 10.0 ** rng.uniform(-4.5, -1.5, (COUNT, 1))
    kind = rng.choice(5, (COUNT, 1), p=[0.1, 0.1, 0.3, 0.25, 0.25])
    go, spin, bend = (np.isin(kind, [2, own]) * size for own in (2, 3, 4))
    turn = Rotation.from_rotvec(rng.normal(0.0, 1.0, (COUNT, 3)) * 10.0 * spin)
    position = palm[:, :3] + rng.normal(0.0, 1.0, (COUNT, 3)) * go
    near = np.hstack([position, (turn * Rotation.from_quat(palm[:, 3:])).as_quat()])
    bent = np.clip(q + rng.normal(0.0, 1.0, q.shape) * 10.0 * bend, hand.lower, hand.upper)
    far, far_q = leaps(hand, rng)
    leap = kind == 0
    return np.where(leap, far, near), np.where(leap, far_q, bent)


@pytest.mark.parametrize('off', [('self_weight',), OTHERS], ids=['others', 'own'])
@pytest.mark.parametrize('name', ['allegro', pytest.param('shadow', marks=pytest.mark.slow)])
def test_a_used_engine_sees_what_a_new_one_sees(name, off):
    hand = load_hand(name)
    box = trimesh.creation.box((0.07, 0.05, 0.12))
    obj = load_object((box.vertices, box.faces), support_plane=[0.0, 0.0, 1.0, 0.06])
    # Overlaps alone: far away, the nearest point may be one that was near.
    config = SynthesisConfig(contact_weight=0.0, **WEAK_PULL, **dict.fromkeys(off, 0.0))
    device = resolve_device('cpu')
    uploads = upload_hand(hand, device), upload_object(obj, device)
    used = Engine(*uploads, config, COUNT, device)
    rng = np.random.default_rng(0)
    palm, q = leaps(hand, rng)
    seen = np.zeros(3)
    for i in range(ROUNDS):
        used.set_state(palm, q)
        if i % 5 == 4:
            used.step()
            palm, q = used.get_state()
        new = Engine(*uploads, config, COUNT, device)
        new.set_state(palm, q)
        used.seek(config.iterations)
        new.seek(config.iterations)
        if i % 4:
            # Between looks that are reported, groups that stay far away are not searched again.
            pairs = zip(used.gradient(sweeps=1), new.gradient(sweeps=1), strict=True)
            for found, expected in pairs:
                scale = np.abs(expected).reshape(COUNT, -1).max(axis=1)
                error = np.abs(found - expected).reshape(COUNT, -1).max(axis=1)
                assert (error <= 1e-5 * scale + 1e-6).all()
        else:
            found, expected = used.look(), new.look()
            near = expected.distance < look_reach(config)
            np.testing.assert_allclose(found.distance[near], expected.distance[near], atol=1e-6)
            assert (found.distance[~near] >= look_reach(config)).all()
            np.testing.assert_allclose(found.environment, expected.environment, atol=1e-6)
            np.testing.assert_allclose(found.own, expected.own, atol=1e-6)
            seen += [
                (values < 0.0).any(axis=1).sum()
                for values in (expected.distance, expected.environment, expected.own)
            ]
        used.seek(0)
        palm, q = next_states(hand, palm, q, rng)
    assert seen.min() >= 5, 'the states do not overlap'


def test_a_palm_that_turns_on_the_spot_is_seen():
    """Its centre stays where it is, 1 cm nearer to the object than its end is to its centre."""
    hand = load_hand('allegro')
    palm = int(np.argmax(np.where(hand.geometry_links == 0, hand.geometry_sizes.max(axis=1), 0)))
    size = hand.geometry_sizes[palm]
    thin, long = np.argmin(size), np.argmax(size)
    depth = 0.01
    assert size[long] - size[thin] > 2 * depth, 'it is no flat palm'
    box = trimesh.creation.box((0.06, 0.05, 0.05))
    obj = load_object((box.vertices, box.faces))
    poses = []
    for axis in (thin, long):
        turn = np.eye(3)[[axis, (axis + 1) % 3, (axis + 2) % 3]]  # that axis along x
        center = np.array([-0.03 - size[long] + depth, 0.0, 0.0])
        at_center = np.concatenate([center, Rotation.from_matrix(turn).as_quat()])
        root = compose(at_center, invert(hand.geometry_poses[palm]))
        poses.append(compose(root, hand.palm_pose))
    device = resolve_device('cpu')
    uploads = upload_hand(hand, device), upload_object(obj, device)
    q = hand.lower[None]
    config = SynthesisConfig(contact_weight=0.0, **WEAK_PULL)
    used = Engine(*uploads, config, 1, device)
    for pose in poses:
        used.set_state(pose[None], q)
        energy, _ = used.gradient(sweeps=1)
    new = Engine(*uploads, config, 1, device)
    new.set_state(pose[None], q)
    assert new.look().distance[0, palm] == pytest.approx(-depth, abs=1e-3)
    assert energy == pytest.approx(new.gradient(sweeps=1)[0], rel=1e-5)


def test_what_is_not_finite_leaves_no_traces():
    """A simulation that diverged ends at NaN; engines are lent to other candidates after it."""
    hand = load_hand('allegro')
    box = trimesh.creation.box((0.07, 0.05, 0.12))
    obj = load_object((box.vertices, box.faces), support_plane=[0.0, 0.0, 1.0, 0.06])
    device = resolve_device('cpu')
    uploads = upload_hand(hand, device), upload_object(obj, device)
    used, new = (Engine(*uploads, SynthesisConfig(), COUNT, device) for _ in range(2))
    palm, q = leaps(hand, np.random.default_rng(1))
    used.set_state(np.full_like(palm, np.nan), np.full_like(q, np.nan))
    used.look()
    used.forget()
    for engine in (used, new):
        engine.set_state(palm, q)
    found, expected = used.look(), new.look()
    assert (expected.distance < -0.005).any()
    for name in ('distance', 'environment', 'own'):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_look_of_small_reach_leaves_nothing_wrong_behind():
    hand = load_hand('allegro')
    box = trimesh.creation.box((0.07, 0.05, 0.12))
    obj = load_object((box.vertices, box.faces))
    device = resolve_device('cpu')
    engines = [
        Engine(upload_hand(hand, device), upload_object(obj, device), CONFIG, COUNT, device)
        for _ in range(2)
    ]
    state = leaps(hand, np.random.default_rng(1))
    for engine in engines:
        engine.set_state(*state)
    engines[0].look()
    (energy, gradient), (expected, slope) = (e.gradient(sweeps=3) for e in engines)
    np.testing.assert_allclose(energy, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, rtol=1e-4, atol=1e-4 * np.abs(slope).max())


@pytest.mark.parametrize('gap', ['clearance', 'pregrasp_clearance', 'pregrasp_margin'])
def test_looks_reach_as_far_as_gaps_are_asked_for(gap):
    assert look_reach(SynthesisConfig(**{gap: 0.05})) > 0.05
