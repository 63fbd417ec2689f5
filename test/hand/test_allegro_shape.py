"""The Allegro hand's primitives beside the manufacturer's meshes, seen from the palm side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from surface_comparison import (
    collision_meshes,
    first_hits,
    placed,
    show,
    surface_distance,
    union_distance,
    visual_meshes,
)

from dexgrasp_ros.hand import link_poses, load_hand

STRAIGHT = np.zeros(16)
STRAIGHT[12] = 0.263  # the least that this joint can do


@pytest.fixture(scope='module')
def hand():
    return load_hand('allegro')


@pytest.fixture(scope='module')
def simlab(data_dir: Path):
    folder = data_dir / 'hands' / 'allegro_simlab' / 'allegro_hand_description'
    return load_hand(folder / 'allegro_hand_description_right.urdf')


def real_surface(simlab, links):
    return placed(visual_meshes(simlab), simlab, link_poses(simlab, STRAIGHT), links)


FINGERS = [f'link_{i}.0' for i in range(12)] + [f'link_{i}.0_tip' for i in (3, 7, 11)]
THUMB = [f'link_{i}.0' for i in (13, 14, 15)] + ['link_15.0_tip']


@pytest.mark.parametrize(
    ('links', 'view'),
    [
        (['base_link'], 'base_link'),
        (FINGERS, 'base_link'),
        (THUMB, 'link_14.0'),
        (['link_3.0_tip', 'link_7.0_tip', 'link_11.0_tip', 'link_15.0_tip'], 'base_link'),
    ],
    ids=['palm', 'fingers', 'thumb', 'tips'],
)
def test_inner_surfaces_follow_the_manufacturers_meshes(hand, simlab, links, view):
    poses = link_poses(hand, STRAIGHT)
    turn = Rotation.from_quat(poses[hand.link_names.index(view), 3:])
    hits = first_hits(real_surface(simlab, links), turn.apply([1, 0, 0]))
    distance = np.abs(union_distance(hand, poses, hits))
    show(f'{links[0]} …', distance)
    assert len(hits) > 1000
    assert distance.mean() < 0.001
    assert np.percentile(distance, 95) < 0.002


def test_fingers_do_not_stand_out_of_the_manufacturers_meshes(hand, simlab):
    poses = link_poses(hand, STRAIGHT)
    hits = first_hits(placed(collision_meshes(hand), hand, poses, FINGERS), [1, 0, 0])
    distance = surface_distance(real_surface(simlab, list(visual_meshes(simlab))), hits)
    show('stands out', distance)
    assert np.percentile(distance, 95) < 0.002
