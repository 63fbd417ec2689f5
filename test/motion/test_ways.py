"""Ways of a hand among boxes and spheres whose distances are known exactly."""

import dataclasses
import itertools

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.poses import compose, pose_to_matrix
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.hand.kinematics import link_matrices
from dexgrasp_ros.hand.reachability import straight_way
from dexgrasp_ros.motion import (
    Approach,
    HandCloud,
    WayConfig,
    WayTest,
    find_way,
    point_cloud_field,
    retreat_directions,
    without_hand,
)
from dexgrasp_ros.object import load_object

UP = np.array([0.0, 0.0, 1.0])
FLOOR = np.array([0.0, 0.0, 1.0, 0.0])
DOWN = np.array([0.0, 1.0, 0.0, 0.0])
CONFIG = WayConfig(sampling_time=0.0)


@pytest.fixture(scope='module')
def hand():
    return load_hand('barrett')


def surface(hand, q, pose):
    """All surface points [P, 3] of a hand, in the world."""
    frames = link_matrices(hand, q, pose)[hand.geometry_links[point_groups(hand)]]
    return np.einsum('mij,mj->mi', frames[:, :3, :3], hand.points) + frames[:, :3, 3]


def palm_at(hand, place):
    """Root pose of a hand whose palm is at `place` and looks down."""
    from dexgrasp_ros.core.poses import invert

    return compose(np.append(place, DOWN), invert(hand.palm_pose))


def wanted(hand, **changes):
    start, end = palm_at(hand, [-0.4, 0.0, 0.35]), palm_at(hand, [0.0, 0.0, 0.25])
    usual = Approach(
        pregrasp=end, grasp=end, fingers=hand.preshape, up=UP, start=start,
        start_fingers=hand.preshape,
    )  # fmt: skip
    return dataclasses.replace(usual, **changes)


def ball(center, radius):
    return lambda points: np.linalg.norm(points - center, axis=1) - radius


def floor(points):
    return points[:, 2]


def gaps(hand, q, start, way, field):
    """Distances of all surface points to a field, every 5 mm of a way."""
    return [
        field(surface(hand, q, None) @ frame[:3, :3].T + frame[:3, 3]).min()
        for a, b in itertools.pairwise([start, *way])
        for frame in straight_way(a, b, step=0.005)
    ]


def test_clearance_is_the_distance_of_the_nearest_surface_point(hand):
    rng = np.random.default_rng(0)
    poses = np.concatenate([rng.uniform(-0.3, 0.3, (20, 3)), rng.normal(size=(20, 4))], axis=1)
    poses[:, 3:] /= np.linalg.norm(poses[:, 3:], axis=1, keepdims=True)
    field = ball(np.zeros(3), 0.05)
    found = HandCloud(hand, hand.preshape).clearance(pose_to_matrix(poses), [field], 0.05)
    true = np.array([field(surface(hand, hand.preshape, pose)).min() for pose in poses])
    near = true < 0.05
    assert near.any() and (~near).any()
    np.testing.assert_allclose(found[near], true[near], atol=1e-6)
    assert (found[~near] >= 0.05 - 1e-9).all()


def test_what_is_carried_counts(hand):
    below = np.array([[0.0, 0.0, -0.5]])
    frames = np.eye(4)[None]
    bare = HandCloud(hand, hand.preshape).clearance(frames, [ball(below[0], 0.01)], 0.02)
    full = HandCloud(hand, hand.preshape, below).clearance(frames, [ball(below[0], 0.01)], 0.02)
    assert bare[0] >= 0.02
    assert full[0] == pytest.approx(-0.01)


def test_nothing_in_between_is_a_straight_way(hand):
    ask = wanted(hand)
    way = find_way(hand, [floor], ask, CONFIG)
    assert len(way) == 2
    np.testing.assert_array_equal(way[-1], ask.pregrasp)
    assert np.linalg.norm(way[0, :3] - way[1, :3]) == pytest.approx(CONFIG.last_stretch)


def test_a_thing_in_between_is_passed_over_the_top(hand):
    ask = wanted(hand)
    # Where the fingers of a straight way pass.
    field = ball(np.array([-0.2, 0.0, 0.2]), 0.08)
    assert min(gaps(hand, hand.preshape, ask.start, [ask.pregrasp], field)) < 0.0
    way = find_way(hand, [floor, field], ask, CONFIG)
    assert len(way) == 4
    assert min(gaps(hand, hand.preshape, ask.start, way, field)) >= CONFIG.margin - 1e-3


