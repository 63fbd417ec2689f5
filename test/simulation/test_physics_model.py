"""The compiled physics model is the hand and the object that it was made of."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.hand import link_poses, load_hand, load_hand_text
from dexgrasp_ros.object import load_object
from dexgrasp_ros.simulation import PhysicsSettings, build_physics

POSE = np.array([0.1, -0.2, 0.3, *(np.array([1.0, 2.0, 3.0, 4.0]) / np.sqrt(30.0))])


@pytest.fixture(scope='module')
def brick():
    mesh = trimesh.creation.box([0.04, 0.05, 0.06])
    return load_object((mesh.vertices + np.array([0.0, 0.0, 0.01]), mesh.faces))


@pytest.fixture(scope='module')
def allegro():
    return load_hand('allegro')


def build(hand, obj, settings=None, **options):
    return build_physics(hand, obj, [obj.vertices], settings or PhysicsSettings(), **options)


def test_settings_are_those_of_the_protocol(allegro, brick):
    model = build(allegro, brick).model
    assert model.opt.timestep == 0.004
    assert model.opt.gravity.tolist() == [0, 0, 0]
    assert model.opt.cone == mujoco.mjtCone.mjCONE_ELLIPTIC
    assert (model.opt.impratio, model.opt.noslip_iterations) == (10.0, 2)
    assert set(model.geom_condim) == set(model.pair_dim) == {4}
    np.testing.assert_allclose(model.geom_friction[:, :2], [[0.6, 0.02]] * model.ngeom)
    np.testing.assert_allclose(model.pair_friction[:, :3], [[0.6, 0.6, 0.02]] * model.npair)
    np.testing.assert_allclose(model.actuator_gainprm[:, 0], 5.0)
    np.testing.assert_allclose(model.actuator_biasprm[:, :3], [[0, -5.0, 0]] * model.nu)
    body = model.body('object').id
    assert model.body_mass[body] == pytest.approx(0.1)
    np.testing.assert_allclose(model.body_ipos[body], [0, 0, 0.01], atol=1e-9)
    # A solid box: m (b² + c²) / 12 about x, and so on.
    x, y, z = 0.04**2, 0.05**2, 0.06**2
    expected = 0.1 / 12 * np.array([y + z, x + z, x + y])
    np.testing.assert_allclose(sorted(model.body_inertia[body]), sorted(expected), rtol=1e-6)
    (weld,) = np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_WELD)
    assert model.body(model.eq_obj1id[weld]).name == 'mocap'
    assert model.body(model.eq_obj2id[weld]).name == 'hand'


def test_other_settings_arrive(allegro, brick):
    settings = PhysicsSettings(
        sliding_friction=0.3,
        torsional_friction=0.002,
        impedance_ratio=1.0,
        noslip_iterations=0,
        gravity=9.81,
    )
    model = build(allegro, brick, settings, floor=[0, 0.6, 0.8, 0.5]).model
    np.testing.assert_allclose(model.geom_friction[:, :2], [[0.3, 0.002]] * model.ngeom)
    assert (model.opt.impratio, model.opt.noslip_iterations) == (1.0, 0)
    np.testing.assert_allclose(model.opt.gravity, [0, -9.81 * 0.6, -9.81 * 0.8])


def test_joints_stand_where_the_urdf_has_them(allegro, brick):
    """Actuator j moves joint j within its limits (radians), with the effort that it has."""
    model = build(allegro, brick).model
    np.testing.assert_allclose(model.actuator_forcerange[:, 1], allegro.effort_limits)
    np.testing.assert_allclose(model.actuator_forcerange[:, 0], -allegro.effort_limits)
    driven = model.actuator_trnid[:, 0]
    np.testing.assert_allclose(model.jnt_range[driven, 0], allegro.lower)
    np.testing.assert_allclose(model.jnt_range[driven, 1], allegro.upper)
    assert model.jnt_limited[driven].all()


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
def test_links_stand_where_kinematics_says(name, brick):
    hand = load_hand(name)
    physics = build(hand, brick)
    data = mujoco.MjData(physics.model)
    rng = np.random.default_rng(0)
    for _ in range(3):
        q = rng.uniform(hand.lower, hand.upper)
        physics.place(data, POSE, q)
        frames = pose_to_matrix(compose(link_poses(hand, q, POSE)[hand.geometry_links],
                                        hand.geometry_poses))  # fmt: skip
        for group in range(len(hand.group_names)):
            found = data.geom(f'group{group}')
            if physics.model.geom(f'group{group}').type[0] == mujoco.mjtGeom.mjGEOM_MESH:
                continue  # MuJoCo turns meshes to their principal axes.
            np.testing.assert_allclose(found.xpos, frames[group, :3, 3], atol=1e-9)
            np.testing.assert_allclose(found.xmat.reshape(3, 3), frames[group, :3, :3], atol=1e-9)


def test_mimic_joints_follow(brick):
    hand = load_hand('barrett')
    physics = build(hand, brick)
    data = mujoco.MjData(physics.model)
    middle = 0.5 * (hand.lower + hand.upper)
    physics.place(data, [0, 0, 1.0, 0, 0, 0, 1.0], middle)
    data.ctrl[:] = middle + 0.1 * (hand.upper - hand.lower)
    mujoco.mj_step(physics.model, data, 500)
    moved = data.qpos[physics.joint_addresses]
    followers = slice(len(hand.joint_names), None)
    leader = moved[: len(hand.joint_names)][physics.coordinates[followers]]
    assert (np.abs(leader - middle[physics.coordinates[followers]]) > 0.05).all()
    expected = physics.multipliers[followers] * leader + physics.offsets[followers]
    np.testing.assert_allclose(moved[followers], expected, atol=0.01)


def test_the_hand_follows_its_mocap_body(allegro, brick):
    physics = build(allegro, brick)
    data = mujoco.MjData(physics.model)
    start, shift = np.array([[0, 0, 1.0, 0, 0, 0, 1.0], [0, 0.05, 0, 0, 0, 0, 0]])
    physics.place(data, start, allegro.preshape)
    for share in np.linspace(0, 1, 100):
        physics.move_wrist(data, start + share * shift)
        mujoco.mj_step(physics.model, data)
    mujoco.mj_step(physics.model, data, 50)
    np.testing.assert_allclose(data.body('hand').xpos, [0, 0.05, 1.0], atol=5e-4)


def test_only_the_named_pairs_of_the_hand_collide(allegro, brick):
    physics = build(allegro, brick)
    model = physics.model
    names = {
        tuple(sorted((model.geom(a).name, model.geom(b).name)))
        for a, b in zip(model.pair_geom1, model.pair_geom2, strict=True)
    }
    assert names == {
        tuple(sorted((f'group{a}', f'group{b}'))) for a, b in allegro.self_collision_pairs
    }
    hand = np.flatnonzero(physics.hand_geometries)
    obj = np.flatnonzero(physics.object_geometries)
    meets = (model.geom_contype[hand, None] & model.geom_conaffinity[obj]) != 0
    assert meets.all()
    assert not (model.geom_contype[hand, None] & model.geom_conaffinity[hand]).any()


def test_a_floor_carries_the_object(allegro, brick):
    """On a plane tilted by 37° under gravity along its normal the brick rests without sliding."""
    normal = np.array([0.0, 0.6, 0.8])
    lowest = float((brick.vertices @ normal).min())
    settings = PhysicsSettings(gravity=9.81)
    physics = build(allegro, brick, settings, floor=[*normal, -lowest])
    data = mujoco.MjData(physics.model)
    physics.place(data, [0, 0, 1.0, 0, 0, 0, 1.0], allegro.preshape)
    mujoco.mj_step(physics.model, data, 500)
    corners = brick.vertices @ data.xmat[physics.object_body].reshape(3, 3).T
    height = (corners + data.xpos[physics.object_body]) @ normal - lowest
    assert height.min() == pytest.approx(0.0, abs=1e-3)


def test_locked_joints_stay(brick):
    hand = load_hand('allegro', locked_joints={load_hand('allegro').joint_names[1]: 0.4})
    physics = build(hand, brick)
    data = mujoco.MjData(physics.model)
    physics.place(data, POSE, hand.preshape)
    links = link_poses(hand, hand.preshape, POSE)
    tip = len(hand.link_names) - 1
    np.testing.assert_allclose(data.body(f'link{tip}').xpos, links[tip, :3], atol=1e-9)
    assert physics.model.nu == 15


def test_convex_pieces_of_a_hand_are_its_shape(tmp_path, brick):
    """A wedge as collision mesh: MuJoCo's body has the volume of the wedge, not of its box."""
    wedge = trimesh.convex.convex_hull(
        np.array([[0, 0, 0], [0.04, 0, 0], [0, 0.03, 0], [0, 0, 0.02], [0.04, 0, 0.02],
                  [0, 0.03, 0.02]])
    )  # fmt: skip
    wedge.export(tmp_path / 'wedge.stl')
    hand = load_hand_text(
        """<robot name="w"><link name="palm"><collision><origin xyz="0 0 -0.05"/><geometry>
        <box size="0.05 0.05 0.01"/></geometry></collision></link><link name="finger"><collision>
        <geometry><mesh filename="wedge.stl"/></geometry></collision></link>
        <joint name="j" type="revolute"><parent link="palm"/><child link="finger"/>
        <axis xyz="0 1 0"/><limit lower="-1" upper="1" effort="1" velocity="1"/></joint>
        </robot>""",
        base_folder=tmp_path,
    )
    model = build(hand, brick).model
    mass = model.body_mass[model.body('link1').id]
    assert mass == pytest.approx(1000.0 * 0.5 * 0.04 * 0.03 * 0.02, rel=0.02)


