"""The Shadow hand's kinematics and primitives beside published numbers and meshes."""

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

WRIST = {'rh_WRJ2', 'rh_WRJ1'}
FINGERS = ('ff', 'mf', 'rf', 'lf')
PHALANGES = [f'rh_{f}{part}' for f in FINGERS for part in ('proximal', 'middle', 'distal')]
DISTAL = [f'rh_{f}distal' for f in FINGERS]
THUMB = ['rh_thproximal', 'rh_thmiddle', 'rh_thdistal']
# Published with the kinematics, forearm's frame (4 digits).
AT_ZERO = {
    'ff': (0.033, -0.010, 0.438),
    'mf': (0.011, -0.010, 0.442),
    'rf': (-0.011, -0.010, 0.438),
    'lf': (-0.033, -0.010, 0.4296),
    'th': (0.1029, -0.0186, 0.345),
}
AT_HALF = {
    'ff': (0.033, -0.0785, 0.3968),
    'mf': (0.011, -0.0785, 0.4008),
    'rf': (-0.011, -0.0785, 0.3968),
    'lf': (-0.033, -0.0785, 0.3884),
    'th': (0.0831, -0.0637, 0.3437),
}


@pytest.fixture(scope='module')
def hand():
    return load_hand('shadow')


@pytest.fixture(scope='module')
def real(data_dir: Path) -> dict[str, trimesh.Trimesh]:
    """Meshes in mm, placed as the manufacturer's description does."""
    folder = data_dir / 'hands' / 'shadow_official' / 'sr_description' / 'meshes' / 'components'

    def read(file: str, **placement) -> trimesh.Trimesh:
        return read_mesh(folder / file, scale=0.001, **placement)

    meshes = {
        'rh_palm': read('palm/palm_E3M5.dae'),
        'rh_lfmetacarpal': read('lf_metacarpal/lf_metacarpal_E3M5.dae', rpy=(0, 0.9599, 0)),
        'rh_thproximal': read('th_proximal/th_proximal_E3M5.dae', rpy=(0, 0, np.pi / 2)),
        'rh_thmiddle': read('th_middle/th_middle_E3M5.dae'),
        'rh_thdistal': read('th_distal/pst/th_distal_pst.dae'),
    }
    for part, file, z in (
        ('knuckle', 'f_knuckle/f_knuckle_E3M5.dae', 0.0005),
        ('proximal', 'f_proximal/f_proximal_E3M5.dae', 0.0),
        ('middle', 'f_middle/f_middle_E3M5.dae', 0.0),
        ('distal', 'f_distal/pst/f_distal_pst.dae', 0.0),
    ):
        meshes |= dict.fromkeys([f'rh_{f}{part}' for f in FINGERS], read(file, z=z))
    return meshes


def posture(hand, **values: float) -> np.ndarray:
    """Zero but for the named joints."""
    q = np.zeros(len(hand.joint_names))
    for name, value in values.items():
        q[hand.joint_names.index(f'rh_{name}')] = value
    return q


@pytest.mark.parametrize(('bent', 'expected'), [(0.0, AT_ZERO), (0.5, AT_HALF)])
def test_tips_stand_where_published(hand, bent, expected):
    bending = {f'{f}{j}': bent for f in ('FF', 'MF', 'RF', 'LF') for j in ('J3', 'J2')}
    poses = link_poses(hand, posture(hand, **bending, THJ4=bent, THJ1=bent))
    for finger, tip in expected.items():
        there = poses[hand.link_names.index(f'rh_{finger}tip'), :3]
        np.testing.assert_allclose(there, tip, atol=1e-4)


def test_eighteen_of_twenty_two_finger_joints_move_on_their_own(hand):
    assert len(set(hand.joint_names) - WRIST) == 18
    for finger in ('FF', 'MF', 'RF', 'LF'):
        assert f'rh_{finger}J1' not in hand.joint_names
        coordinate = hand.joint_names.index(f'rh_{finger}J2')
        distal = hand.link_names.index(f'rh_{finger.lower()}distal')
        assert hand.coordinates[distal] == coordinate and hand.multipliers[distal] == 1.0
    assert hand.joint_names[-1] == 'rh_THJ1'
    assert (hand.effort_limits >= 1.0).all() and (hand.velocity_limits >= 2.0).all()
    assert hand.warnings == ()


