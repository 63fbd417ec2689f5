"""The Allegro's `HandModel`, and what must hold for any hand."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.hand_model import GeometryType, HandModel
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix, transform_points
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import link_poses, load_hand, load_hand_text, primitive_distance
from dexgrasp_ros.simulation import PhysicsSettings


@pytest.fixture(scope='module')
def allegro() -> HandModel:
    return load_hand('allegro')


@pytest.fixture(scope='module')
def text() -> str:
    return find_resource('urdf/allegro.urdf').read_text()


def z_axis(pose: np.ndarray) -> np.ndarray:
    return Rotation.from_quat(pose[3:]).as_matrix()[:, 2]


def point_groups(hand: HandModel) -> np.ndarray:
    counts = np.diff(hand.cluster_points[hand.group_clusters])
    return np.repeat(np.arange(len(counts)), counts)


def self_depths(hand: HandModel, q: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How deep a pair's points stand in each other's primitive, [K] m, negative = apart."""
    poses = link_poses(hand, q)
    groups = point_groups(hand)
    depths = []
    for a, b in pairs:
        nearest = np.inf
        for one, other in ((a, b), (b, a)):
            points = transform_points(poses[hand.geometry_links[one]], hand.points[groups == one])
            frame = compose(poses[hand.geometry_links[other]], hand.geometry_poses[other])
            distance = primitive_distance(
                hand.geometry_types[other],
                hand.geometry_sizes[other],
                transform_points(invert(frame), points),
            )
            nearest = min(nearest, distance.min())
        depths.append(-nearest)
    return np.array(depths)


def test_allegro_has_its_limits_efforts_and_stiffness(allegro):
    assert allegro.joint_names == tuple(f'joint_{i}.0' for i in range(16))
    assert allegro.lower[12] == pytest.approx(0.263)
    assert allegro.upper[[0, 1, 2, 3]] == pytest.approx([0.47, 1.61, 1.709, 1.618])
    np.testing.assert_allclose(allegro.effort_limits, 0.7)
    np.testing.assert_allclose(allegro.joint_stiffness, 5.0)
    assert (allegro.velocity_limits > 0).all()
    assert allegro.warnings == ()


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
def test_stiffness_is_the_gain_of_the_shake_test_whatever_the_effort(name):
    """Squeezes planned for another stiffness would press too much or too little there."""
    hand = load_hand(name)
    np.testing.assert_array_equal(hand.joint_stiffness, PhysicsSettings().joint_gain)


def test_a_sliding_joint_is_as_stiff_as_its_effort_asks():
    """200 N at 5 mm: 40 kN/m."""
    hand = load_hand_text(
        '<robot name="jaws"><link name="base"><collision><geometry><box size="0.1 0.04 0.03"/>'
        '</geometry></collision></link><link name="jaw"><collision><geometry>'
        '<box size="0.01 0.02 0.05"/></geometry></collision></link><joint name="slide" '
        'type="prismatic"><parent link="base"/><child link="jaw"/><origin xyz="0.03 0 0.05"/>'
        '<axis xyz="1 0 0"/><limit lower="-0.03" upper="0" effort="200" velocity="1"/></joint>'
        '</robot>'
    )
    np.testing.assert_allclose(hand.joint_stiffness, [40_000.0])


def test_a_crank_that_slides_follow_is_as_stiff_as_a_hinge():
    link = '<collision><geometry><box size="0.01 0.02 0.05"/></geometry></collision>'
    hand = load_hand_text(
        f'<robot name="crank"><link name="base">{link}</link><link name="wheel">{link}</link>'
        f'<link name="jaw">{link}</link><joint name="turn" type="revolute"><parent link="base"/>'
        '<child link="wheel"/><axis xyz="1 0 0"/>'
        '<limit lower="0" upper="2" effort="3" velocity="1"/></joint>'
        '<joint name="slide" type="prismatic"><parent link="base"/><child link="jaw"/>'
        '<axis xyz="0 1 0"/><limit lower="0" upper="0.04" effort="60" velocity="1"/>'
        '<mimic joint="turn" multiplier="0.02"/></joint></robot>'
    )
    assert hand.joint_stiffness.tolist() == [5.0]


