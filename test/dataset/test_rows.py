"""Rows of grasps: room for contacts."""

from __future__ import annotations

import numpy as np

from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.dataset.generation.rows import join_grasps
from dexgrasp_ros.dataset.schema import CONTACTS


def grasps_with(links, normals):
    """Give one grasp of a hand with one joint."""
    normals = np.array([normals], dtype=np.float64)
    one, pose = np.zeros(1), np.zeros((1, 7))
    return GraspSet(
        hand='claw',
        urdf='',
        joint_names=('a',),
        link_names=('palm', 'tip', 'thumb'),
        hand_frame='palm',
        base_pose=pose,
        pregrasp_base_pose=pose,
        **dict.fromkeys(('pregrasp', 'grasp', 'squeeze'), np.zeros((1, 1))),
        joint_stiffness=one,
        **dict.fromkeys(('score', 'residual', 'penetration', 'epsilon'), one),
        contact_count=np.ones(1, dtype=np.int64),
        contact_links=np.array([links]),
        contact_points=2 * normals,
        contact_normals=normals,
        contact_forces=3 * normals,
    )


def test_sets_with_more_and_fewer_contacts_have_the_same_room():
    up, down = [0.0, 0, 1], [0.0, 0, -1]
    joined = join_grasps([grasps_with([1, 2], [up, down]), grasps_with([2], [down])])
    assert joined.contact_links.shape == (2, CONTACTS)
    assert joined.contact_links[:, :3].tolist() == [[1, 2, -1], [2, -1, -1]]
    assert (joined.contact_links[:, 3:] == -1).all()
    np.testing.assert_array_equal(joined.contact_normals[0, :2], [up, down])
    np.testing.assert_array_equal(joined.contact_forces[0, 1], [0, 0, -3])
    for name in ('contact_points', 'contact_normals', 'contact_forces'):
        assert np.isfinite(getattr(joined, name)[0, :2]).all()
        assert np.isnan(getattr(joined, name)[0, 2:]).all()


def test_contacts_with_the_least_forces_make_room():
    links = np.arange(CONTACTS + 2)
    joined = join_grasps([grasps_with(links, np.tile([0.0, 0, 1], (len(links), 1)))])
    np.testing.assert_array_equal(joined.contact_links, [links[:CONTACTS]])
    assert np.isfinite(joined.contact_points).all()


def test_grasps_that_touch_nothing_have_room_too():
    none = grasps_with([], np.empty((0, 3)))
    assert join_grasps([none]).contact_points.shape == (1, CONTACTS, 3)
