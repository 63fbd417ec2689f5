"""A simulated world does what statics and its trajectories say."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import CommandError
from dexgrasp_ros.core.poses import compose, pose_to_matrix, transform_points
from dexgrasp_ros.hand import link_poses, load_hand, load_hand_text, moving_joint_names
from dexgrasp_ros.object import ObjectConfig, load_object
from dexgrasp_ros.simulation import PhysicsSettings, SimWorld, StandingObject, stand_objects
from dexgrasp_ros.simulation.paths import PosePath, TimedPath

UP = np.array([0.0, 0.0, 1.0])
BOX = np.array([0.05, 0.06, 0.1])


def box_at(x=0.0, z=0.05, label=1):
    """A box whose middle is at (x, 0, z)."""
    mesh = trimesh.creation.box(BOX)
    obj = load_object((mesh.vertices, mesh.faces), config=ObjectConfig(max_nodes=10_000))
    pose = np.array([x, 0, z, 0, 0, 0, 1.0])
    return StandingObject(label=label, name='box', obj=obj, pieces=(obj.vertices,), pose=pose)


@pytest.fixture(scope='module')
def allegro():
    return load_hand('allegro')


@pytest.fixture
def world(allegro):
    return SimWorld(allegro, [box_at()])


def wrist_of(world):
    return world.link_poses()[0]


def test_what_is_let_go_falls_as_galilei_says(allegro):
    world = SimWorld(allegro, [box_at(z=1.0)])
    world.run(0.3)
    fallen = 1.0 - world.object_poses()[0, 2]
    # The integrator is off by half a step's fall at most.
    assert fallen == pytest.approx(0.5 * 9.81 * world.time**2, rel=0.02)


def test_what_stands_on_the_table_stays(world):
    start = world.object_poses()
    world.run(5.0)
    np.testing.assert_allclose(world.object_poses(), start, atol=1e-3)
    assert world.contacts_of(1) == {'table'}


def test_two_objects_do_not_pass_through_each_other(allegro):
    world = SimWorld(allegro, [box_at(), box_at(z=0.16, label=2)])
    world.run(1.0)
    assert world.object_poses()[1, 2] == pytest.approx(0.15, abs=5e-3)
    assert world.contacts_of(2) == {'box'}


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
def test_the_hand_starts_away_and_stays_there(name):
    """Behind the table's middle and above; what it says of its links agrees with kinematics."""
    hand = load_hand(name)
    world = SimWorld(hand, [box_at()])
    world.run(0.5)
    links = world.link_poses()
    assert links[:, 2].min() > 0.25
    assert links[:, 0].max() < 0.0
    expected = pose_to_matrix(link_poses(hand, hand.preshape, links[0]))
    np.testing.assert_allclose(pose_to_matrix(links), expected, atol=1e-3)
    palm = compose(links[0], hand.palm_pose)
    np.testing.assert_allclose(Rotation.from_quat(palm[3:]).apply(UP), -UP, atol=1e-3)


def test_fingers_are_where_the_trajectory_is(world, allegro):
    """In any order of the names; linear in time, from where they are."""
    start, goal = allegro.preshape, np.clip(allegro.preshape + 0.3, allegro.lower, allegro.upper)
    order = np.random.default_rng(0).permutation(16)
    names = [allegro.joint_names[i] for i in order]
    world.follow_fingers(names, [goal[order]], [1.0])
    for share in (0.25, 0.5, 0.75):
        world.run(share - world.time)
        off = world.joint_states()[0] - (start + share * (goal - start))
        # A position controller is behind by damping · speed / gain.
        assert np.abs(off).max() < 0.02
    world.run(1.0)
    assert np.abs(world.joint_states()[0] - goal).max() < 2e-3


def test_strong_light_jaws_are_where_the_trajectory_is():
    """15 g, 100 N at 5 mm; both jaws together are 20 ms behind, and none overshoots the end."""
    jaw = '<collision><origin xyz="0 0 0.04"/><geometry><box size="0.02 0.012 0.06"/></geometry>'
    hand = load_hand_text(
        '<robot name="jaws"><link name="base"><collision><geometry><box size="0.06 0.16 0.02"/>'
        f'</geometry></collision></link><link name="left">{jaw}</collision></link>'
        f'<link name="right">{jaw}</collision></link>'
        '<joint name="one" type="prismatic"><parent link="base"/><child link="left"/>'
        '<origin xyz="0 0.006 0"/><axis xyz="0 1 0"/>'
        '<limit lower="0" upper="0.04" effort="100" velocity="0.2"/></joint>'
        '<joint name="two" type="prismatic"><parent link="base"/><child link="right"/>'
        '<origin xyz="0 -0.006 0"/><axis xyz="0 -1 0"/><mimic joint="one"/>'
        '<limit lower="0" upper="0.04" effort="100" velocity="0.2"/></joint></robot>'
    )
    world = SimWorld(hand, [])
    start = world.joint_states()[0]
    world.follow_fingers(['one'], [[0.005]], [0.4])
    speed = (0.005 - start[0]) / 0.4
    for share in (0.25, 0.5, 0.75):
        world.run(0.4 * share - world.time)
        behind = world.joint_states()[0] - (start + 0.4 * share * speed)
        np.testing.assert_allclose(behind, -0.02 * speed, atol=5e-4)
    for _ in range(100):
        world.step()
        assert world.joint_states()[0].min() > 0.005 - 1e-4
    np.testing.assert_allclose(world.joint_states()[0], 0.005, atol=1e-5)