def test_allegro_masses_and_inertias_are_those_of_uniform_primitives(allegro, text):
    total = 0.0
    for link in ElementTree.fromstring(text).findall('link'):
        inertial = link.find('inertial')
        if inertial is None:
            assert link.find('collision') is None
            continue
        mass = float(inertial.find('mass').get('value'))
        total += mass
        stated = np.array([float(inertial.find('inertia').get(k)) for k in ('ixx', 'iyy', 'izz')])
        # A body cannot have principal moments that break the triangle inequality.
        assert (stated > 0).all() and 2 * stated.max() <= stated.sum() * (1 + 1e-6)
        index = allegro.geometry_links == allegro.link_names.index(link.get('name'))
        volumes, centers = [], allegro.geometry_poses[index][:, :3]
        for kind, (a, b, c) in zip(
            allegro.geometry_types[index], allegro.geometry_sizes[index], strict=True
        ):
            volumes.append(
                {
                    GeometryType.BOX: 8 * a * b * c,
                    GeometryType.SPHERE: 4 / 3 * np.pi * a**3,
                    GeometryType.CYLINDER: 2 * np.pi * a * a * b,
                }[kind]
            )
        center = np.array(inertial.find('origin').get('xyz').split(), float)
        np.testing.assert_allclose(center, np.average(centers, axis=0, weights=volumes), atol=1e-5)
        assert 300 < mass / sum(volumes) < 3500  # between a hollow housing and steel
    assert 0.9 < total < 1.2  # the published files have 0.97 kg


def test_allegro_palm_faces_x_and_its_centre_lies_on_the_face(allegro):
    np.testing.assert_allclose(z_axis(allegro.palm_pose), [1, 0, 0], atol=1e-6)
    x, y, z = allegro.palm_pose[:3]
    assert x == pytest.approx(0.0113, abs=1e-4)
    assert abs(y) < 0.02 and -0.07 < z < -0.02


def test_allegro_fingers_and_weights(allegro):
    by_name = dict(zip(allegro.group_names, allegro.group_fingers, strict=True))
    assert by_name['base_link[0]'] == -1
    assert len({by_name[f'link_{i}.0_tip[1]'] for i in (3, 7, 11, 15)}) == 4
    weights = dict(zip(allegro.group_names, allegro.group_weights, strict=True))
    assert weights['link_3.0'] == weights['link_15.0_tip[0]'] == 1.0
    assert weights['link_1.0'] < weights['link_2.0'] < 1.0
    assert 0 < weights['base_link[0]'] < 1.0


def test_allegro_preshape_is_half_open_within_limits_and_free_of_collision(allegro):
    assert (allegro.preshape >= allegro.lower).all() and (allegro.preshape <= allegro.upper).all()
    flexing = [1, 2, 3, 5, 6, 7, 9, 10, 11]
    assert (allegro.preshape[flexing] > 0.3).all() and (allegro.preshape[flexing] < 0.9).all()
    depths = self_depths(allegro, allegro.preshape, allegro.self_collision_pairs)
    assert depths.max() < 0.0


def test_self_collision_pairs_see_fingers_that_cross(allegro):
    index = allegro.group_names.index
    pairs = {tuple(sorted(p)) for p in allegro.self_collision_pairs.tolist()}
    assert (index('link_3.0'), index('link_7.0')) in pairs
    assert (index('link_3.0_tip[1]'), index('link_15.0_tip[1]')) in pairs
    # Neighbours in the chain, and geometry of one body, are left out.
    assert (index('link_1.0'), index('link_2.0')) not in pairs
    assert (index('link_3.0'), index('link_3.0_tip[0]')) not in pairs
    q = allegro.preshape.copy()
    q[[0, 4]] = -0.47, 0.47  # spread towards each other
    depths = self_depths(allegro, q, allegro.self_collision_pairs)
    assert depths.max() > 0.002


def test_points_of_allegro_are_dense_sorted_and_on_the_outside(allegro):
    assert 5000 < len(allegro.points) < 8000
    groups = point_groups(allegro)
    assert allegro.cluster_points[-1] == len(allegro.points)
    assert allegro.group_clusters[-1] == len(allegro.cluster_radii)
    assert np.diff(allegro.cluster_points).max() <= 24
    assert np.diff(allegro.cluster_points).min() >= 1
    assert np.bincount(groups, minlength=len(allegro.group_names)).min() > 0
    for c, (start, end) in enumerate(
        zip(allegro.cluster_points[:-1], allegro.cluster_points[1:], strict=True)
    ):
        away = np.linalg.norm(allegro.points[start:end] - allegro.cluster_centers[c], axis=1)
        assert away.max() <= allegro.cluster_radii[c]
    # On its own primitive; and, moved outward, in no other one of the same link.
    lifted = allegro.points + 5e-4 * allegro.normals
    for g in range(len(allegro.group_names)):
        same = allegro.geometry_links[groups] == allegro.geometry_links[g]
        inverse = invert(allegro.geometry_poses[g])
        shape = allegro.geometry_types[g], allegro.geometry_sizes[g]
        own = primitive_distance(*shape, transform_points(inverse, allegro.points[groups == g]))
        np.testing.assert_allclose(own, 0.0, atol=1e-7)
        assert primitive_distance(*shape, transform_points(inverse, lifted[same])).min() > 0.0


