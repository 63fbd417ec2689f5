"""What simulated closings choose, and what is true of it by measures of another kind."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import trimesh
from closing_scenes import closing_of
from oracles import distance_to, posed_points, self_depth

from dexgrasp_ros.core.poses import compose, invert, transform_points
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize
from dexgrasp_ros.synthesis.batches import take
from dexgrasp_ros.synthesis.closing import plan_closing, replan_closing
from dexgrasp_ros.synthesis.ranking import count_rejects, reject_candidates, reject_paths
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import make_seeds


@pytest.fixture(scope='module')
def box():
    mesh = trimesh.creation.box([0.06, 0.09, 0.12])
    return load_object((mesh.vertices, mesh.faces))


@pytest.fixture(scope='module')
def unsimulated(allegro, can, config):
    return synthesize(allegro, can, dataclasses.replace(config, simulate_closing=False))


@pytest.fixture(scope='module')
def search(allegro, can, config):
    return Search(allegro, can, config)


@pytest.fixture(scope='module')
def closings(search, allegro, grasps):
    """The returned grasps as closings."""
    palm, before = (
        compose(root, np.broadcast_to(allegro.palm_pose, root.shape))
        for root in (grasps.base_pose, grasps.pregrasp_base_pose)
    )
    return closing_of(
        search,
        palm,
        pregrasp_palm=before,
        pregrasp=grasps.pregrasp,
        grasp=grasps.grasp,
        squeeze=grasps.squeeze,
    )


# --- counts and order --------------------------------------------------------------------------


def test_without_simulation_every_candidate_is_accounted_for_as_well(unsimulated, config):
    assert len(unsimulated) == config.max_grasps
    assert len(unsimulated) + sum(unsimulated.rejected.values()) == config.seed_count
    assert 'simulation' not in unsimulated.rejected


def test_without_simulation_scores_are_those_of_the_residual(unsimulated):
    assert (np.diff(unsimulated.score) <= 0).all()
    np.testing.assert_allclose(unsimulated.score, 1.0 - 2.0 * unsimulated.residual)


def test_simulation_has_a_count_of_its_own(grasps):
    assert grasps.rejected['simulation'] >= 0
    assert (np.diff(grasps.score) <= 0).all()
    assert (grasps.score > 0).all()
    assert (grasps.score <= 1).all()


def test_a_limit_that_no_closing_meets_rejects_all(allegro, can, config):
    """The counts say that it was the simulation, and still add up."""
    strict = dataclasses.replace(config, seed_count=16, iterations=60, max_displacement=1e-9)
    grasps = synthesize(allegro, can, strict)
    assert len(grasps) == 0
    assert sum(grasps.rejected.values()) == 16
    assert grasps.rejected['simulation'] > 0


def test_seeds_of_grasps_are_all_different(grasps, config):
    assert len(set(grasps.seed_index)) == len(grasps)
    assert (grasps.seed_index < config.seed_count).all()


# --- what was promised of the simulated closing -------------------------------------------------


@pytest.mark.parametrize('growth', [0.0, 0.001])
def test_returned_grasps_hold_the_object_still_in_simulation(search, closings, config, growth):
    outcome = search.simulate(closings, growth=growth)
    assert (outcome.displacement < config.max_displacement).all()
    assert (outcome.rotation < config.max_rotation).all()
    assert (outcome.normal_force > 0.06 * config.squeeze_force).all()


def test_it_moves_less_than_what_was_chosen_without(search, closings, allegro, unsimulated):
    palm, before = (
        compose(root, np.broadcast_to(allegro.palm_pose, root.shape))
        for root in (unsimulated.base_pose, unsimulated.pregrasp_base_pose)
    )
    others = closing_of(
        search,
        palm,
        pregrasp_palm=before,
        pregrasp=unsimulated.pregrasp,
        grasp=unsimulated.grasp,
        squeeze=unsimulated.squeeze,
    )
    with_it, without = (search.simulate(c).displacement for c in (closings, others))
    assert np.mean(with_it) <= np.mean(without)


@pytest.mark.parametrize('name', ['can', 'box'])
def test_planning_from_where_it_ended_moves_the_object_less(request, allegro, config, name):
    obj = request.getfixturevalue(name)
    small = dataclasses.replace(config, seed_count=40, iterations=120, random_seed=7)
    search = Search(allegro, obj, small)
    seeds = make_seeds(search, allegro, obj, small)
    palm, q, found = search.optimize(*seeds)
    good = np.flatnonzero(count_rejects(reject_candidates(allegro, found, small))[0])
    assert len(good) >= 10
    planned = plan_closing(search, allegro, small, palm[good], q[good], take(found, good))
    first = search.simulate(planned)
    again = replan_closing(search, allegro, small, first)
    second = search.simulate(again)
    ratio = second.displacement / np.maximum(first.displacement, 1e-9)
    assert np.median(ratio) < 0.85
    assert (ratio < 1.0).mean() > 0.6
    assert np.median(second.rotation) < np.median(first.rotation)
    # What was at rest is planned with forces that cancel, on contacts that are reported.
    held = first.normal_force > 5.0
    touch = (again.in_contact.distance < small.contact_distance)[..., None]
    left = np.linalg.norm((again.force * touch).sum(axis=1), axis=1)[held]
    assert np.median(left / first.normal_force[held]) < 0.005
    assert (left < 0.1 * first.normal_force[held]).mean() > 0.9


@pytest.fixture(scope='module')
def beam():
    """Long and heavy at its ends, so that a hand that holds one end needs force."""
    mesh = trimesh.creation.box([0.05, 0.06, 0.24])
    return load_object((mesh.vertices, mesh.faces))


def normal_forces(grasps):
    """[N] sums of the forces along the normals, N."""
    along = np.einsum('ngi,ngi->ng', grasps.contact_forces, grasps.contact_normals)
    return np.where(grasps.contact_links >= 0, along, 0.0).sum(axis=1)


def test_only_what_would_slip_is_squeezed_more_firmly_and_only_if_that_helps(
    allegro, beam, config
):
    small = dataclasses.replace(config, seed_count=24, iterations=120)
    usual = dataclasses.replace(small, firm_squeeze=1.0)
    firm, plain = (synthesize(allegro, beam, c, keep='all') for c in (small, usual))
    of_seed = {int(seed): n for n, seed in enumerate(plain.seed_index)}
    pairs = [(n, of_seed[int(s)]) for n, s in enumerate(firm.seed_index) if int(s) in of_seed]
    mine, others = np.array(pairs).T
    changed = ~(firm.squeeze[mine] == plain.squeeze[others]).all(axis=1)
    assert 0 < changed.sum()
    needs = ~(plain.least_friction[others] <= 0.6 * small.friction_held)
    assert not (changed & ~needs).any()
    assert (firm.score[mine][changed] > plain.score[others][changed]).all()
    assert normal_forces(firm).max() > 1.2 * normal_forces(plain).max()
    assert normal_forces(firm).max() < 1.05 * small.firm_squeeze * small.squeeze_force


def test_a_limit_of_force_holds_for_firm_squeezes_too(allegro, beam, config):
    limited = dataclasses.replace(config, seed_count=16, iterations=120, max_force=15.0)
    grasps = synthesize(allegro, beam, limited, keep='all')
    assert len(grasps)
    assert normal_forces(grasps).max() <= 15.0


def test_a_candidate_that_is_nowhere_is_not_finite(allegro, can, config):
    search = Search(allegro, can, config)
    palm, q = make_seeds(search, allegro, can, dataclasses.replace(config, seed_count=4))
    palm[2, 0] = np.nan
    rejected = reject_candidates(allegro, search.measure(palm, q), config)
    np.testing.assert_array_equal(rejected['not_finite'], [False, False, True, False])


# --- forces and torques ------------------------------------------------------------------------


def torques(hand, root, q, links, points, forces) -> np.ndarray:
    """Jᵀ f [J] by differences of where the links' points are."""
    step = 1e-6
    poses = link_poses(hand, q, root)
    steps = step * np.vstack([np.eye(len(q)), -np.eye(len(q))])
    moved = link_poses(hand, q + steps, np.broadcast_to(root, (len(steps), 7)))
    result = np.zeros(len(q))
    for link, x, f in zip(links, points, forces, strict=True):
        local = transform_points(invert(poses[link]), x[None])
        place = np.array([transform_points(pose, local)[0] for pose in moved[:, link]])
        result += (place[: len(q)] - place[len(q) :]) @ f / (2 * step)
    return result


