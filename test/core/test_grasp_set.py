import numpy as np
import pytest

from dexgrasp_ros.core.grasp_set import GraspSet


@pytest.fixture
def grasps():
    rng = np.random.default_rng(0)
    count, joints, contacts = 3, 2, 4
    return GraspSet(
        hand='hand',
        urdf='<robot name="händ"/>',
        joint_names=('a', 'b'),
        link_names=('palm', 'tip'),
        hand_frame='palm',
        base_pose=rng.normal(size=(count, 7)),
        pregrasp_base_pose=rng.normal(size=(count, 7)),
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
        later = ('seed_index', 'support_plane', 'opening_width')
        kept = [k for k in file.files if k not in later]
        old = {key: file[key] for key in kept}
    np.savez(tmp_path / 'old.npz', **old)
    old = GraspSet.load(tmp_path / 'old.npz')
    np.testing.assert_array_equal(old.seed_index, [-1, -1, -1])
    assert old.opening_width.shape == (3,) and np.isnan(old.opening_width).all()
    assert old.support_plane.shape == (4,) and np.isnan(old.support_plane).all()