def test_every_moving_link_has_a_possible_inertia(hand):
    bodies = inertials(hand)
    moving = {name for name, c in zip(hand.link_names, hand.coordinates, strict=True) if c >= 0}
    assert moving <= set(bodies)
    assert sum(mass for mass, _ in bodies.values()) == pytest.approx(
        3.79, abs=0.01
    )  # the source's total, 3 kg of it in the forearm
    for mass, moments in bodies.values():
        # No body's principal moments break the triangle inequality; gyration in mm to cm.
        assert moments[0] > 0 and moments[2] <= (moments[0] + moments[1]) * (1 + 1e-3)
        assert 0.002 < np.sqrt(moments[2] / mass) < 0.1


def test_palm_faces_minus_y(hand):
    turn = Rotation.from_quat(hand.palm_pose[3:]).as_matrix()
    assert turn[1, 2] < -0.9 and turn[2, 0] > 0.9  # z leaves the palm, x goes to the fingers
    middle = np.where([name in WRIST for name in hand.joint_names], 0.5, 0.0)
    poses = link_poses(hand, middle * (hand.lower + hand.upper))
    palm = poses[hand.link_names.index('rh_palm')]
    local = transform_points(invert(palm), hand.palm_pose[None, :3])[0]
    assert abs(local[0]) < 0.02 and -0.026 < local[1] < -0.008 and 0.0 < local[2] < 0.08, local


def test_forearm_and_wrist_are_no_place_for_contact(hand):
    weights = dict(zip(hand.group_names, hand.group_weights, strict=True))
    assert weights['rh_forearm[0]'] == weights['rh_wrist[0]'] == 0.0
    assert weights['rh_ffdistal[0]'] == weights['rh_thdistal[0]'] == 1.0
    assert 0.0 < weights['rh_palm[0]'] < 1.0


def test_palm_follows_the_manufacturers_mesh(hand, real):
    poses = link_poses(hand, posture(hand))
    palm = poses[hand.link_names.index('rh_palm')]
    # The whole hand casts the shadows: what is seen through the thumb's socket is the thumb.
    hits = transform_points(
        invert(palm), first_hits(placed(real, hand, poses, list(real)), [0, -1, 0])
    )
    x, y, z = hits.T
    # From the heel to the fingers' roots, without openings that show the inside of the back.
    hits = hits[(np.abs(x) < 0.043) & (z > -0.003) & (z < 0.095) & (y < 0.003)]
    distance = np.abs(union_distance(hand, poses, transform_points(palm, hits)))
    show('palm', distance)
    assert len(hits) > 5000
    assert distance.mean() < 0.001
    assert np.percentile(distance, 95) < 0.003


@pytest.mark.parametrize('links', [PHALANGES, DISTAL], ids=['phalanges', 'tips'])
@pytest.mark.parametrize('view', [[0, -1, 0], [0, -1, 1]], ids=['palm', 'above'])
def test_fingers_follow_the_manufacturers_meshes(hand, real, links, view):
    poses = link_poses(hand, posture(hand))
    hits = first_hits(placed(real, hand, poses, links), view)
    distance = np.abs(union_distance(hand, poses, hits))
    show(f'{links[0]} …', distance)
    assert len(hits) > 1000
    assert distance.mean() < 0.0005
    assert np.percentile(distance, 95) < 0.0015


def test_thumb_follows_the_manufacturers_meshes(hand, real):
    poses = link_poses(hand, posture(hand))
    turn = Rotation.from_quat(poses[hand.link_names.index('rh_thmiddle'), 3:])
    for links in (THUMB, THUMB[2:]):
        hits = first_hits(placed(real, hand, poses, links), turn.apply([0, -1, 0]))
        distance = np.abs(union_distance(hand, poses, hits))
        show(links[0], distance)
        assert distance.mean() < 0.0005
        assert np.percentile(distance, 95) < 0.0015


def test_fingers_do_not_stand_out_of_the_manufacturers_meshes(hand, real):
    poses = link_poses(hand, posture(hand))
    hits = first_hits(placed(collision_meshes(hand), hand, poses, PHALANGES), [0, -1, 0])
    distance = surface_distance(placed(real, hand, poses, list(real)), hits)
    show('stands out', distance)
    assert np.percentile(distance, 95) < 0.002


@pytest.mark.parametrize(
    'bent',
    [{}, {'THJ4': 0.6}, {f'{f}J3': 1.57 for f in ('FF', 'MF', 'RF', 'LF')}],
    ids=['open', 'thumb opposed', 'fingers bent'],
)
def test_nothing_overlaps_where_nothing_does_in_reality(hand, bent):
    depth, names = self_overlap(hand, posture(hand, **bent))
    assert depth < 0.001, names