def test_the_wrist_is_where_the_trajectory_is(world):
    start = wrist_of(world)
    turned = compose(start, [0, 0, 0, *Rotation.from_rotvec([0, 0, 1.0]).as_quat()])
    first, last = start.copy(), turned
    first[:3] += [0.0, 0.1, 0.1]
    last[:3] += [0.1, 0.1, 0.0]
    world.follow_wrist([first, last], [1.0, 2.0])
    world.run(0.5)
    np.testing.assert_allclose(
        wrist_of(world)[:3], start[:3] + np.array([0, 0.05, 0.05]), atol=0.01
    )
    world.run(1.0)
    between = 0.5 * (first + last)
    np.testing.assert_allclose(wrist_of(world)[:3], between[:3], atol=0.012)
    half = Rotation.from_quat(start[3:]).inv() * Rotation.from_quat(wrist_of(world)[3:])
    assert half.magnitude() == pytest.approx(0.5, abs=0.12)
    world.run(1.0)
    np.testing.assert_allclose(wrist_of(world)[:3], last[:3], atol=1e-3)
    end = Rotation.from_quat(last[3:]).inv() * Rotation.from_quat(wrist_of(world)[3:])
    assert end.magnitude() < 5e-3


def test_a_newer_trajectory_takes_the_place_and_none_stops(world, allegro):
    start = wrist_of(world)
    far = start + np.array([0, 0, 1.0, 0, 0, 0, 0])
    world.follow_wrist([far], [10.0])
    world.run(1.0)
    back = start + np.array([0, 0.05, 0, 0, 0, 0, 0])
    world.follow_wrist([back], [0.5])
    world.run(1.0)
    np.testing.assert_allclose(wrist_of(world)[:3], back[:3], atol=1e-3)
    world.follow_wrist([far], [10.0])
    world.follow_fingers(allegro.joint_names, [allegro.upper], [10.0])
    world.run(1.0)
    world.follow_wrist([], [])
    world.follow_fingers(allegro.joint_names, [], [])
    world.run(0.3)
    stopped, joints = wrist_of(world), world.joint_states()[0].copy()
    world.run(2.0)
    np.testing.assert_allclose(wrist_of(world), stopped, atol=1e-3)
    np.testing.assert_allclose(world.joint_states()[0], joints, atol=1e-3)
    assert stopped[2] < far[2] - 0.5


def test_a_trajectory_may_begin_later(world):
    start = wrist_of(world)
    world.follow_wrist([start + np.array([0, 0.1, 0, 0, 0, 0, 0])], [0.2], begin=1.0)
    world.run(0.9)
    np.testing.assert_allclose(wrist_of(world), start, atol=1e-3)
    world.run(1.0)
    assert wrist_of(world)[1] == pytest.approx(start[1] + 0.1, abs=1e-3)


def test_the_hand_cannot_enter_object_or_table(world):
    """Pressed down onto the box, then beside it: whatever is told, it stays above."""
    start = wrist_of(world)
    over = start.copy()
    over[:2] -= compose(start, world.hand.palm_pose)[:2]  # palm over the box
    for place, floor in ((over, 0.1), (start, 0.0)):
        world.reset()
        down = place.copy()
        down[2] -= 0.15 if floor else 0.4
        world.follow_wrist([place, down], [1.0, 3.0])
        world.run(4.0)
        assert world.is_sane
        # Geometry of the links, not their frames: nothing is below what it rests on.
        lowest = min(g[2] for g in world._data.geom_xpos[1:] if np.isfinite(g).all())
        assert lowest > -0.01
        assert world.object_poses()[0, 2] > 0.04


def test_efforts_stay_within_the_limits(world, allegro):
    world.follow_fingers(allegro.joint_names, [allegro.upper], [0.1])
    for _ in range(50):
        world.step()
        assert (np.abs(world.joint_states()[2]) <= allegro.effort_limits + 1e-9).all()


def test_nothing_but_contact_moves_an_object(world):
    """No constraint of the model names one."""
    import mujoco

    model = world._model
    bodies = {model.body('object_1_').id}
    joints = {int(j) for b in bodies for j in np.flatnonzero(model.jnt_bodyid == b)}
    for kind, one, other in zip(model.eq_type, model.eq_obj1id, model.eq_obj2id, strict=True):
        named = bodies if kind == mujoco.mjtEq.mjEQ_WELD else joints
        assert not named & {int(one), int(other)}
    assert not model.body_gravcomp[list(bodies)].any()