def test_forces_of_the_squeeze_balance_and_motors_can_give_them(search, closings, allegro, can):
    """At the end of the simulated squeeze nothing is left over of forces and torques."""
    outcome = search.simulate(closings)
    total = outcome.normal_force
    force = np.linalg.norm(outcome.force.sum(axis=1), axis=1)
    arm = (outcome.point - can.center_of_mass) / can.characteristic_length
    torque = np.linalg.norm(np.cross(arm, outcome.force).sum(axis=1), axis=1)
    assert (force < 0.05 * total).all()
    assert (torque < 0.05 * total).all()
    for n in range(len(total)):
        used = np.flatnonzero(np.abs(outcome.force[n]).max(axis=1) > 1e-3)
        load = torques(
            allegro,
            compose(outcome.palm[n], invert(allegro.palm_pose)),
            outcome.q[n],
            allegro.geometry_links[used],
            outcome.point[n, used],
            outcome.force[n, used],
        )
        assert (np.abs(load) < 1.05 * allegro.effort_limits).all()


def test_reported_forces_balance_and_motors_can_give_them(grasps, allegro, can):
    """They are those of the squeeze, where it presses."""
    left, effort = [], []
    for n in range(len(grasps)):
        used = slice(0, grasps.contact_count[n])
        force = grasps.contact_forces[n, used]
        points = grasps.contact_points[n, used]
        normal = np.einsum('ci,ci->', force, grasps.contact_normals[n, used])
        arm = (points - can.center_of_mass) / can.characteristic_length
        wrench = np.concatenate([force.sum(axis=0), np.cross(arm, force).sum(axis=0)])
        left.append(np.linalg.norm(wrench) / normal)
        load = torques(
            allegro,
            grasps.base_pose[n],
            grasps.grasp[n],
            grasps.contact_links[n, used],
            points,
            force,
        )
        effort.append(np.abs(load / allegro.effort_limits).max())
    # The twelve problems of the search balance each other but for what compliance leaves.
    assert np.max(left) < 0.08
    assert np.max(effort) < 1.05


