"""The hand-written gradient against finite differences of the double-precision reference."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import trimesh
from reference import Terms, contact_energies, terms
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import ObjectConfig, load_object
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object

STATES, FEW = 60, 24  # with and without --slow
STEP = 1e-6  # m and rad: far below a grid cell, far above the rounding of doubles
NEGLIGIBLE = 1e-3  # beside gradients of 10 to 1000
WEIGHTS = {
    'contact': 'contact_weight',
    'penetration': 'penetration_weight',
    'object_penetration': 'object_penetration_weight',
    'own': 'self_weight',
    'environment': 'environment_weight',
    'distance': 'distance_weight_start',
}


@pytest.fixture(scope='module')
def scene(request):
    """Allegro hand around a box that stands on a plane, in random postures that touch it."""
    hand = thinned(load_hand('allegro'), 20)
    box = trimesh.creation.box((0.07, 0.05, 0.12))
    obj = load_object(
        (box.vertices, box.faces),
        support_plane=[0.0, 0.0, 1.0, 0.06],
        config=ObjectConfig(surface_point_count=150),
    )
    count = STATES if request.config.getoption('--slow') else FEW
    rng = np.random.default_rng(3)
    palms = np.tile(np.eye(4), (count, 1, 1))
    palms[:, :3, :3] = Rotation.random(count, rng=rng).as_matrix()
    # The palm looks at the object from a few centimetres: the fingers reach around and into it.
    palms[:, :3, 3] = rng.normal(0.0, 0.01, (count, 3)) - 0.05 * palms[:, :3, 2]
    q = hand.lower + (hand.upper - hand.lower) * rng.uniform(0.05, 0.95, (count, 16))
    return hand, obj, palms, q


def thinned(hand: HandModel, factor: int) -> HandModel:
    """Every n-th point of each cluster: the formula is the same, the reference is faster."""
    runs = [np.arange(a, b)[::factor] for a, b in itertools.pairwise(hand.cluster_points)]
    index = np.concatenate(runs)
    starts = np.concatenate([[0], np.cumsum([len(r) for r in runs])]).astype(np.int32)
    return dataclasses.replace(
        hand, points=hand.points[index], normals=hand.normals[index], cluster_points=starts
    )


def kernel_gradient(scene, term: str):
    """Energy [N] and gradient [N, 6 + J] of one term alone."""
    hand, obj, palms, q = scene
    config = dataclasses.replace(
        SynthesisConfig(),
        **dict.fromkeys(WEIGHTS.values(), 0.0)
        | {'distance_weight_start': 1e-6, 'distance_weight_end': 1e-6}
        | {WEIGHTS[term]: getattr(SynthesisConfig(), WEIGHTS[term])},
    )
    device = resolve_device('cpu')
    uploads = upload_hand(hand, device), upload_object(obj, device)
    engine = Engine(*uploads, config, len(palms), device)
    engine.set_state(matrix_to_pose(palms), q)
    return engine.gradient(sweeps=1500)


def neighbours(scene, n: int):
    """States a step ahead and behind along every coordinate of candidate n: (palm, q) pairs."""
    hand, _, palms, q = scene
    palm = palms[n].astype(np.float32).astype(np.float64)
    palm[:3, :3] = Rotation.from_quat(
        Rotation.from_matrix(palms[n, :3, :3]).as_quat().astype(np.float32)
    ).as_matrix()
    joints = q[n].astype(np.float32).astype(np.float64)
    for i in range(6 + len(hand.joint_names)):
        for sign in (1.0, -1.0):
            moved, bent = palm.copy(), joints.copy()
            if i < 3:
                moved[i, 3] += sign * STEP
            elif i < 6:
                turn = np.zeros(3)
                turn[i - 3] = sign * STEP
                moved[:3, :3] = Rotation.from_rotvec(turn).as_matrix() @ moved[:3, :3]
            else:
                bent[i - 6] += sign * STEP
            yield moved, bent


@pytest.fixture(scope='module')
def differences(scene):
    """Central differences [term][N, 6 + J] and where they are valid [N, 6 + J].

    A difference is not valid where the two sides rest on different points: there E has a kink.
    """
    hand, obj, palms, _q = scene
    config = SynthesisConfig()
    softness, pull = config.softness_start, config.distance_weight_start
    shape = (len(palms), 6 + len(hand.joint_names))
    slopes = {name: np.zeros(shape) for name in WEIGHTS}
    valid = np.zeros(shape, dtype=bool)
    for n in range(len(palms)):
        found: list[Terms] = [
            terms(hand, obj, config, palm, joints, softness, pull)
            for palm, joints in neighbours(scene, n)
        ]
        c, normals, r = (
            np.stack([getattr(f, name) for f in found])
            for name in ('points', 'normals', 'compliance')
        )
        start = np.zeros((1, 12, 3 * len(hand.group_names)))
        mu = min(config.friction, config.friction_held)
        _, start = contact_energies(c[:1], normals[:1], r[:1], mu, start, iterations=800)
        # From the neighbour's minimum, the error of the energy is the square of a small step.
        contact, _ = contact_energies(c, normals, r, mu, start, iterations=30)
        for name in WEIGHTS:
            value = contact if name == 'contact' else np.array([getattr(f, name) for f in found])
            slopes[name][n] = (value[0::2] - value[1::2]) / (2 * STEP)
        valid[n] = [a.choice == b.choice for a, b in zip(found[0::2], found[1::2], strict=True)]
    return slopes, valid


@pytest.mark.parametrize('term', WEIGHTS)
def test_gradient_equals_finite_differences(scene, differences, term):
    slopes, valid = differences
    _, gradient = kernel_gradient(scene, term)
    expected = slopes[term]
    assert valid.mean() > 0.95
    scale = np.linalg.norm(expected, axis=1)
    active = scale > NEGLIGIBLE
    enough = 15 if len(active) == STATES else 3
    assert active.sum() >= enough, 'the states do not exercise this term'
    error = np.where(valid, np.abs(gradient - expected), 0.0).max(axis=1)
    relative = error[active] / scale[active]
    assert np.median(relative) < 2e-4
    # In a few states single precision finds itself on the other side of a kink: another closest
    # point or face, another cell of the grid. Fingers bend in parallel planes, so that whole edges
    # are equally deep in each other.
    assert np.mean(relative < 2e-3) > (0.75 if term == 'own' else 0.9)
    assert error[~active].max(initial=0.0) < 1e-5
    assert (gradient[active] * expected[active]).sum(axis=1).min() > 0.0
