"""Fingers whose joints share a tendon: a sum that is kept, and grasps that hold all the same."""

from __future__ import annotations

import dataclasses

import mujoco
import numpy as np
import pytest
import trimesh
from made_hands import hand, load

from dexgrasp_ros import SynthesisConfig, evaluate, load_object, synthesize
from dexgrasp_ros.evaluation import find_protocol
from dexgrasp_ros.simulation import PhysicsSettings, build_physics

FAR = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]  # of the object
TARGET = 0.6  # rad


@pytest.fixture(scope='module')
def coupled():
    """Three fingers and a thumb; each finger's second joint follows its first one."""
    return load(hand(coupled=True, ranges=(1.5, 1.5)))


@pytest.fixture(scope='module')
def can():
    mesh = trimesh.creation.cylinder(0.03, 0.1)
    return load_object((mesh.vertices, mesh.faces))


@pytest.mark.parametrize('shared', [False, True])
def test_a_torque_on_one_joint_leaves_the_ratio_or_the_sum_as_it_was(coupled, can, shared):
    """On a tendon nothing but the limits withstands a torque on one of its joints."""
    physics = build_physics(coupled, can, [can.vertices], PhysicsSettings(shared_tendons=shared))
    model, data = physics.model, mujoco.MjData(physics.model)
    q = np.full(len(coupled.joint_names), TARGET)
    physics.place(data, FAR, q)
    follower = coupled.link_names.index('f0_1')
    leader = coupled.link_names.index('f0_0')
    one, other = (model.joint(f'joint{k}').id for k in (leader, follower))
    at = data.qpos[model.jnt_qposadr[[one, other]]]
    np.testing.assert_allclose(at, TARGET)
    data.qfrc_applied[model.jnt_dofadr[one]] = -0.1  # N m, opens the first joint
    mujoco.mj_step(model, data, nstep=500)
    first, second = data.qpos[model.jnt_qposadr[[one, other]]]
    if shared:
        assert first + second == pytest.approx(2 * TARGET, abs=0.06)
        assert first < 0.05 and second > 1.1
    else:
        assert first == pytest.approx(second, abs=0.01)
        assert first == pytest.approx(TARGET - 0.1 / 5.0, abs=0.01)  # gain of 5 N m/rad


def test_grasps_hold_with_either_coupling(coupled, can):
    found = synthesize(
        coupled, can, SynthesisConfig(seed_count=32, max_grasps=4, iterations=120, device='cpu')
    )
    assert len(found) == 4
    test = find_protocol('fc')
    tendons = dataclasses.replace(test.physics, shared_tendons=True)
    held = [
        evaluate(found, hand=coupled, object=can, protocol=p).held
        for p in (test, dataclasses.replace(test, physics=tendons))
    ]
    assert held[0].sum() >= 3
    assert held[1].sum() >= held[0].sum() - 1
