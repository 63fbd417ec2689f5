"""The arm above a hand: flange, offset, chain, and where the hand begins."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from arms import FINGERS, FLANGE_POSE, arm_with, joint, planar_arm

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import find_arm, load_hand, load_hand_text
from dexgrasp_ros.hand.arm import hand_root
from dexgrasp_ros.hand.kinematics import tree_matrices


def test_the_hand_is_the_subtree_and_the_arm_what_is_above():
    hand = load_hand_text(planar_arm(), root='palm')
    assert hand.link_names == ('palm', 'left', 'right')
    arm = find_arm(hand)
    assert (arm.base_frame, arm.flange_frame, arm.hand_frame) == ('base', 'tool', 'palm')
    assert arm.joint_names == ('shoulder', 'elbow')
    np.testing.assert_allclose(arm.hand_pose, [0.1, 0, 0, 0, 0, 0, 1], atol=1e-12)
    np.testing.assert_array_equal(arm.chain.lower, [-1, -np.inf])
    # Upper arm along y, forearm back along -x: worked out on paper.
    at = tree_matrices(arm.chain, np.array([np.pi / 2, np.pi / 2]))[-1]
    np.testing.assert_allclose(at[:3, 3], [-0.5, 0.5, 0], atol=1e-12)


def test_the_flange_pose_followed_by_the_offset_is_the_hands():
    rng = np.random.default_rng(0)
    arm = find_arm(load_hand_text(arm_with('barrett')))
    np.testing.assert_allclose(arm.hand_pose, FLANGE_POSE, atol=1e-9)
    turns = rng.normal(size=(5, 4))
    hands = np.hstack(
        [rng.normal(size=(5, 3)), turns / np.linalg.norm(turns, axis=1, keepdims=True)]
    )
    back = compose(arm.flange_poses(hands), FLANGE_POSE)
    np.testing.assert_allclose(pose_to_matrix(back), pose_to_matrix(hands), atol=1e-9)


ADAPTER = (
    '<link name="adapter"/>'
    + joint('a', 'fixed', 'tool', 'adapter', xyz='0 0 0.02')
    + joint('b', 'fixed', 'adapter', 'palm', xyz='0.1 0 0')
)


@pytest.mark.parametrize(
    ('flange', 'offset'), [(None, [0.1, 0, 0]), ('adapter', [0.1, 0, 0]), ('tool', [0.1, 0, 0.02]),
                           ('lower', [0.6, 0, 0.02]), ('palm', [0, 0, 0])]
)  # fmt: skip
def test_several_fixed_joints_are_one_offset(flange, offset):
    hand = load_hand_text(planar_arm(ADAPTER), root='palm')
    arm = find_arm(hand, flange=flange)
    assert arm.flange_frame == (flange or 'adapter')
    np.testing.assert_allclose(arm.hand_pose[:3], offset, atol=1e-12)
    assert arm.joint_names == ('shoulder', 'elbow')


@pytest.mark.parametrize('flange', ['upper', 'nowhere', 'left'])
def test_what_moves_against_the_hand_is_no_flange(flange):
    hand = load_hand_text(planar_arm(ADAPTER), root='palm')
    with pytest.raises(HandError, match="'adapter', 'lower', 'palm', 'tool'") as caught:
        find_arm(hand, flange=flange)
    assert caught.value.code == ErrorCode.UNKNOWN_LINK


def test_below_a_moving_joint_the_hands_root_is_the_flange():
    turning = joint('roll', 'continuous', 'tool', 'palm', axis='1 0 0', xyz='0.1 0 0')
    arm = find_arm(load_hand_text(planar_arm(turning), root='palm'))
    assert arm.flange_frame == 'palm'
    assert arm.joint_names == ('shoulder', 'elbow', 'roll')
    np.testing.assert_allclose(arm.hand_pose, [0, 0, 0, 0, 0, 0, 1])


def test_a_hand_alone_has_no_arm_and_a_hand_on_a_post_one_without_joints():
    assert find_arm(load_hand('barrett')) is None
    post = joint('post', 'fixed', 'floor', 'palm', xyz='0 0 1')
    arm = find_arm(
        load_hand_text(f'<robot name="r"><link name="floor"/>{post}{FINGERS}</robot>', root='palm')
    )
    assert (arm.base_frame, arm.flange_frame, arm.joint_names) == ('floor', 'floor', ())


def test_joints_that_follow_or_stand_still_are_not_the_arms():
    text = planar_arm().replace(
        '</robot>',
        '<dexgrasp_ros>\nlocked_joints: {shoulder: 0.5}\n</dexgrasp_ros></robot>',
    )
    arm = find_arm(load_hand_text(text, root='palm'))
    assert arm.joint_names == ('elbow',)
    at = tree_matrices(arm.chain, np.array([0.0]))[-1]
    np.testing.assert_allclose(at[:2, 3], [np.cos(0.5), np.sin(0.5)], atol=1e-12)
    follows = planar_arm().replace(
        '<origin xyz="0.5 0 0"/><axis', '<mimic joint="shoulder" multiplier="-2"/>'
        '<origin xyz="0.5 0 0"/><axis', 1,
    )  # fmt: skip
    arm = find_arm(load_hand_text(follows, root='palm'))
    assert arm.joint_names == ('shoulder',)
    at = tree_matrices(arm.chain, np.array([0.3]))[-1]
    np.testing.assert_allclose(at[:2, 3], [np.cos(0.3), 0.0], atol=1e-12)


def test_of_two_arms_only_that_of_the_hand_counts():
    other = '<link name="other"/>' + joint(
        'other_shoulder', 'revolute', 'base', 'other', limit='lower="0" upper="1"'
    )
    arm = find_arm(
        load_hand_text(planar_arm().replace('</robot>', f'{other}</robot>'), root='palm')
    )
    assert arm.joint_names == ('shoulder', 'elbow')
    assert arm.chain.link_names == ('base', 'upper', 'lower', 'tool')


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
def test_a_hands_own_description_begins_with_the_hand(name):
    text = find_resource(f'urdf/{name}.urdf').read_text()
    assert hand_root(text) == load_hand(name).hand_frame


def test_an_arm_is_not_taken_for_a_hand():
    told = arm_with('barrett')
    assert hand_root(told) == 'base_link'  # the joined description says so itself
    bare = told[: told.index('<dexgrasp_ros>')] + '</robot>'
    with pytest.raises(HandError, match='hand_root_link') as caught:
        hand_root(bare)
    assert "'arm_joint_1'" in str(caught.value)
    assert hand_root(bare, 'base_link') == 'base_link'
    with pytest.raises(HandError, match="'nowhere'") as caught:
        hand_root(bare, 'nowhere')
    assert caught.value.code == ErrorCode.UNKNOWN_LINK


@pytest.mark.parametrize(
    'filename', ['package://my_robot/meshes/f.stl', 'file://{folder}/meshes/f.stl', 'meshes/f.stl']
)
@pytest.mark.parametrize('found_by', ['folder', 'ament'])
def test_meshes_of_a_subtree_from_text_are_found(tmp_path, monkeypatch, filename, found_by):
    folder = tmp_path / 'share' / 'my_robot'
    (folder / 'meshes').mkdir(parents=True)
    size = [0.02, 0.03, 0.08]
    trimesh.creation.box(size).export(folder / 'meshes' / 'f.stl')
    name = filename.format(folder=folder)
    mesh = f'<mesh filename="{name}"/>'
    text = planar_arm().replace('<box size="0.02 0.02 0.08"/>', mesh)
    if found_by == 'ament':
        monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    given = {'base_folder': folder} if found_by == 'folder' else {}
    if found_by == 'ament' and '://' not in filename:
        # A text has no place of its own: the error says so.
        with pytest.raises(HandError) as caught:
            load_hand_text(text, root='palm', **given)
        assert caught.value.code == ErrorCode.FILE_NOT_FOUND
        return
    hand = load_hand_text(text, root='palm', **given)
    # The jaws of a gripper are in pieces.
    volume = 8 * hand.geometry_sizes[1:].prod(axis=1).sum()
    assert volume == pytest.approx(2 * np.prod(size), rel=1e-5)
    # What it was loaded from stands on its own.
    again = load_hand_text(hand.urdf)
    assert again.hand_frame == 'palm'
    np.testing.assert_array_equal(again.points, hand.points)


def test_meshes_above_the_hand_need_not_be_there():
    gone = '<visual><geometry><mesh filename="package://none/a.stl"/></geometry></visual>'
    gone += gone.replace('visual', 'collision')
    text = planar_arm().replace('<link name="upper"/>', f'<link name="upper">{gone}</link>')
    hand = load_hand_text(text, root='palm')
    assert not any('a.stl' in warning for warning in hand.warnings)
    assert find_arm(hand).joint_names == ('shoulder', 'elbow')
