"""Terms for wishes: values and gradients against a reference in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from reference import Terms, contact_energies, look_up, terms
from scipy.spatial.transform import Rotation
from test_gradient import STEP, WEIGHTS, neighbours, thinned

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.core.wishes import Region, Wishes
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import ObjectConfig, load_object
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object
from dexgrasp_ros.synthesis.wishes import resolve_wishes

STATES = 24
TURNED = (*(0.02, -0.01, 0.03), *Rotation.from_euler('xyz', [0.4, -0.7, 0.2]).as_quat())
REGIONS = Wishes(
    hold_regions=(
        Region(shape='box', size=(0.05, 0.03, 0.06), pose=TURNED),
        Region(shape='cone', size=(0.05, 0.03), pose=(-0.02, 0.0, -0.03, *TURNED[3:])),
    ),
    avoid_regions=(
        Region(shape='sphere', size=(0.02,), pose=(0.03, 0.02, 0.05, 0.0, 0.0, 0.0, 1.0)),
        Region(shape='cylinder', size=(0.04, 0.015), pose=(-0.03, -0.02, 0.0, *TURNED[3:])),
    ),
)
SOFTEST = 50.0
AXIS = np.array([0.36, 0.48, -0.8])
# Which wishes, and the one setting that is not switched off.
CASES = {
    'links': (Wishes(grasp_type='precision'), 'wish_weight'),
    'places': (REGIONS, 'wish_weight'),
    'pull': (REGIONS, 'distance_weight_start'),
    'contact': (REGIONS, 'contact_weight'),
    'approach': (
        Wishes(approach_axis=tuple(AXIS), approach_half_angle=0.5),
        'approach_weight',
    ),
}
OFF = dict.fromkeys((*WEIGHTS.values(), 'wish_weight', 'approach_weight'), 0.0)


@pytest.fixture(scope='module')
def scene():
    """Allegro hand around a box, in random postures that touch it."""
    hand = thinned(load_hand('allegro'), 10)
    box = trimesh.creation.box((0.07, 0.05, 0.12))
    obj = load_object((box.vertices, box.faces), config=ObjectConfig(surface_point_count=150))
    rng = np.random.default_rng(8)
    palms = np.tile(np.eye(4), (STATES, 1, 1))
    palms[:, :3, :3] = Rotation.random(STATES, rng=rng).as_matrix()
    palms[:, :3, 3] = rng.normal(0.0, 0.01, (STATES, 3)) - 0.06 * palms[:, :3, 2]
    q = hand.lower + (hand.upper - hand.lower) * rng.uniform(0.05, 0.95, (STATES, 16))
    return hand, obj, palms, q


def settings(case: str) -> SynthesisConfig:
    weak = {'distance_weight_start': 1e-6, 'distance_weight_end': 1e-6}
    name = CASES[case][1]
    return SynthesisConfig(**OFF | weak | {name: getattr(SynthesisConfig(), name)})


def kernel_gradient(scene, case: str):
    hand, obj, palms, q = scene
    demand, device = resolve_wishes(hand, obj, CASES[case][0]), resolve_device('cpu')
    uploads = upload_hand(hand, device, weights=demand.weights), upload_object(obj, device)
    engine = Engine(*uploads, settings(case), STATES, device, demand=demand)
    engine.set_state(matrix_to_pose(palms), q)
    return engine.gradient(sweeps=1500)


def astray(wishes: Wishes, x: np.ndarray, margin: float) -> np.ndarray:
    held = np.min([r.distance(x) for r in wishes.hold_regions], axis=0)
    avoided = [margin - r.distance(x) for r in wishes.avoid_regions]
    return np.maximum(np.max([held, *avoided], axis=0), 0.0)


def expected(scene, case: str, found: list[Terms], palms: list[np.ndarray]) -> np.ndarray:
    """The term at neighbouring states, from its formula."""
    hand, obj, *_ = scene
    wishes, config = CASES[case][0], settings(case)
    kappa = config.penalty_scale_start
    if case == 'approach':
        angle = np.array([np.arccos(p[:3, 2] @ AXIS) for p in palms])
        # The least angle that costs is a little inside the cone.
        excess = np.maximum(angle - 0.9 * wishes.approach_half_angle, 0.0)
        return kappa * config.approach_weight * excess**2
    x = np.array([f.points for f in found]) * obj.characteristic_length + obj.center_of_mass
    shape = x.shape[:2]
    short = np.maximum(config.wish_margin - look_up(obj.distance, x.reshape(-1, 3))[0], 0.0)
    short = short.reshape(shape)
    if case == 'links':
        clear = resolve_wishes(hand, obj, wishes).clear
        return kappa * config.wish_weight * (short[:, clear] ** 2).sum(axis=1)
    d = astray(wishes, x.reshape(-1, 3), config.wish_margin).reshape(shape)
    if case == 'places':
        return kappa * config.wish_weight * (np.minimum(short, d) ** 2).sum(axis=1)
    weights = np.maximum(hand.group_weights, 0.02)
    if case == 'pull':
        added = config.distance_weight_start * (weights * d**2).sum(axis=1)
        return added + [f.distance for f in found]
    r = np.array([f.compliance for f in found]) + (d / config.softness_start) ** 2 / weights
    r = np.where(r > SOFTEST, 1e12, r)  # the solver leaves these out
    c, normals = (np.stack([getattr(f, n) for f in found]) for n in ('points', 'normals'))
    start, mu = np.zeros((1, 12, 3 * shape[1])), min(config.friction, config.friction_held)
    _, start = contact_energies(c[:1], normals[:1], r[:1], mu, start, iterations=800)
    return contact_energies(c, normals, r, mu, start, iterations=30)[0]


@pytest.fixture(scope='module')
def around(scene):
    """Terms at all neighbours of all states, with the palms there."""
    hand, obj, *_ = scene
    config = SynthesisConfig()
    rest = config.softness_start, config.distance_weight_start
    result = []
    for n in range(STATES):
        states = list(neighbours(scene, n))
        result.append(([terms(hand, obj, config, p, j, *rest) for p, j in states], states))
    return result


@pytest.mark.parametrize('case', CASES)
def test_values_and_gradients_are_those_of_the_formula(scene, around, case):
    energy, gradient = kernel_gradient(scene, case)
    errors, values, slopes = [], [], []
    for n, (found, states) in enumerate(around):
        value = expected(scene, case, found, [p for p, _ in states])
        slope = (value[0::2] - value[1::2]) / (2 * STEP)
        same = [a.choice == b.choice for a, b in zip(found[0::2], found[1::2], strict=True)]
        scale = np.linalg.norm(slope)
        values.append(value.mean())
        slopes.append(scale)
        errors.append(np.where(same, np.abs(gradient[n] - slope), 0.0).max() / max(scale, 1e-3))
    active = np.array(slopes) > 1e-3
    assert active.sum() >= 15, 'the states do not exercise this term'
    assert np.median(np.array(errors)[active]) < 3e-4
    # Single precision may find itself on the other side of a kink.
    assert np.mean(np.array(errors)[active] < 3e-3) > 0.85
    off = np.abs(energy - values) / np.maximum(values, 1e-2)
    assert np.median(off) < 1e-4 and off.max() < 1e-2


def test_a_palm_that_faces_away_is_turned_and_one_in_the_cone_is_left_alone(scene):
    hand, obj, palms, q = scene
    wishes = Wishes(approach_axis=(0.0, 0.0, 1.0), approach_half_angle=0.5)
    demand, device = resolve_wishes(hand, obj, wishes), resolve_device('cpu')
    uploads = upload_hand(hand, device), upload_object(obj, device)
    engine = Engine(*uploads, settings('approach'), 3, device, demand=demand)
    turned = palms[:3].copy()
    for n, angle in enumerate((0.3, 1.0, np.pi)):
        turned[n, :3, :3] = Rotation.from_rotvec([angle, 0.0, 0.0]).as_matrix()
    engine.set_state(matrix_to_pose(turned), q[:3])
    energy, gradient = engine.gradient(sweeps=1)
    assert energy[0] < 1e-6 and np.abs(gradient[0]).max() < 1e-5
    assert gradient[1, 3] > 0.0 and np.abs(gradient[1, 4:]).max() < 1e-5
    assert np.isfinite(gradient).all()


def test_a_wish_for_nothing_changes_nothing(scene):
    hand, obj, palms, q = scene
    device = resolve_device('cpu')
    demand = resolve_wishes(hand, obj, Wishes())
    found = []
    for wanted in (None, demand):
        weights = None if wanted is None else wanted.weights
        uploads = upload_hand(hand, device, weights=weights), upload_object(obj, device)
        engine = Engine(*uploads, SynthesisConfig(), STATES, device, demand=wanted)
        engine.set_state(matrix_to_pose(palms), q)
        found.append(engine.gradient(sweeps=5))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])
