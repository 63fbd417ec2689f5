"""``isaac_grasp`` YAML: what is written, what comes back, and what is refused."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import yaml
from grippers import parallel_gripper
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.dataset import export_isaac_grasp, import_isaac_grasp
from dexgrasp_ros.hand import load_hand, load_hand_text


@pytest.fixture(scope='module')
def hand():
    return load_hand('barrett')  # it has joints that follow others


@pytest.fixture(scope='module')
def grasps(hand):
    rng = np.random.default_rng(0)
    count, joints = 3, len(hand.joint_names)
    turn = Rotation.random(count, random_state=0).as_quat()
    nothing = np.empty((count, 0, 3))
    return GraspSet(
        hand=hand.name,
        urdf=hand.urdf,
        object_mesh='mug.obj',
        joint_names=hand.joint_names,
        link_names=hand.link_names,
        hand_frame=hand.hand_frame,
        base_pose=np.hstack([rng.normal(size=(count, 3)), turn]),
        pregrasp_base_pose=np.hstack([rng.normal(size=(count, 3)), turn]),
        **{key: rng.normal(size=(count, joints)) for key in ('pregrasp', 'grasp', 'squeeze')},
        joint_stiffness=hand.joint_stiffness,
        score=np.array([0.9, 0.5, 0.1]),
        **dict.fromkeys(('residual', 'penetration', 'epsilon'), np.full(count, np.nan)),
        contact_count=np.zeros(count, dtype=np.int64),
        contact_links=np.empty((count, 0), dtype=np.int64),
        **dict.fromkeys(('contact_points', 'contact_normals', 'contact_forces'), nothing),
    )


@pytest.fixture
def document(grasps, tmp_path):
    path = tmp_path / 'grasps.yaml'
    export_isaac_grasp(grasps, path)
    return yaml.safe_load(path.read_text())


def test_a_file_has_the_keys_of_the_format(document, grasps, hand):
    assert (document['format'], document['format_version']) == ('isaac_grasp', 1.0)
    assert (document['object_frame'], document['gripper_frame']) == ('mug.obj', hand.hand_frame)
    assert list(document['grasps']) == ['grasp_0', 'grasp_1', 'grasp_2']
    first = document['grasps']['grasp_0']
    assert set(first) == {
        *('confidence', 'position', 'orientation'),
        *('cspace_position', 'pregrasp_cspace_position'),
    }
    assert first['confidence'] == 0.9
    assert first['orientation']['w'] == pytest.approx(grasps.base_pose[0, 6])
    assert first['orientation']['xyz'] == pytest.approx(grasps.base_pose[0, 3:6])
    assert set(first['cspace_position']) == set(hand.joint_names)


def test_a_gripper_has_its_width_too(grasps, tmp_path):
    gripper = load_hand_text(parallel_gripper())
    slides = np.array([[0.01], [0.02], [0.03]])
    known = dataclasses.replace(
        grasps,
        **dict.fromkeys(('pregrasp', 'grasp', 'squeeze'), slides),
        joint_names=gripper.joint_names,
        opening_width=2 * slides[:, 0],
    )
    export_isaac_grasp(known, tmp_path / 'g.yaml')
    entries = yaml.safe_load((tmp_path / 'g.yaml').read_text())['grasps']
    assert [e['opening_width'] for e in entries.values()] == pytest.approx([0.02, 0.04, 0.06])
    back = import_isaac_grasp(tmp_path / 'g.yaml', gripper)
    np.testing.assert_allclose(back.opening_width, known.opening_width, atol=1e-6)


def test_poses_and_postures_come_back(grasps, hand, tmp_path):
    export_isaac_grasp(grasps, tmp_path / 'g.yaml')
    found = import_isaac_grasp(tmp_path / 'g.yaml', hand, object_mesh='mug.obj')
    for name in ('base_pose', 'pregrasp', 'grasp', 'score', 'joint_stiffness'):
        np.testing.assert_allclose(getattr(found, name), getattr(grasps, name), err_msg=name)
    assert (found.joint_names, found.object_mesh) == (hand.joint_names, 'mug.obj')
    # What the format does not hold.
    np.testing.assert_array_equal(found.squeeze, found.grasp)
    np.testing.assert_array_equal(found.pregrasp_base_pose, found.base_pose)
    assert found.contact_points.shape == (3, 0, 3) and np.isnan(found.residual).all()
    assert 'neither squeeze nor contacts' in found.warnings[0]
    found.save(tmp_path / 'g.npz')
    assert len(GraspSet.load(tmp_path / 'g.npz')) == 3


def test_no_grasps_come_back_as_none(grasps, hand, tmp_path):
    export_isaac_grasp(grasps.select(slice(0, 0)), tmp_path / 'g.yaml')
    found = import_isaac_grasp(tmp_path / 'g.yaml', hand)
    assert len(found) == 0 and found.grasp.shape == (0, len(hand.joint_names))


def load(document, tmp_path, hand):
    path = tmp_path / 'changed.yaml'
    path.write_text(yaml.safe_dump(document))
    return import_isaac_grasp(path, hand)


def test_what_others_write_is_read(document, tmp_path, hand):
    """Frames as in the manual, a text as version, best last, mimic joints, few open ones."""
    document['object_frame_link'] = document.pop('object_frame')
    document['gripper_frame_link'] = document.pop('gripper_frame')
    document['format_version'] = '1.0'
    grasps = document['grasps']
    grasps['grasp_2']['confidence'] = 1
    follower = (_moving(hand) - set(hand.joint_names)).pop()
    grasps['grasp_2']['cspace_position'][follower] = 0.3
    joint = hand.joint_names[0]
    grasps['grasp_2']['pregrasp_cspace_position'] = {joint: 0.25}
    found = load(document, tmp_path, hand)
    assert found.score.tolist() == [1.0, 0.9, 0.5]
    assert found.pregrasp[0, 0] == 0.25
    np.testing.assert_array_equal(found.pregrasp[0, 1:], found.grasp[0, 1:])


def _moving(hand):
    import xml.etree.ElementTree as ET

    joints = ET.fromstring(hand.urdf).findall('joint')
    return {j.get('name') for j in joints if j.get('type') != 'fixed'}


BAD = {
    'another format': (['format'], 'json_grasp', ErrorCode.INVALID_INPUT, "'isaac_grasp'"),
    'another version': (['format_version'], 2.0, ErrorCode.INVALID_INPUT, '1.0'),
    'no frame': (['object_frame'], None, ErrorCode.MISSING_KEY, "'object_frame'"),
    'no grasps': (['grasps'], None, ErrorCode.MISSING_KEY, "'grasps'"),
    'grasps as a list': (['grasps'], [1], ErrorCode.WRONG_TYPE, 'list'),
    'no keys': (['grasps', 'grasp_1'], 3, ErrorCode.WRONG_TYPE, 'grasp_1'),
    'no confidence': (
        ['grasps', 'grasp_1', 'confidence'], None, ErrorCode.MISSING_KEY, 'cspace_position'
    ),
    'confidence': (['grasps', 'grasp_1', 'confidence'], 1.5, ErrorCode.OUT_OF_RANGE, '0 to 1'),
    'nan': (
        ['grasps', 'grasp_1', 'position'], [0, 0, float('nan')], ErrorCode.OUT_OF_RANGE, 'finite'
    ),
    'no float': (
        ['grasps', 'grasp_1', 'position'], [0, 0, 10**400], ErrorCode.OUT_OF_RANGE, 'finite'
    ),
    'two numbers': (['grasps', 'grasp_1', 'position'], [0, 0], ErrorCode.WRONG_SHAPE, '3'),
    'text': (['grasps', 'grasp_1', 'position'], '0 0 0', ErrorCode.WRONG_TYPE, 'numbers'),
    'truth': (
        ['grasps', 'grasp_1', 'orientation', 'w'], True, ErrorCode.WRONG_TYPE, 'a number'
    ),
    'not unit': (
        ['grasps', 'grasp_1', 'orientation', 'xyz'], [1, 1, 1], ErrorCode.OUT_OF_RANGE, 'unit'
    ),
    'a list of joints': (
        ['grasps', 'grasp_1', 'cspace_position'], [0.1], ErrorCode.WRONG_TYPE, 'each joint'
    ),
    'a joint of another hand': (
        ['grasps', 'grasp_1', 'cspace_position', 'thumb'], 0.1, ErrorCode.INVALID_INPUT, 'thumb'
    ),
    'a joint is missing': (
        ['grasps', 'grasp_1', 'cspace_position'], {}, ErrorCode.MISSING_KEY, 'each joint'
    ),
}  # fmt: skip


@pytest.mark.parametrize(('keys', 'value', 'code', 'part'), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said(document, tmp_path, hand, keys, value, code, part):
    changed = copy.deepcopy(document)
    *path, last = keys
    place = changed
    for key in path:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(InputError, match=part) as info:
        load(changed, tmp_path, hand)
    assert info.value.code == code


def test_a_file_that_would_run_code_is_refused(tmp_path, hand):
    path, trace = tmp_path / 'evil.yaml', tmp_path / 'trace'
    path.write_text(f"!!python/object/apply:os.mkdir ['{trace}']\n")
    with pytest.raises(InputError, match='not YAML'):
        import_isaac_grasp(path, hand)
    assert not trace.exists()
    with pytest.raises(InputError) as info:
        import_isaac_grasp(tmp_path / 'absent.yaml', hand)
    assert info.value.code == ErrorCode.FILE_NOT_FOUND