def test_loading_twice_gives_the_same(allegro):
    again = load_hand('allegro')
    for field in ('points', 'normals', 'self_collision_pairs', 'preshape', 'palm_pose'):
        np.testing.assert_array_equal(getattr(again, field), getattr(allegro, field))


def test_every_link_with_geometry_is_drawn(allegro):
    drawn = {mesh.link for mesh in allegro.meshes}
    assert set(allegro.geometry_links.tolist()) <= drawn
    tip = next(m for m in allegro.meshes if allegro.link_names[m.link] == 'link_3.0_tip')
    housing = next(m for m in allegro.meshes if allegro.link_names[m.link] == 'link_2.0')
    assert sum(tip.color[:3]) > sum(housing.color[:3])


def test_names_and_root_frame_change_nothing_else(allegro, text):
    renamed = re.sub(r'link_(\d+)\.0', lambda m: f'part{(int(m[1]) * 7) % 16}', text)
    renamed = re.sub(r'joint_(\d+)\.0', lambda m: f'axis{(int(m[1]) * 5) % 16}', renamed)
    turn = Rotation.from_euler('xyz', [0.4, -0.9, 2.0])
    rpy = ' '.join(f'{a:.12f}' for a in turn.as_euler('xyz'))
    renamed = renamed.replace(
        '</robot>',
        f'<link name="mount"/><joint name="weld" type="fixed"><parent link="mount"/>'
        f'<child link="base_link"/><origin xyz="0.1 0.2 0.3" rpy="{rpy}"/></joint></robot>',
    )
    other = load_hand_text(renamed)
    np.testing.assert_allclose(other.preshape, allegro.preshape, atol=1e-9)
    np.testing.assert_array_equal(other.self_collision_pairs, allegro.self_collision_pairs)
    np.testing.assert_array_equal(other.group_weights, allegro.group_weights)
    np.testing.assert_array_equal(other.points, allegro.points)
    moved = compose(np.concatenate([[0.1, 0.2, 0.3], turn.as_quat()]), allegro.palm_pose)
    np.testing.assert_allclose(pose_to_matrix(other.palm_pose), pose_to_matrix(moved), atol=1e-6)


def finger(name: str, x: float, axis: str, kind: str = 'revolute', upper: float = 1.5) -> str:
    """One bar of 8 cm that stands on the base at x."""
    return (
        f'<link name="{name}"><collision><origin xyz="0 0 0.04"/><geometry>'
        f'<box size="0.01 0.02 0.08"/></geometry></collision></link>'
        f'<joint name="{name}_joint" type="{kind}"><parent link="base"/><child link="{name}"/>'
        f'<origin xyz="{x} 0 0.02"/><axis xyz="{axis}"/>'
        f'<limit lower="0" upper="{upper}" effort="2" velocity="1"/></joint>'
    )


BASE = (
    '<link name="base"><collision><geometry><box size="0.14 0.04 0.03"/></geometry></collision>'
    '</link>'
)


@pytest.mark.parametrize(
    ('left', 'right', 'kind', 'upper'),
    [('0 1 0', '0 -1 0', 'revolute', 0.6), ('1 0 0', '-1 0 0', 'prismatic', 0.03)],
    ids=['pincer', 'sliding jaws'],
)
def test_a_gripper_approaches_along_its_fingers(left, right, kind, upper):
    hand = load_hand_text(
        f'<robot name="gripper">{BASE}{finger("left", -0.05, left, kind, upper)}'
        f'{finger("right", 0.05, right, kind, upper)}</robot>'
    )
    np.testing.assert_allclose(z_axis(hand.palm_pose), [0, 0, 1], atol=1e-6)
    assert hand.palm_pose[2] == pytest.approx(0.015, abs=1e-6)
    fingers = {link: set(hand.group_fingers[hand.geometry_links == link]) for link in range(3)}
    assert fingers == {0: {-1}, 1: {0}, 2: {1}}
    pairs = {tuple(hand.geometry_links[p]) for p in hand.self_collision_pairs}
    assert (1, 2) in pairs