def test_depths_tell_who_is_in_whom(allegro, brick):
    physics = build(allegro, brick, floor=[0, 0, 1.0, 0.5])
    data = mujoco.MjData(physics.model)
    far = allegro.preshape
    physics.place(data, [0, 0, 1.0, 0, 0, 0, 1.0], far)
    assert physics.depths(data) == (0.0, 0.0, 0.0)
    physics.place(data, [0, 0, -0.5, 0, 0, 0, 1.0], far)
    in_object, _, in_floor = physics.depths(data)
    assert in_object == 0.0 and in_floor > 0.01
    physics.place(data, [0, 0, 0, 0, 0, 0, 1.0], far)
    assert physics.depths(data)[0] > 0.005


@pytest.mark.parametrize('name', ['allegro', 'shadow'])
def test_the_model_of_near_pairs_is_the_same_but_for_the_pairs(name, brick):
    physics = build(load_hand(name), brick, floor=[0, 0, 1.0, 0.5])
    model, near = physics.model, physics.near
    for field in dir(model):
        values = getattr(model, field)
        if not isinstance(values, np.ndarray) or field.startswith(('pair_', 'name', '_', 'bvh_')):
            continue
        # Geometries whose bits are 0 have no tree of boxes.
        if not field.endswith(('contype', 'conaffinity', 'bvhadr', 'bvhnum')):
            np.testing.assert_array_equal(values, getattr(near, field), err_msg=field)
    assert not near.geom_contype.any() and not near.geom_conaffinity.any()
    for field in ('dim', 'friction', 'solref', 'solreffriction', 'solimp', 'margin', 'gap'):
        for one in (near, model):
            values = getattr(one, f'pair_{field}')
            np.testing.assert_array_equal(values, np.broadcast_to(values[0], values.shape))
        np.testing.assert_array_equal(
            getattr(near, f'pair_{field}')[0], getattr(model, f'pair_{field}')[0]
        )
    sizes = {mujoco.mj_stateSize(m, mujoco.mjtState.mjSTATE_INTEGRATION) for m in (model, near)}
    assert len(sizes) == 1
