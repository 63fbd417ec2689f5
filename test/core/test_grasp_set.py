import resource
import signal

import numpy as np
import pytest

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.grasp_set import GraspSet


def poses(rng, count):
    turns = rng.normal(size=(count, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    return np.concatenate([rng.normal(size=(count, 3)), turns], axis=1)


@pytest.fixture
def grasps():
    rng = np.random.default_rng(0)
    count, joints, contacts = 3, 2, 4
    return GraspSet(
        hand='hand',
        hand_digest='abc',
        urdf='<robot name="händ"/>',
        joint_names=('a', 'b'),
        link_names=('palm', 'tip'),
        hand_frame='palm',
        base_pose=poses(rng, count),
        pregrasp_base_pose=poses(rng, count),
        pregrasp=rng.normal(size=(count, joints)),
        grasp=rng.normal(size=(count, joints)),
        squeeze=rng.normal(size=(count, joints)),
        joint_stiffness=np.array([3.0, 4.0]),
        score=np.array([0.9, 0.5, 0.1]),
        residual=rng.random(count),
        penetration=rng.random(count),
        epsilon=np.full(count, np.nan),
        contact_count=np.array([4, 3, 3]),
        contact_links=np.array([[0, 1, 1, 0], [0, 1, 1, -1], [1, 1, 0, -1]]),
        contact_points=rng.normal(size=(count, contacts, 3)),
        contact_normals=rng.normal(size=(count, contacts, 3)),
        contact_forces=rng.normal(size=(count, contacts, 3)),
        seed_index=np.array([7, 0, 2]),
        opening_width=np.array([0.05, 0.02, np.nan]),
        least_friction=np.array([0.1, 0.3, np.nan]),
        largest_pull=np.array([9.0, 4.0, np.nan]),
        locked_joints={'wrist': 0.25},
        config={'seed_count': 8},
        support_plane=np.array([0.0, 0.6, 0.8, 0.1]),
        timing={'optimize': 0.5},
        rejected={'penetration': 5},
        warnings=('hollows are filled',),
    )


def assert_equal(a: GraspSet, b: GraspSet) -> None:
    for name, value in vars(a).items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(b, name), err_msg=name)
        else:
            assert value == getattr(b, name), name


def test_a_file_gives_back_what_was_saved(grasps, tmp_path):
    grasps.save(tmp_path / 'grasps.npz')
    assert_equal(grasps, GraspSet.load(tmp_path / 'grasps.npz'))


def test_a_file_holds_no_pickle(grasps, tmp_path):
    grasps.save(tmp_path / 'grasps.npz')
    with np.load(tmp_path / 'grasps.npz', allow_pickle=False) as file:
        assert all(file[key].dtype.kind in 'fiU' for key in file.files)


def test_no_grasps_can_be_saved_too(grasps, tmp_path):
    none = grasps.select([])
    none.save(tmp_path / 'none.npz')
    assert len(GraspSet.load(tmp_path / 'none.npz')) == 0


def test_selection_takes_rows_in_the_order_asked(grasps):
    chosen = grasps.select([2, 0])
    np.testing.assert_array_equal(chosen.score, [0.1, 0.9])
    np.testing.assert_array_equal(chosen.grasp, grasps.grasp[[2, 0]])
    np.testing.assert_array_equal(chosen.joint_stiffness, grasps.joint_stiffness)
    np.testing.assert_array_equal(chosen.support_plane, grasps.support_plane)
    assert chosen.joint_names == grasps.joint_names


def test_sets_of_older_files_say_what_is_not_known(grasps, tmp_path):
    grasps.save(tmp_path / 'new.npz')
    with np.load(tmp_path / 'new.npz') as file:
        later = ('seed_index', 'support_plane', 'opening_width', 'hand_digest')
        later += ('least_friction', 'largest_pull', 'locked_joints')
        kept = [k for k in file.files if k not in later]
        old = {key: file[key] for key in kept}
    np.savez(tmp_path / 'old.npz', **old)
    old = GraspSet.load(tmp_path / 'old.npz')
    np.testing.assert_array_equal(old.seed_index, [-1, -1, -1])
    for unknown in (old.opening_width, old.least_friction, old.largest_pull):
        assert unknown.shape == (3,) and np.isnan(unknown).all()
    assert old.locked_joints == {}
    assert old.hand_digest == ''
    assert old.support_plane.shape == (4,) and np.isnan(old.support_plane).all()


BROKEN = {
    'JSON that is cut off': ('config', '{"a"', ErrorCode.INVALID_INPUT),
    'JSON that is deep': ('config', '[' * 100_000, ErrorCode.INVALID_INPUT),
    'JSON of a list': ('wishes', '[1]', ErrorCode.WRONG_TYPE),
    'a place that is a word': ('locked_joints', '{"wrist": "up"}', ErrorCode.WRONG_TYPE),
    'seconds that are words': ('timing', '{"optimize": "long"}', ErrorCode.WRONG_TYPE),
    'a name in place of a list': ('joint_names', 'x', ErrorCode.WRONG_TYPE),
    'a list in place of a name': ('hand', ['a', 'b'], ErrorCode.WRONG_TYPE),
    'one score': ('score', 1.0, ErrorCode.WRONG_SHAPE),
    'words for numbers': ('squeeze', [['a']], ErrorCode.WRONG_TYPE),
    'fewer rows': ('grasp', np.zeros((1, 2)), ErrorCode.WRONG_SHAPE),
    'more joints': ('pregrasp', np.zeros((3, 3)), ErrorCode.WRONG_SHAPE),
    'NaN': ('grasp', np.full((3, 2), np.nan), ErrorCode.OUT_OF_RANGE),
    'far away': ('squeeze', np.full((3, 2), 1e300), ErrorCode.OUT_OF_RANGE),
    'no turn': ('base_pose', np.zeros((3, 7)), ErrorCode.OUT_OF_RANGE),
    'no scale': ('object_scale', 0.0, ErrorCode.OUT_OF_RANGE),
    'no such link': ('contact_links', np.full((3, 4), 2), ErrorCode.OUT_OF_RANGE),
}


@pytest.mark.parametrize(('field', 'value', 'code'), BROKEN.values(), ids=BROKEN)
def test_a_field_that_is_wrong_is_named(grasps, tmp_path, field, value, code):
    grasps.save(tmp_path / 'good.npz')
    with np.load(tmp_path / 'good.npz') as file:
        fields = dict(file)
    np.savez(tmp_path / 'bad.npz', **{**fields, field: value})
    with pytest.raises(InputError, match=rf"bad\.npz.*'({field}|grasp|base_pose)'") as caught:
        GraspSet.load(tmp_path / 'bad.npz')
    assert caught.value.code == code


def test_a_full_disk_leaves_the_file_that_was_there(grasps, tmp_path):
    """A limit on the size of files stands for the disk."""
    path = tmp_path / 'grasps.npz'
    grasps.save(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
        with pytest.raises(OSError, match='large'):
            grasps.select([0]).save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert_equal(grasps, GraspSet.load(path))
    assert [p.name for p in tmp_path.iterdir()] == ['grasps.npz']
