"""The contact solve against the same steps in NumPy, one wrench and one contact at a time."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from dexgrasp_ros.kernels.contact_solve import (
    CPU_WRENCHES,
    CUDA_WRENCHES,
    Forces,
    solve_contacts,
)
from dexgrasp_ros.kernels.types import Contacts, Settings

N, G, SWEEPS = 4, 7, 3
FRICTION = np.float32(0.6)


def unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def on_cone(f: np.ndarray, normal: np.ndarray) -> np.ndarray:
    along = f[0] * normal[0] + f[1] * normal[1] + f[2] * normal[2]
    across = f - normal * along
    size = np.sqrt(across[0] * across[0] + across[1] * across[1] + across[2] * across[2])
    if size <= FRICTION * along:
        return f
    if along < -FRICTION * size:
        return np.zeros(3, np.float32)
    edge = (along + FRICTION * size) / (np.float32(1) + FRICTION * FRICTION)
    return normal * edge + across * (FRICTION * edge / max(size, np.float32(1e-12)))


def solved(arm, normal, r, step, force, wrench):
    """Forces [G, 3], what is left of the wrench [6], and its energy."""
    rest_f, rest_t = wrench[:3].copy(), wrench[3:].copy()
    force = np.where(step[:, None] == 0, np.float32(0), force)
    for g in range(G):
        if step[g] > 0:
            rest_f = rest_f + force[g]
            rest_t = rest_t + np.cross(arm[g], force[g])
    for _sweep in range(SWEEPS):
        for g in range(G):
            if step[g] > 0:
                slope = rest_f + np.cross(rest_t, arm[g]) + force[g] * r[g]
                change = on_cone(force[g] - slope * step[g], normal[g]) - force[g]
                rest_f = rest_f + change
                rest_t = rest_t + np.cross(arm[g], change)
                force[g] = force[g] + change
    energy = 0.5 * (rest_f @ rest_f + rest_t @ rest_t + r @ (force**2).sum(axis=1))
    return force, np.concatenate([rest_f, rest_t]), energy


@pytest.fixture(scope='module')
def problem():
    rng = np.random.default_rng(0)
    arm = rng.normal(0.0, 0.7, (N, G, 3)).astype(np.float32)
    normal = unit(rng.normal(size=(N, G, 3)))
    r = rng.uniform(0.05, 5.0, (N, G)).astype(np.float32)
    step = (1.0 / (1.0 + r + (arm**2).sum(axis=2))).astype(np.float32)
    step[:, 2] = 0.0  # too soft to count
    force = rng.normal(0.0, 0.2, (N, G, 3, 12)).astype(np.float32)
    return arm, normal, r, step, force


def run(problem, device: str, wrenches: int):
    arm, normal, r, step, force = problem
    contacts, settings = Contacts(), Settings()
    contacts.arm = wp.array(arm, dtype=wp.vec3, device=device)
    contacts.normal = wp.array(normal, dtype=wp.vec3, device=device)
    contacts.compliance = wp.array(r, dtype=float, device=device)
    contacts.step = wp.array(step, dtype=float, device=device)
    settings.friction, settings.sweeps = float(FRICTION), SWEEPS
    forces = wp.array(force, dtype=Forces, device=device)
    left = [wp.zeros((N, 12), dtype=t, device=device) for t in (wp.vec3, wp.vec3, float)]
    inputs = [settings, contacts, forces, *left]
    wp.launch(solve_contacts, dim=(N, 12 // wrenches), inputs=inputs, device=device)
    return forces.numpy(), *(a.numpy() for a in left)


def check(problem, found) -> None:
    arm, normal, r, step, force = problem
    forces, left_f, left_t, energy = found
    for n in range(N):
        for j in range(12):
            wrench = np.zeros(6, np.float32)
            wrench[j // 2] = -1.0 if j % 2 else 1.0
            contacts = arm[n], normal[n], r[n], step[n], force[n, :, :, j]
            expected, rest, value = solved(*contacts, wrench)
            np.testing.assert_allclose(forces[n, :, :, j], expected, atol=2e-6)
            np.testing.assert_allclose(np.r_[left_f[n, j], left_t[n, j]], rest, atol=2e-6)
            np.testing.assert_allclose(energy[n, j], value, rtol=1e-5)


def test_lanes_of_wrenches_solve_as_each_does_alone(problem):
    check(problem, run(problem, 'cpu', CPU_WRENCHES))


@pytest.mark.cuda
def test_pairs_of_wrenches_solve_as_each_does_alone(problem):
    check(problem, run(problem, 'cuda', CUDA_WRENCHES))


def test_more_sweeps_leave_less(problem):
    *_, energy = run(problem, 'cpu', CPU_WRENCHES)
    forces = run(problem, 'cpu', CPU_WRENCHES)[0]
    *_, later = run((*problem[:4], forces), 'cpu', CPU_WRENCHES)
    assert (later <= energy + 1e-6).all() and (later < energy).any()
