"""Inverse kinematics, held to our own forward kinematics and to pinocchio's."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip('pinocchio')

from arms import arm_with, planar_arm
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import (
    InverseKinematics,
    InverseKinematicsConfig,
    attach,
    find_arm,
    load_hand_text,
)
from dexgrasp_ros.hand.kinematics import tree_matrices

POSES = 200


@pytest.fixture(scope='module')
def solver():
    return InverseKinematics(find_arm(load_hand_text(arm_with('barrett'))))


def planar_solver(text=None, **settings):
    arm = find_arm(load_hand_text(text or planar_arm(), root='palm'))
    return InverseKinematics(arm, InverseKinematicsConfig(**settings))


def random_poses(arm, count, seed):
    """Flange matrices that can be reached, since they were made by joint positions."""
    lower, upper = np.maximum(arm.chain.lower, -np.pi), np.minimum(arm.chain.upper, np.pi)
    q = np.random.default_rng(seed).uniform(lower, upper, (count, len(lower)))
    return tree_matrices(arm.chain, q)[:, -1]


def solve_any(solver, target):
    found = (solver.solve(target, start) for start in solver.starts())
    return next((q for q in found if q is not None), None)


def wrist_solver():
    """Three joints that slide, and three that turn, two of them without limits."""
    wrist = find_resource('urdf/arms/floating_wrist.urdf')
    return InverseKinematics(
        find_arm(load_hand_text(attach(wrist, 'barrett', flange='wrist', prefix='hand_')))
    )


@pytest.mark.parametrize('which', ['arm', 'wrist'])
def test_almost_every_pose_that_can_be_reached_is(solver, which):
    solver = solver if which == 'arm' else wrist_solver()
    chain, config = solver.arm.chain, solver.config
    found = 0
    for target in random_poses(solver.arm, POSES, seed=1):
        q = solve_any(solver, target)
        if q is None:
            continue
        found += 1
        assert (q >= chain.lower).all() and (q <= chain.upper).all()
        at = tree_matrices(chain, q)[-1]
        turn = Rotation.from_matrix(at[:3, :3].T @ target[:3, :3]).magnitude()
        assert np.linalg.norm(at[:3, 3] - target[:3, 3]) < 1.01 * config.position_tolerance
        assert turn < 1.01 * config.angle_tolerance
    assert found >= 0.99 * POSES


def test_the_model_is_what_pinocchio_reads_from_the_urdf(solver):
    import pinocchio as pin

    model = pin.buildModelFromXML(arm_with('barrett'))
    data, full = model.createData(), pin.neutral(model)
    rng = np.random.default_rng(2)
    for _ in range(5):
        q = rng.uniform(solver.arm.chain.lower, solver.arm.chain.upper)
        for name, value in zip(solver.arm.joint_names, q, strict=True):
            full[model.joints[model.getJointId(name)].idx_q] = value
        pin.framesForwardKinematics(model, data, full)
        at = data.oMf[model.getFrameId('flange', pin.FrameType.BODY)].homogeneous
        np.testing.assert_allclose(solver.flange_matrix(q), at, atol=1e-9)


def test_the_jacobian_is_the_derivative_of_the_flange(solver):
    q = np.array([0.3, -0.5, 0.2, 1.1, -0.4, 0.6, 0.1])
    goal = solver._pin.SE3(solver.flange_matrix(q))
    _, jacobian = solver._look(q, goal)
    for column in range(7):
        moved = q.copy()
        moved[column] += 1e-6
        ahead = solver._pin.SE3(solver.flange_matrix(moved))
        twist = solver._pin.log6(goal.actInv(ahead)).vector / 1e-6
        np.testing.assert_allclose(jacobian[:, column], twist, atol=1e-5)


def test_out_of_reach_is_refused(solver):
    target = random_poses(solver.arm, 1, seed=3)[0]
    target[:3, 3] = [0.0, 1.5, 0.3]
    assert solve_any(solver, target) is None


def test_limits_are_kept_where_a_solution_lies_beyond_them():
    solver = planar_solver()
    # Straight out at 1.2 rad takes the shoulder 0.2 rad past its limit of 1.
    pose = np.array([np.cos(1.2), np.sin(1.2), 0, *Rotation.from_euler('z', 1.2).as_quat()])
    assert solve_any(solver, pose) is None
    within = np.array([np.cos(0.9), np.sin(0.9), 0, *Rotation.from_euler('z', 0.9).as_quat()])
    np.testing.assert_allclose(solve_any(solver, within), [0.9, 0.0], atol=0.01)


def test_of_two_elbows_the_one_within_the_limits_is_found():
    solver = planar_solver()
    # Shoulder 0.9, elbow -1.5; the mirrored elbow would need a shoulder at -0.6 and another turn.
    at = tree_matrices(solver.arm.chain, np.array([0.9, -1.5]))[-1]
    np.testing.assert_allclose(solve_any(solver, at), [0.9, -1.5], atol=0.01)


def test_a_joint_without_limits_stays_on_its_own_turn():
    solver = planar_solver()
    target = tree_matrices(solver.arm.chain, np.array([0.2, 3.0]))[-1]
    for turns in (-2, 0, 3):
        q = solver.solve(target, [0.2, 2.6 + 2 * np.pi * turns])
        np.testing.assert_allclose(q, [0.2, 3.0 + 2 * np.pi * turns], atol=0.01)
    # From the other side of ±π it goes the short way.
    np.testing.assert_allclose(solver.solve(target, [0.2, -3.1]), [0.2, 3 - 2 * np.pi], atol=0.01)


def test_a_joint_that_follows_moves_with_the_one_it_follows():
    text = planar_arm().replace(
        '<origin xyz="0.5 0 0"/><axis', '<mimic joint="shoulder" multiplier="-2"/>'
        '<origin xyz="0.5 0 0"/><axis', 1,
    )  # fmt: skip
    solver = planar_solver(text)
    target = tree_matrices(solver.arm.chain, np.array([0.7]))[-1]
    np.testing.assert_allclose(solve_any(solver, target), [0.7], atol=0.01)


def test_the_same_question_has_the_same_answer():
    arm = find_arm(load_hand_text(arm_with('barrett')))
    targets = random_poses(arm, 3, seed=4)
    first, second = (InverseKinematics(arm, random_seed=7) for _ in range(2))
    np.testing.assert_array_equal(first.starts(), second.starts())
    assert not np.array_equal(first.starts(), InverseKinematics(arm, random_seed=8).starts())
    forth = [solve_any(first, t) for t in targets]
    back = [solve_any(second, t) for t in targets[::-1]][::-1]
    np.testing.assert_array_equal(forth, back)


def test_the_present_posture_is_tried_first_and_kept_within_the_limits(solver):
    there = np.array([0.4, -0.3, 0.2, 1.0, 0.1, 0.5, -0.2])
    pose = matrix_to_pose(solver.flange_matrix(there))
    np.testing.assert_array_equal(solver.solve(pose, solver.starts(there)[0]), there)
    beyond = solver.starts(np.full(7, 99.0))[0]
    np.testing.assert_array_equal(beyond, solver.arm.chain.upper)


@pytest.mark.parametrize(('name', 'value'), [('attempts', 0), ('position_tolerance', 0.0)])
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(InputError, match=name) as caught:
        InverseKinematicsConfig(**{name: value})
    assert caught.value.code == ErrorCode.OUT_OF_RANGE


def test_without_pinocchio_the_error_says_how_to_get_it():
    """In a process of its own, where the module cannot be imported; the rest of `hand` can."""
    script = (
        'import sys\n'
        "sys.modules['pinocchio'] = None\n"
        'from dexgrasp_ros.core.errors import InputError\n'
        'from dexgrasp_ros.hand import InverseKinematics, load_hand\n'
        'from dexgrasp_ros.hand.inverse_kinematics import load_pinocchio\n'
        'try:\n'
        '    load_pinocchio()\n'
        'except InputError as error:\n'
        '    print(error.code.name, error)\n'
    )
    out = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)
    assert out.stdout.startswith('MISSING_KEY'), out.stderr
    assert "pip install 'dexgrasp-ros[arms]'" in out.stdout
