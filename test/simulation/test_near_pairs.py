"""Steps that look at near pairs only do what steps that look at all pairs do."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.poses import compose, invert
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.simulation import NearPairs, PhysicsSettings, build_physics, physics_scene
from dexgrasp_ros.simulation.motion_bounds import MotionBounds

FLOOR = [0.0, 0.0, 1.0, 0.15]


@pytest.fixture(scope='module')
def brick():
    mesh = trimesh.creation.box([0.04, 0.05, 0.06])
    return load_object((mesh.vertices, mesh.faces))


def build(name, brick, **options):
    """Hand and brick, the brick in two pieces."""
    halves = [brick.vertices * [1, 1, 0.5] + [0, 0, z] for z in (-0.015, 0.015)]
    return build_physics(load_hand(name), brick, halves, **options)


def above_the_palm(name, distance):
    """Pose of the hand's root where the brick's centre is before the palm."""
    palm = load_hand(name).palm_pose
    return invert(compose(palm, [0.0, 0.0, distance, 0, 0, 0, 1.0]))


def throw(physics, name, steps, step_of):
    """Coordinates [steps, nq] while the hand closes and the brick flies at the palm, turning."""
    hand, data = load_hand(name), mujoco.MjData(physics.model)
    step = step_of(physics, data)
    physics.place(data, above_the_palm(name, 0.12), hand.lower.clip(0.0))
    free = physics.model.jnt_dofadr[physics.model.body_jntadr[physics.object_body]]
    axis = data.xmat[physics.hand_body].reshape(3, 3) @ axes_of(hand.palm_pose)[:, 2]
    data.qvel[free : free + 3] = -1.5 * axis
    data.qvel[free + 3 : free + 6] = [5.0, 3.0, -4.0]
    course = []
    for share in np.linspace(0.0, 1.0, steps):
        data.ctrl[:] = hand.lower.clip(0.0) + share * (0.9 * hand.upper - hand.lower.clip(0.0))
        step()
        course.append(data.qpos.copy())
    return np.array(course)


def axes_of(pose):
    return trimesh.transformations.quaternion_matrix(np.asarray(pose)[[6, 3, 4, 5]])[:3, :3]


def all_pairs(physics, data):
    return lambda: mujoco.mj_step(physics.model, data)


def near_pairs(physics, data):
    return NearPairs(physics, data).step


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
def test_a_thrown_brick_and_closing_fingers_go_the_same_way_to_the_last_bit(name, brick):
    physics = build(name, brick, settings=PhysicsSettings(gravity=9.81), floor=FLOOR)
    expected = throw(physics, name, 150, all_pairs)
    np.testing.assert_array_equal(throw(physics, name, 150, near_pairs), expected)


def test_without_its_bound_on_motion_the_list_loses_contacts(brick, monkeypatch):
    """So the test above would tell."""
    physics = build('allegro', brick, settings=PhysicsSettings())
    expected = throw(physics, 'allegro', 100, all_pairs)
    covers = NearPairs._covers
    monkeypatch.setattr(
        NearPairs, '_covers', lambda self: np.isfinite(self._listed_at).all() or covers(self)
    )
    lost = throw(physics, 'allegro', 100, near_pairs)
    assert np.abs(lost - expected).max() > 0.01


def test_a_bound_that_is_too_small_loses_contacts_too(brick, monkeypatch):
    physics = build('allegro', brick, settings=PhysicsSettings())
    expected = throw(physics, 'allegro', 100, all_pairs)
    reach = MotionBounds.reach
    monkeypatch.setattr(MotionBounds, 'reach', lambda *a: 0.1 * reach(*a))
    assert (throw(physics, 'allegro', 100, near_pairs) != expected).any()


def test_more_near_pairs_than_slots_are_looked_at_all(brick, monkeypatch):
    monkeypatch.setattr(physics_scene, '_SLOTS', 2)
    physics = build('allegro', brick, settings=PhysicsSettings())
    assert physics.near.npair == 2
    expected = throw(physics, 'allegro', 100, all_pairs)
    np.testing.assert_array_equal(throw(physics, 'allegro', 100, near_pairs), expected)


def test_a_jump_between_steps_is_seen(brick):
    """A brick is set from 1 m away into the hand."""
    physics = build('allegro', brick, settings=PhysicsSettings())
    hand, found = load_hand('allegro'), []
    for stepper in (all_pairs, near_pairs):
        data = mujoco.MjData(physics.model)
        step = stepper(physics, data)
        physics.place(data, above_the_palm('allegro', 0.02), hand.preshape)
        data.qpos[physics.object_address] = 1.0
        step()
        assert data.ncon == 0
        data.qpos[physics.object_address] = 0.0
        step()
        assert data.ncon > 0
        found.append(data.qpos.copy())
    np.testing.assert_array_equal(*found)


def test_a_state_that_is_no_number_is_passed_on(brick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log there
    physics = build('allegro', brick, settings=PhysicsSettings())
    data = mujoco.MjData(physics.model)
    physics.place(data, above_the_palm('allegro', 0.3), load_hand('allegro').preshape)
    near = NearPairs(physics, data)
    near.step()
    data.qpos[physics.object_address] = np.nan
    near.step(2)
    assert np.isnan(data.xipos[physics.object_body]).any()


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
@pytest.mark.parametrize('skin', [0.0005, 0.006])
def test_the_list_has_every_pair_that_is_near(name, skin, brick):
    """Against distances of all pairs, one by one."""
    physics = build(name, brick, settings=PhysicsSettings(), floor=FLOOR)
    model, data, hand = physics.model, mujoco.MjData(physics.model), load_hand(name)
    rng = np.random.default_rng(3)
    things = np.flatnonzero(physics.object_geometries)
    meet = [(a, b) for a in np.flatnonzero(physics.hand_geometries) for b in things]
    meet += list(zip(model.pair_geom1, model.pair_geom2, strict=True))
    count = 0
    for distance in (0.0, 0.02, 0.03, 0.05):
        physics.place(data, above_the_palm(name, distance), rng.uniform(hand.lower, hand.upper))
        listed = {tuple(sorted(p)) for p in NearPairs(physics, data).pairs_within(skin).tolist()}
        close = {
            tuple(sorted((int(a), int(b))))
            for a, b in meet
            if mujoco.mj_geomDistance(model, data, int(a), int(b), 2 * skin, None) < skin
        }
        assert close <= listed
        count += len(close)
    assert count > 10  # some of them


@pytest.mark.parametrize(
    'name', ['allegro', 'barrett', pytest.param('shadow', marks=pytest.mark.slow)]
)
def test_no_point_moves_farther_than_the_bound(name, brick):
    """Corners of the boxes around the geometries, at random changes of all coordinates."""
    physics = build(name, brick, settings=PhysicsSettings())
    model, data, hand = physics.model, mujoco.MjData(physics.model), load_hand(name)
    bounds, rng, skin = MotionBounds(model), np.random.default_rng(0), 0.01
    signs = np.stack(np.meshgrid(*[[-1, 1]] * 3), axis=-1).reshape(-1, 3) / np.sqrt(3.0)

    def corners():
        """[geoms, 8, 3] within the spheres around the geometries."""
        local = model.geom_rbound[:, None, None] * signs
        turned = np.einsum('gij,gkj->gki', data.geom_xmat.reshape(-1, 3, 3), local)
        return data.geom_xpos[:, None] + turned

    bodies, share = np.unique(model.geom_bodyid), []
    for _ in range(30):
        physics.place(data, above_the_palm(name, 0.1), rng.uniform(hand.lower, hand.upper))
        before, start, reach = corners(), data.qpos.copy(), bounds.reach(data, skin)
        change = rng.normal(size=model.nv) * (rng.random(model.nv) < 0.2)
        scale = 1.0
        while True:  # as far as the bound holds for all
            data.qpos[:] = start
            mujoco.mj_integratePos(model, data.qpos, scale * change, 1.0)
            limit = reach @ np.abs(data.qpos - start)
            if limit.max() <= 0.5 * skin:
                break
            scale *= 0.7
        mujoco.mj_kinematics(model, data)
        moved = np.linalg.norm(corners() - before, axis=2).max(axis=1)
        by_body = np.array([moved[model.geom_bodyid == b].max() for b in bodies])
        assert (by_body <= limit + 1e-12).all()
        share += (by_body[limit > 0] / limit[limit > 0]).tolist()
    assert max(share) > 0.5