@pytest.mark.parametrize(
    ('names', 'points', 'times', 'words'),
    [
        (('thumb',), [[0.0]], [1.0], "'thumb'"),
        (None, [[0.0] * 16], [1.0, 2.0], 'a time for each'),
        (None, [[np.nan] * 16], [1.0], 'not finite'),
        (None, [[0.0] * 16] * 2, [2.0, 1.0], 'rising'),
        (None, [[0.0] * 16], [-1.0], 'rising'),
    ],
)
def test_what_cannot_be_followed_is_refused_and_moves_nothing(
    world, allegro, names, points, times, words
):
    with pytest.raises(CommandError, match=words):
        world.follow_fingers(names or allegro.joint_names, points, times)
    before = world.joint_states()[0].copy()
    world.run(0.5)
    np.testing.assert_allclose(world.joint_states()[0], before, atol=1e-3)


def test_mimic_joints_are_told_by_name():
    hand = load_hand('barrett')
    world = SimWorld(hand, [box_at()])
    names = moving_joint_names(hand)
    assert len(names) == len(world.moving_links) > len(hand.joint_names)
    assert set(hand.joint_names) <= set(names)
    q = 0.5 * (hand.lower + hand.upper)
    world.follow_fingers(hand.joint_names, [q], [1.0])
    world.run(2.0)
    found = dict(zip(names, world.joint_states()[0], strict=True))
    for name, value in zip(hand.joint_names, q, strict=True):
        assert found[name] == pytest.approx(value, abs=0.01)


def test_reset_is_a_new_beginning(world):
    start = world.object_poses(), world.link_poses()
    world.follow_wrist([wrist_of(world) - np.array([0, 0, 0.3, 0, 0, 0, 0])], [1.0])
    world.run(2.0)
    world.reset()
    assert world.time == 0.0
    np.testing.assert_array_equal(world.object_poses(), start[0])
    np.testing.assert_allclose(world.link_poses(), start[1], atol=1e-12)


def test_objects_of_different_mass(allegro):
    for mass in (0.1, 0.5):
        settings = PhysicsSettings(gravity=9.81, object_mass=mass)
        model = SimWorld(allegro, [box_at()], settings)._model
        assert model.body('object_1_').mass[0] == pytest.approx(mass)


def test_the_packages_own_objects_stand_in_a_row():
    """On the table, apart, and the same for the same seed."""
    standing = stand_objects(spacing=0.3, random_seed=4)
    assert [o.label for o in standing] == [1, 2]
    for thing, y in zip(standing, (-0.15, 0.15), strict=True):
        corners = transform_points(thing.pose, thing.obj.vertices)
        middle = 0.5 * (corners.min(axis=0) + corners.max(axis=0))
        assert corners[:, 2].min() == pytest.approx(0.0, abs=1e-3)
        np.testing.assert_allclose(middle[:2], [0.0, y], atol=1e-9)
    again = stand_objects(spacing=0.3, random_seed=4)
    np.testing.assert_array_equal([o.pose for o in standing], [o.pose for o in again])
    other = stand_objects(spacing=0.3, random_seed=5)
    assert np.abs(other[0].pose[3:] - standing[0].pose[3:]).max() > 0.01


def test_a_path_is_linear_and_holds_its_ends():
    path = TimedPath([0.0, 1.0], [[1.0, 1.0], [1.0, 3.0]], [2.0, 2.5], begin=10.0)
    for time, place in ((9, [0, 1]), (11, [0.5, 1]), (12, [1, 1]), (12.25, [1, 2]), (99, [1, 3])):
        np.testing.assert_allclose(path.at(time), place)


def test_a_pose_turns_the_shorter_way():
    start = np.array([0, 0, 0, 0, 0, 0, 1.0])
    turn = Rotation.from_rotvec([0, 0.8, 0]).as_quat()
    path = PosePath(start, [[0, 0, 0, *-turn]], [1.0])
    half = Rotation.from_quat(path.at(0.5)[3:]).as_rotvec()
    np.testing.assert_allclose(half, [0, 0.4, 0], atol=1e-9)


@pytest.mark.parametrize('seconds', [1e-3, 1.0])
def test_a_wrist_that_would_go_far_away_is_refused(world, seconds):
    """As far as it may go, the physics stand it, however soon it is to be there."""
    world.reset()
    for far, way in ((1e6, 0), (11.0, 2)):
        pose = np.array([0.0, 0, 0, 0, 0, 0, 1])
        pose[way] = far
        with pytest.raises(CommandError, match='at most 10 m'):
            world.follow_wrist([pose], [seconds])
    world.follow_wrist([[0.0, 0, 9.9, 0, 0, 0, 1]], [seconds])
    world.run(0.5)
    assert world.is_sane
    world.reset()
