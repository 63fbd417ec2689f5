"""The manufacturers' own descriptions, with meshes: kinematics, geometry, and what is derived."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from kinematics_oracle import assert_agrees_with_pinocchio

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.core.poses import invert, transform_points
from dexgrasp_ros.core.warp_loader import start_warp
from dexgrasp_ros.hand import load_hand, load_hand_text, primitive_distance

FILES = {
    'allegro': 'allegro_simlab/allegro_hand_description/allegro_hand_description_right.urdf',
    'barrett': 'barrett_robotnik/barrett_hand_description/urdf/bh282.urdf',
    'shadow': 'shadow_official/sr_description/robots/shadow_hand_right_e3m5.urdf',
}
JOINT_COUNTS = {'allegro': 16, 'barrett': 4, 'shadow': 18}
each_hand = pytest.mark.parametrize('name', FILES)


@pytest.fixture(scope='module')
def hands(data_dir, tmp_path_factory):
    start_warp()  # its kernels stay where they are
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('XDG_CACHE_HOME', str(tmp_path_factory.mktemp('cache')))
        yield {name: load_hand(data_dir / 'hands' / path) for name, path in FILES.items()}


@each_hand
def test_kinematics_agree_with_pinocchio(hands, name):
    hand = hands[name]
    generator = np.random.default_rng(4)
    for _ in range(2):
        q = generator.uniform(hand.lower, hand.upper)
        assert_agrees_with_pinocchio(hand, q, generator.normal(size=3) * 0.05)


@each_hand
def test_independent_joints(hands, name):
    assert len(hands[name].joint_names) == JOINT_COUNTS[name]


@each_hand
def test_points_lie_on_convex_pieces_and_outside_of_the_others(hands, name):
    hand = hands[name]
    counts = np.diff(hand.cluster_points[hand.group_clusters])
    groups = np.repeat(np.arange(len(counts)), counts)
    assert counts.min() > 0 and 3000 < len(hand.points) < 12000
    for g in np.flatnonzero(hand.geometry_types == GeometryType.CONVEX):
        planes = hand.planes[hand.geometry_planes[g] : hand.geometry_planes[g + 1]]
        assert 4 <= len(planes) <= 48
        np.testing.assert_allclose(np.linalg.norm(planes[:, :3], axis=1), 1.0, atol=1e-9)
        mesh = trimesh.Trimesh(*vars(hand.geometry_meshes[g]).values())
        assert mesh.is_watertight and mesh.volume > 0.0
        np.testing.assert_allclose(mesh.bounds[1], hand.geometry_sizes[g], atol=1e-9)
        np.testing.assert_allclose(mesh.bounds[0], -hand.geometry_sizes[g], atol=1e-9)
        own = transform_points(invert(hand.geometry_poses[g]), hand.points[groups == g])
        distance = primitive_distance(GeometryType.CONVEX, hand.geometry_sizes[g], own, planes)
        np.testing.assert_allclose(distance, 0.0, atol=1e-6)


@each_hand
def test_the_stored_text_gives_the_same_hand_from_anywhere(hands, name):
    hand = hands[name]
    again = load_hand_text(hand.urdf, name=hand.name, root=hand.hand_frame)
    assert again.joint_names == hand.joint_names and again.warnings == hand.warnings
    np.testing.assert_array_equal(again.points, hand.points)
    np.testing.assert_array_equal(again.offsets, hand.offsets)
    assert len(again.meshes) == len(hand.meshes)


def test_shadow_has_its_wrist_locked_and_its_last_joints_coupled(hands):
    hand = hands['shadow']
    assert 'rh_WRJ1' not in hand.joint_names and 'rh_FFJ1' not in hand.joint_names
    distal, middle = (hand.link_names.index(f'rh_ff{part}') for part in ('distal', 'middle'))
    assert hand.coordinates[distal] == hand.coordinates[middle] >= 0
    assert hand.multipliers[distal] == 1.0
    # The forearm is there to be kept clear, not to touch with.
    forearm = hand.geometry_links == hand.link_names.index('rh_forearm')
    assert (hand.group_weights[forearm] == 0.0).all()


def test_palms_face_where_the_fingers_close(hands):
    axes = {n: trimesh.transformations.quaternion_matrix(
        np.roll(h.palm_pose[3:], 1))[:3, 2] for n, h in hands.items()}  # fmt: skip
    assert axes['allegro'] @ [1, 0, 0] > 0.95
    assert axes['barrett'] @ [0, 0, 1] > 0.95
    assert axes['shadow'] @ [0, -1, 0] > 0.85


def test_pieces_follow_the_fingertip_they_were_made_from(data_dir, hands):
    hand = hands['barrett']
    path = data_dir / 'hands/barrett_robotnik/barrett_hand_description/meshes/finger_tip.dae'
    mesh = trimesh.load(path, force='mesh')
    tip = hand.link_names.index('bh_finger_13_link')
    groups = np.flatnonzero(hand.geometry_links == tip)
    assert 3 <= len(groups) <= 16
    # Every corner of the drawing lies in a piece, or within what the grid lets through.
    inside = np.full(len(mesh.vertices), np.inf)
    for g in groups:
        planes = hand.planes[hand.geometry_planes[g] : hand.geometry_planes[g + 1]]
        local = transform_points(invert(hand.geometry_poses[g]), mesh.vertices)
        inside = np.minimum(
            inside, primitive_distance(GeometryType.CONVEX, hand.geometry_sizes[g], local, planes)
        )
    assert np.quantile(inside, 0.99) < 5e-4 and inside.max() < 1.5e-3
