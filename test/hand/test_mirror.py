"""Left hands: mirroring twice is the identity, and kinematics are mirror images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import trimesh
from kinematics_oracle import assert_agrees_with_pinocchio

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import link_poses, load_hand, load_hand_text, mirror_hand
from dexgrasp_ros.hand.mirror import mirror_urdf

NAMES = ('allegro', 'barrett', 'shadow')
each_hand = pytest.mark.parametrize('name', NAMES)


@pytest.fixture(scope='module')
def hands() -> dict[str, tuple[HandModel, HandModel]]:
    return {name: (load_hand(name), load_hand(f'{name}_left')) for name in NAMES}


def reflection(right: HandModel, left: HandModel) -> np.ndarray:
    """Which axis was mirrored, as a homogeneous matrix."""
    flipped = (left.points != right.points).any(axis=0)
    assert flipped.sum() == 1
    return np.diag([*np.where(flipped, -1.0, 1.0), 1.0])


@each_hand
def test_links_stand_in_mirrored_places(hands, name):
    right, left = hands[name]
    s = reflection(right, left)
    q = np.random.default_rng(3).uniform(right.lower, right.upper, (4, len(right.lower)))
    there = s @ pose_to_matrix(link_poses(right, q)) @ s
    np.testing.assert_allclose(pose_to_matrix(link_poses(left, q)), there, atol=1e-9)


@each_hand
def test_palm_keeps_its_approach_and_is_a_rotation(hands, name):
    right, left = (pose_to_matrix(h.palm_pose) for h in hands[name])
    s = reflection(*hands[name])[:3, :3]
    np.testing.assert_allclose(left[:3, 2], s @ right[:3, 2], atol=1e-9)
    np.testing.assert_allclose(left[:3, 0], s @ right[:3, 0], atol=1e-9)
    assert np.linalg.det(left[:3, :3]) == pytest.approx(1.0)
    # The plane is the one between left and right: palm and fingers keep their directions, nearly.
    assert left[:3, 2] @ right[:3, 2] > 0.9 and left[:3, 0] @ right[:3, 0] > 0.5


@each_hand
def test_mirroring_twice_is_the_identity(hands, name):
    right, left = hands[name]
    again = mirror_hand(left)
    assert again.name == right.name
    for field in dataclasses.fields(HandModel):
        ours, theirs = getattr(again, field.name), getattr(right, field.name)
        if isinstance(ours, np.ndarray):
            np.testing.assert_allclose(ours, theirs, atol=1e-12, err_msg=field.name)
    for ours, theirs in zip(again.meshes, right.meshes, strict=True):
        np.testing.assert_array_equal(ours.vertices, theirs.vertices)
        np.testing.assert_array_equal(ours.faces, theirs.faces)
    twice = mirror_urdf(mirror_urdf(right.urdf, 0), 0)
    loaded = load_hand_text(twice, name=name)
    np.testing.assert_array_equal(loaded.joint_origins, right.joint_origins)
    np.testing.assert_array_equal(loaded.points, right.points)


@each_hand
def test_mirrored_text_loads_as_the_mirrored_hand(hands, name):
    _, left = hands[name]
    stored = load_hand_text(left.urdf, name=left.name)
    q = np.random.default_rng(5).uniform(left.lower, left.upper)
    np.testing.assert_allclose(
        pose_to_matrix(link_poses(stored, q)), pose_to_matrix(link_poses(left, q)), atol=1e-9
    )
    assert stored.joint_names == left.joint_names
    poses = [pose_to_matrix(hand.geometry_poses) for hand in (stored, left)]
    np.testing.assert_allclose(*poses, atol=1e-9)
    np.testing.assert_array_equal(stored.closing, left.closing)
    assert_agrees_with_pinocchio(left, q, np.array([0.01, 0.02, 0.03]))


def test_meshes_and_pieces_are_turned_outward_again(tmp_path):
    corners = [[0, 0, 0], [0.03, 0, 0], [0, 0.02, 0], [0, 0, 0.06], [0.01, 0.01, 0.05]]
    trimesh.convex.convex_hull(corners).export(tmp_path / 'wedge.obj')
    shape = '<geometry><mesh filename="wedge.obj" scale="1 1.5 1"/></geometry>'
    body = f'<visual>{shape}</visual><collision><origin rpy="0.1 0.2 0.3"/>{shape}</collision>'
    (tmp_path / 'wedge.urdf').write_text(
        f'<robot name="wedge"><link name="base">{body}</link><link name="tip">{body}</link>'
        '<joint name="j" type="revolute"><parent link="base"/><child link="tip"/>'
        '<origin xyz="0.05 0.01 0" rpy="0.3 -0.2 0.5"/><axis xyz="0 0.6 0.8"/>'
        '<limit lower="0" upper="1" effort="1" velocity="1"/></joint></robot>'
    )
    left = load_hand(tmp_path / 'wedge.urdf', mirrored=True)
    stored = load_hand_text(left.urdf, name=left.name)
    for hand in (left, stored):
        for mesh in (*hand.geometry_meshes, *hand.meshes):
            assert np.linalg.det(mesh.vertices[mesh.faces]).sum() > 0.0
    for ours, theirs in zip(
        (*stored.geometry_meshes, *stored.meshes),
        (*left.geometry_meshes, *left.meshes),
        strict=True,
    ):
        assert {tuple(v) for v in ours.vertices.round(9) + 0.0} == {
            tuple(v) for v in theirs.vertices.round(9) + 0.0
        }
