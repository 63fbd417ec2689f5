"""A hand and an arm as one description."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
import xacro
from arms import FINGERS, FLANGE_POSE, SIMPLE_ARM, arm_with

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.resources import find_resource
from dexgrasp_ros.hand import attach, find_arm, load_hand, load_hand_text


@pytest.mark.parametrize('name', ['allegro', 'barrett', 'shadow'])
def test_the_hand_on_the_arm_is_the_hand(name):
    alone, joined = load_hand(name), load_hand_text(arm_with(name))
    assert joined.hand_frame == alone.hand_frame
    # The overrides came along: the Shadow's wrist is locked in both.
    assert joined.joint_names == alone.joint_names
    for field in ('lower', 'upper', 'joint_origins', 'points', 'palm_pose', 'closing'):
        np.testing.assert_array_equal(getattr(joined, field), getattr(alone, field), err_msg=field)
    arm = find_arm(joined)
    assert (arm.base_frame, arm.flange_frame) == ('arm_base', 'flange')
    np.testing.assert_allclose(arm.hand_pose, FLANGE_POSE, atol=1e-9)


def test_pinocchio_sees_the_hand_where_we_do():
    pin = pytest.importorskip('pinocchio')
    text = arm_with('barrett')
    hand = load_hand_text(text)
    arm = find_arm(hand)
    model = pin.buildModelFromXML(text)
    data = model.createData()
    pin.framesForwardKinematics(model, data, pin.neutral(model))
    frames = [data.oMf[model.getFrameId(n, pin.FrameType.BODY)] for n in ('flange', 'base_link')]
    offset = frames[0].actInv(frames[1])
    np.testing.assert_allclose(offset.translation, arm.hand_pose[:3], atol=1e-9)
    assert len(text.split('<joint ')) - 1 > 7


def test_equal_names_are_refused_and_a_prefix_parts_them(tmp_path):
    hand = tmp_path / 'grip.urdf'
    hand.write_text(f'<robot name="grip">{FINGERS}</robot>'.replace('"palm"', '"arm_link_1"'))
    (tmp_path / 'grip.yaml').write_text(
        'joint_stiffness: {turn_left: 7.0}\ncouplings: {turn_right: {follows: turn_left}}\n'
        'contact_weights: {left: 0.5}\nlocked_joints: {}\n'
    )
    with pytest.raises(HandError, match="'arm_link_1'") as caught:
        attach(SIMPLE_ARM, hand, flange='flange')
    assert caught.value.code == ErrorCode.INVALID_INPUT
    joined = load_hand_text(attach(SIMPLE_ARM, hand, flange='flange', prefix='r_'))
    assert joined.link_names == ('r_arm_link_1', 'r_left', 'r_right')
    assert joined.joint_names == ('r_turn_left',)  # the other one follows it
    assert joined.joint_stiffness.tolist() == [7.0]
    assert joined.group_weights[list(joined.group_names).index('r_left')] == 0.5


def test_a_flange_that_is_not_there_and_a_mirrored_hand_are_refused():
    with pytest.raises(HandError, match="'flange'") as caught:
        attach(SIMPLE_ARM, 'barrett', flange='tool0')
    assert caught.value.code == ErrorCode.UNKNOWN_LINK
    with pytest.raises(HandError, match='mirrored'):
        attach(SIMPLE_ARM, 'barrett_left', flange='flange')


def test_relative_meshes_are_found_from_anywhere(tmp_path):
    trimesh.creation.box([0.02, 0.02, 0.08]).export(tmp_path / 'finger.stl')
    hand = tmp_path / 'grip.urdf'
    mesh = '<mesh filename="finger.stl"/>'
    hand.write_text(
        f'<robot name="grip">{FINGERS}</robot>'.replace('<box size="0.02 0.02 0.08"/>', mesh)
    )
    joined = load_hand_text(attach(SIMPLE_ARM, hand, flange='flange'))
    own = joined.geometry_links == 1  # a gripper's jaw, in pieces
    volume = 8 * joined.geometry_sizes[own].prod(axis=1).sum()
    assert volume == pytest.approx(0.02 * 0.02 * 0.08, rel=1e-5)


@pytest.mark.parametrize(
    ('name', 'arm', 'flange'),
    [('hand_on_arm', 'simple_arm', 'flange'), ('hand_on_wrist', 'floating_wrist', 'wrist')],
)
@pytest.mark.parametrize(('hand', 'root'), [('barrett', 'base_link'), ('shadow', 'rh_forearm')])
def test_xacro_joins_them_in_the_same_way(name, arm, flange, hand, root):
    file = find_resource(f'urdf/{hand}.urdf')
    given = {'hand_file': str(file), 'hand_root': root, 'xyz': '0 0.01 0.02', 'rpy': '0 0 0.5'}
    text = xacro.process_file(find_resource(f'urdf/{name}.urdf.xacro'), mappings=given).toxml()
    ours = attach(
        find_resource(f'urdf/arms/{arm}.urdf'),
        hand,
        flange=flange,
        origin=(0, 0.01, 0.02, 0, 0, np.sin(0.25), np.cos(0.25)),
    )
    # The overrides do not travel with xacro.
    locked = load_hand(hand).joint_names
    arms = [find_arm(load_hand_text(text, root=root)), find_arm(load_hand_text(ours))]
    assert set(locked) <= set(load_hand_text(text, root=root).joint_names)
    assert arms[0].flange_frame == arms[1].flange_frame == flange
    assert arms[0].joint_names == arms[1].joint_names
    np.testing.assert_allclose(arms[0].hand_pose, arms[1].hand_pose, atol=1e-9)
    np.testing.assert_allclose(arms[0].chain.upper, arms[1].chain.upper)