@pytest.mark.parametrize(('length', 'apart'), [(0.0, False), (0.01, True)])
def test_a_universal_joint_connects_what_its_two_axes_move(length, apart):
    """A knuckle of no length joins finger and palm; behind one of 1 cm they can collide."""
    knuckle = (
        '<link name="knuckle"/><joint name="spread" type="revolute"><parent link="base"/>'
        '<child link="knuckle"/><origin xyz="0.05 0 0.03"/><axis xyz="0 0 1"/>'
        '<limit lower="-0.3" upper="0.3" effort="2" velocity="1"/></joint>'
        '<link name="left"><collision><origin xyz="0 0 0.04"/><geometry>'
        '<box size="0.01 0.02 0.08"/></geometry></collision></link>'
        '<joint name="bend" type="revolute"><parent link="knuckle"/><child link="left"/>'
        f'<origin xyz="0 0 {length}"/><axis xyz="0 1 0"/>'
        '<limit lower="-2.5" upper="0" effort="2" velocity="1"/></joint>'
    )
    right = finger('right', -0.05, '0 1 0', 'revolute', 0.3)
    hand = load_hand_text(f'<robot name="gripper">{BASE}{knuckle}{right}</robot>')
    pairs = {tuple(sorted(hand.group_names[g] for g in p)) for p in hand.self_collision_pairs}
    assert (('base', 'left') in pairs) == apart
    assert ('left', 'right') in pairs


def test_root_takes_the_hand_below_an_arm():
    arm = (
        '<link name="arm"/><joint name="shoulder" type="revolute"><parent link="arm"/>'
        '<child link="base"/><limit lower="-1" upper="1" effort="50" velocity="1"/></joint>'
    )
    body = f'{BASE}{finger("left", -0.05, "0 1 0")}{finger("right", 0.05, "0 -1 0")}'
    whole = load_hand_text(f'<robot name="r">{arm}{body}</robot>')
    hand = load_hand_text(f'<robot name="r">{arm}{body}</robot>', root='base')
    alone = load_hand_text(f'<robot name="r">{body}</robot>')
    assert len(whole.joint_names) == 3
    assert hand.hand_frame == 'base' and hand.joint_names == alone.joint_names
    np.testing.assert_array_equal(hand.points, alone.points)


def test_locked_joints_stand_still(allegro):
    hand = load_hand('allegro', locked_joints={'joint_12.0': 1.0})
    assert 'joint_12.0' not in hand.joint_names and len(hand.joint_names) == 15
    q = np.full(16, 0.3)
    q[12] = 1.0
    there = link_poses(allegro, q)
    np.testing.assert_allclose(link_poses(hand, np.delete(q, 12)), there, atol=1e-12)
    nearest = load_hand('allegro', locked_joints=['joint_12.0'])
    link = nearest.link_names.index('link_12.0')
    assert nearest.offsets[link] == pytest.approx(0.263)


def test_missing_efforts_are_replaced_with_a_warning():
    body = f'{BASE}{finger("left", -0.05, "0 1 0")}{finger("right", 0.05, "0 -1 0")}'
    hand = load_hand_text(f'<robot name="r">{body.replace("effort=", "e=")}</robot>')
    assert (hand.effort_limits > 0).all()
    assert any('effort' in w and 'left_joint' in w for w in hand.warnings)


def test_joint_without_range_is_taken_as_fixed():
    body = f'{BASE}{finger("left", -0.05, "0 1 0")}{finger("right", 0.05, "0 -1 0", upper=0)}'
    hand = load_hand_text(f'<robot name="r">{body}</robot>')
    assert hand.joint_names == ('left_joint',)
    assert any('right_joint' in w for w in hand.warnings)


def test_geometry_inside_another_keeps_a_group(allegro):
    inside = '<collision><geometry><sphere radius="0.004"/></geometry></collision>'
    base = BASE.replace('</link>', f'{inside}</link>')
    hand = load_hand_text(f'<robot name="r">{base}{finger("f", 0.0, "0 1 0")}</robot>')
    assert (np.diff(hand.group_clusters) > 0).all()