def test_sampling_finds_a_way_around_a_wall(hand):
    ask = wanted(hand)
    # From the floor to above all that simple ways do, open on the side of +y.
    wall = np.stack(
        np.meshgrid([-0.2], np.linspace(-0.9, 0.0, 120), np.linspace(0, 1.3, 160), indexing='ij'),
        axis=-1,
    ).reshape(-1, 3)
    field = point_cloud_field(wall, FLOOR, 0.06)
    assert find_way(hand, [field], ask, CONFIG) is None
    way = find_way(hand, [field], ask, WayConfig(sampling_time=10.0))
    assert way is not None
    assert min(gaps(hand, hand.preshape, ask.start, way, field)) >= CONFIG.margin - 1.5e-3


def test_a_pregrasp_inside_of_something_has_no_way(hand):
    ask = wanted(hand)
    assert find_way(hand, [ball(ask.pregrasp[:3], 0.05)], ask, CONFIG) is None


def test_without_a_start_only_the_end_is_looked_for(hand):
    way = find_way(hand, [floor], wanted(hand, start=None), CONFIG)
    assert len(way) == 2


def test_fingers_that_are_still_closed_count_too(hand):
    opened, closed = hand.lower.copy(), 0.5 * (hand.lower + hand.upper)
    cloud = HandCloud(hand, closed)
    ask = wanted(hand, fingers=opened, start_fingers=closed)
    way = find_way(hand, [floor], ask, CONFIG)
    frames = np.concatenate([straight_way(a, b, step=0.01) for a, b in
                             itertools.pairwise([ask.start, *way[:-1]])])  # fmt: skip
    assert (cloud.clearance(frames, [floor], 0.05) > CONFIG.margin).all()


def test_directions_begin_between_the_back_of_the_palm_and_up():
    level = np.array([0, 0, 0, 0, np.sqrt(0.5), 0, np.sqrt(0.5)])  # z points along +x
    found = retreat_directions(level, level, up=UP, palm_axis=UP)
    np.testing.assert_allclose(found[0], np.array([-1, 0, 1]) / np.sqrt(2), atol=1e-9)
    np.testing.assert_allclose(found[1], UP, atol=1e-9)
    assert all(np.linalg.norm(d) == pytest.approx(1.0) for d in found)


@pytest.fixture(scope='module')
def between_walls():
    """A small box; 16 cm beside it on both sides stand walls of 30 cm."""
    box = trimesh.creation.box((0.04, 0.04, 0.06)).apply_translation((0, 0, 0.03))
    grid = np.stack(np.meshgrid([-0.16, 0.16], np.linspace(-0.2, 0.2, 60),
                                np.linspace(0, 0.3, 45), indexing='ij'), axis=-1)  # fmt: skip
    return box, grid.reshape(-1, 3)


def test_neighbours_block_a_way_from_the_side_and_not_from_above(hand, between_walls):
    box, walls = between_walls
    obj = load_object((box.vertices, box.faces), support_plane=FLOOR, obstacles=walls)
    lone = load_object((box.vertices, box.faces), support_plane=FLOOR)
    above = palm_at(hand, [0.0, 0.0, 0.2])
    sideways = compose(np.array([-0.14, 0, 0.17, 0, np.sqrt(0.5), 0, np.sqrt(0.5)]),
                       np.append(-hand.palm_pose[:3], [0, 0, 0, 1]))  # fmt: skip
    poses = np.stack([above, sideways])
    fingers = np.tile(hand.preshape, (2, 1))
    start = palm_at(hand, [-0.5, 0.0, 0.4])
    lift = 0.1 * UP
    test = WayTest(hand, obj, CONFIG, start=start, lift=lift)
    assert test(poses, poses, fingers, fingers).tolist() == [True, False]
    assert WayTest(hand, lone, CONFIG, start=start, lift=lift)(
        poses, poses, fingers, fingers
    ).tolist() == [True, True]


def test_what_lies_upon_an_object_keeps_it_from_being_lifted(hand):
    box = trimesh.creation.box((0.04, 0.04, 0.06)).apply_translation((0, 0, 0.03))
    roof = np.stack(np.meshgrid(np.linspace(-0.02, 0.02, 8), np.linspace(-0.02, 0.02, 8), [0.12],
                                indexing='ij'), axis=-1).reshape(-1, 3)  # fmt: skip
    obj = load_object((box.vertices, box.faces), support_plane=FLOOR, obstacles=roof)
    far = palm_at(hand, [0.0, 0.35, 0.3])[None]  # the object alone decides
    fingers = hand.preshape[None]
    for height, clear in ((0.03, True), (0.1, False)):
        test = WayTest(hand, obj, CONFIG, lift=height * UP)
        assert test(far, far, fingers, fingers)[0] == clear


def test_what_is_seen_of_the_hand_itself_is_left_out(hand):
    pose = palm_at(hand, [0.0, 0.0, 0.25])
    own = surface(hand, hand.preshape, pose)[::50] + 0.005
    other = np.array([[0.0, 0.0, -0.1], [0.3, 0.0, 0.0]])
    left = without_hand(np.concatenate([own, other]), hand, pose, hand.preshape)
    np.testing.assert_array_equal(left, other)
