"""The Barrett hand's kinematics and primitives beside published numbers and meshes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from surface_comparison import (
    collision_meshes,
    first_hits,
    inertials,
    placed,
    read_mesh,
    self_overlap,
    show,
    surface_distance,
    union_distance,
)

from dexgrasp_ros.core.poses import invert, transform_points
from dexgrasp_ros.hand import link_poses, load_hand

OPEN = np.zeros(4)
KNUCKLES = [f'bh_finger_{i}1_link' for i in (1, 2)]
MEDIAL = [f'bh_finger_{i}2_link' for i in (1, 2, 3)]
DISTAL = [f'bh_finger_{i}3_link' for i in (1, 2, 3)]
LINKS = ['bh_base_link', *KNUCKLES, *MEDIAL, *DISTAL]
# Published with the kinematics: this point of each distal link, in the base link's frame.
FINGERTIP = np.array([[-0.0415, 0.0405, 0.0]])


@pytest.fixture(scope='module')
def hand():
    return load_hand('barrett')


@pytest.fixture(scope='module')
def real(data_dir: Path) -> dict[str, trimesh.Trimesh]:
    folder = data_dir / 'hands' / 'barrett_robotnik' / 'barrett_hand_description' / 'meshes'
    meshes = {'bh_base_link': read_mesh(folder / 'palm_280.dae')}
    for file, links in (('knuckle', KNUCKLES), ('finger', MEDIAL), ('finger_tip', DISTAL)):
        meshes |= dict.fromkeys(links, read_mesh(folder / f'{file}.dae'))
    return meshes


@pytest.mark.parametrize(
    ('q', 'tips'),
    [
        ([0, 0, 0, 0], [(0.025, 0.1614, 0.1189), (-0.025, 0.1614, 0.1189), (0, -0.1614, 0.1189)]),
        ([np.pi / 2, 0, 0, 0], [(0.1864, 0, 0.1189), (-0.1864, 0, 0.1189), (0, -0.1614, 0.1189)]),
        ([np.pi, 0, 0, 0], [(0.025, -0.1614, 0.1189), (-0.025, -0.1614, 0.1189)]),
        ([0, 1, 1, 1], [(0.025, 0.0551, 0.1854), (-0.025, 0.0551, 0.1854), (0, -0.0551, 0.1854)]),
    ],
    ids=['open', 'spread half', 'spread', 'closing'],
)
def test_fingertips_stand_where_published(hand, q, tips):
    poses = link_poses(hand, np.array(q, float))
    for link, expected in zip(DISTAL, tips, strict=False):
        there = transform_points(poses[hand.link_names.index(link)], FINGERTIP)[0]
        np.testing.assert_allclose(there, expected, atol=1e-4)


def test_four_motors_move_eight_joints_within_their_limits(hand):
    assert hand.joint_names == ('bh_j11_joint', 'bh_j12_joint', 'bh_j22_joint', 'bh_j32_joint')
    np.testing.assert_allclose(hand.lower, 0.0)
    np.testing.assert_allclose(hand.upper, [np.pi, 2.44, 2.44, 2.44], atol=1e-4)
    driven = [hand.link_names.index(name) for name in DISTAL]
    np.testing.assert_allclose(hand.multipliers[driven] * 2.44, 0.84, atol=1e-5)
    assert hand.coordinates[hand.link_names.index('bh_finger_21_link')] == 0
    assert (hand.effort_limits > 0.5).all() and (hand.velocity_limits > 1.0).all()


def test_every_moving_link_has_a_possible_inertia(hand):
    bodies = inertials(hand)
    moving = {name for name, c in zip(hand.link_names, hand.coordinates, strict=True) if c >= 0}
    assert moving <= set(bodies)
    assert sum(mass for mass, _ in bodies.values()) == pytest.approx(
        0.98, abs=0.01
    )  # the manufacturer's total
    for mass, moments in bodies.values():
        # No body's principal moments break the triangle inequality; gyration in mm to cm.
        assert moments[0] > 0 and moments[2] <= (moments[0] + moments[1]) * (1 + 1e-3)
        assert 0.002 < np.sqrt(moments[2] / mass) < 0.1


def test_palm_faces_z_between_the_fingers(hand):
    axis = Rotation.from_quat(hand.palm_pose[3:]).as_matrix()[:, 2]
    assert axis[2] > 0.99
    np.testing.assert_allclose(hand.palm_pose[:3], [0, 0, 0.079], atol=0.005)


def test_palm_follows_the_manufacturers_mesh(hand, real):
    poses = link_poses(hand, OPEN)
    hits = first_hits(placed(real, hand, poses, LINKS), [0, 0, 1])
    # The knuckles, seen from here, are in the test of the fingers.
    plate = hits[(np.abs(hits[:, 0]) < 0.045) & (hits[:, 1] > -0.0655) & (hits[:, 1] < 0.043)]
    plate = plate[
        (plate[:, 2] > 0.066) & ~((plate[:, 1] > 0.027) & (np.abs(plate[:, 0]) > 0.0126))
    ]
    distance = np.abs(union_distance(hand, poses, plate))
    show('palm', distance)
    assert len(plate) > 4000
    assert distance.mean() < 0.0005
    assert np.percentile(distance, 95) < 0.0015


# In each link's frame: what a fork covers is left out, since the URDF's forks are solid.
REGIONS = [
    pytest.param(MEDIAL, [0, 1, 0], lambda p: (p[:, 0] < -0.017) & (p[:, 0] > -0.06), id='medial'),
    pytest.param(DISTAL, [1, 1, 0], lambda p: p[:, 1] - p[:, 0] > 0.02, id='distal'),
]


@pytest.mark.parametrize(('links', 'inner', 'region'), REGIONS)
def test_inner_faces_follow_the_manufacturers_meshes(hand, real, links, inner, region):
    poses = link_poses(hand, OPEN)
    for link in links:
        pose = poses[hand.link_names.index(link)]
        hits = first_hits(
            placed(real, hand, poses, [link]), Rotation.from_quat(pose[3:]).apply(inner)
        )
        hits = hits[region(transform_points(invert(pose), hits))]
        distance = np.abs(union_distance(hand, poses, hits))
        show(link, distance)
        assert len(hits) > 500
        assert distance.mean() < 0.0005
        assert np.percentile(distance, 95) < 0.0015


@pytest.mark.parametrize('view', [[1, 1, 0], [-1, 1, 0], [0, 0, 1], [0, 0, -1]])
def test_fingertips_follow_the_manufacturers_mesh_all_round(hand, real, view):
    poses = link_poses(hand, OPEN)
    turn = Rotation.from_quat(poses[hand.link_names.index(DISTAL[2]), 3:])
    hits = first_hits(placed(real, hand, poses, DISTAL[2:]), turn.apply(view))
    distance = np.abs(union_distance(hand, poses, hits))
    show(f'tip from {view}', distance)
    assert distance.mean() < 0.0007
    assert np.percentile(distance, 95) < 0.002


def test_fingers_do_not_stand_out_of_the_manufacturers_meshes(hand, real):
    poses = link_poses(hand, OPEN)
    ours = placed(collision_meshes(hand), hand, poses, [*MEDIAL, *DISTAL])
    distance = surface_distance(placed(real, hand, poses, LINKS), first_hits(ours, [0, 0, 1]))
    show('stands out', distance)
    assert np.percentile(distance, 95) < 0.002


@pytest.mark.parametrize('spread', [0.0, np.pi / 2, np.pi])
def test_nothing_overlaps_while_the_hand_is_open(hand, spread):
    depth, names = self_overlap(hand, np.array([spread, 0.0, 0.0, 0.0]))
    assert depth < 0.001, names