# --- the way to the grasp ----------------------------------------------------------------------


def test_the_way_from_pregrasp_to_grasp_is_clear(grasps, allegro, can, config):
    """Halfway between the places that the search looks at, by other distances."""
    post = trimesh.creation.box([0.02, 0.02, 0.2])
    post.apply_translation([0.09, 0, 0.1])
    for n in range(len(grasps)):
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):
            q = grasps.pregrasp[n] + share * (grasps.grasp[n] - grasps.pregrasp[n])
            root = grasps.pregrasp_base_pose[n].copy()
            root[:3] += share * (grasps.base_pose[n, :3] - root[:3])
            points, _ = posed_points(allegro, root, q)
            assert distance_to(can, points).min() > -config.max_penetration - 2e-4
            assert points[:, 2].min() > -5e-4, 'the hand is in the table'
            assert not post.contains(points).any()
            assert self_depth(allegro, q) < config.max_self_penetration + 1e-3


def test_the_palm_does_not_turn_on_its_way(grasps):
    """The path interpolates positions alone."""
    cosine = np.abs((grasps.base_pose[:, 3:] * grasps.pregrasp_base_pose[:, 3:]).sum(axis=1))
    np.testing.assert_allclose(cosine, 1.0, atol=1e-9)


def test_the_squeeze_does_not_drive_the_hand_into_itself(search, closings, grasps, allegro):
    outcome = search.simulate(closings)
    for n in range(len(grasps)):
        assert self_depth(allegro, outcome.q[n]) < 1e-3


def test_a_simulation_that_diverged_spoils_no_other_way(search, allegro, closings, config):
    few = take(closings, np.arange(3))
    end = few.squeeze.copy()
    clear = reject_paths(search, allegro, few, end, config)
    end[1] = np.nan
    lost = dataclasses.replace(few, palm=np.where(np.arange(3)[:, None] == 1, np.nan, few.palm))
    with_lost = reject_paths(search, allegro, lost, end, config)
    np.testing.assert_array_equal(with_lost[[0, 2]], clear[[0, 2]])


def test_what_is_returned_is_no_deeper_in_the_mesh_than_allowed(allegro, can, config, grasps):
    """Grid and points of the search tell of less than the mesh itself."""
    limit = 0.9 * float(grasps.penetration.max())
    found = synthesize(allegro, can, dataclasses.replace(config, max_penetration=limit))
    assert len(found)
    assert found.penetration.max() <= limit < grasps.penetration.max()
