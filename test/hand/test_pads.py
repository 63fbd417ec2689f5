"""Jaws in pieces: together they are the jaw, and only grippers have them."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from grippers import parallel_gripper
from scipy.spatial import ConvexHull, QhullError

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.core.poses import invert, transform_points
from dexgrasp_ros.hand import load_hand, load_hand_text
from dexgrasp_ros.hand.geometry import primitive_distance
from dexgrasp_ros.hand.polytope import cut_box, simple_hull


@pytest.fixture(scope='module')
def gripper():
    return load_hand_text(parallel_gripper())


def in_pieces(hand, link, points):
    """How many pieces of a link each point [M, 3] of it lies in."""
    groups = np.flatnonzero(hand.geometry_links == hand.link_names.index(link))
    count = np.zeros(len(points), int)
    for g in groups:
        planes = hand.planes[slice(*hand.geometry_planes[g : g + 2])]
        there = transform_points(invert(hand.geometry_poses[g]), points)
        inside = primitive_distance(hand.geometry_types[g], hand.geometry_sizes[g], there, planes)
        count += inside < 0.0
    return count


def test_a_jaw_is_cut_across_its_long_sides(gripper):
    for link in ('a', 'b'):
        own = gripper.geometry_links == gripper.link_names.index(link)
        assert 6 <= own.sum() <= 12
        sizes = 2.0 * gripper.geometry_sizes[own]
        assert sizes.prod(axis=1).sum() == pytest.approx(0.024 * 0.01 * 0.08)
        assert sizes[:, 1] == pytest.approx(0.01)  # too thin to be cut
        assert sizes.max() < 0.025
        assert not (own & (gripper.group_fingers < 0)).any()
    assert (gripper.geometry_links == 0).sum() == 1  # the palm is whole


def test_what_names_a_jaw_means_all_of_its_pieces(tmp_path):
    said = tmp_path / 'said.yaml'
    said.write_text('contact_weights: {a: 0.25}\nignored_collisions: [[a, b]]\n')
    hand = load_hand_text(parallel_gripper(), overrides=said)
    names = np.array(hand.group_names)
    assert (names == 'a').sum() > 1 and (hand.group_weights[names == 'a'] == 0.25).all()
    pairs = {frozenset(names[p]) for p in hand.self_collision_pairs}
    assert frozenset('ab') not in pairs


def test_pieces_fill_the_jaw_and_do_not_overlap(gripper):
    rng = np.random.default_rng(0)
    points = rng.uniform([-0.02, -0.005, -0.01], [0.02, 0.015, 0.09], (4000, 3))
    center, half = np.array([0.0, 0.005, 0.04]), np.array([0.012, 0.005, 0.04])
    inside = (np.abs(points - center) < half).all(axis=1)
    np.testing.assert_array_equal(in_pieces(gripper, 'a', points), inside.astype(int))


def test_points_lie_on_the_jaw_and_not_between_its_pieces(gripper):
    clusters = gripper.group_clusters[[1, len(gripper.group_names)]]
    points = gripper.points[slice(*gripper.cluster_points[clusters])].astype(np.float64)
    a = points[: len(points) // 2]
    box = np.abs(a - [0.0, 0.005, 0.04]) - [0.012, 0.005, 0.04]
    np.testing.assert_allclose(box.max(axis=1), 0.0, atol=1e-6)


def test_hands_with_more_fingers_stay_whole():
    hand = load_hand('allegro')
    assert (2 * hand.geometry_sizes).max() > 0.05
    assert len(set(hand.group_names)) == len(hand.group_names)


def test_a_mesh_is_cut_as_well(tmp_path):
    ends = [(0.0, 0.006), (0.08, 0.003)]  # height and thickness
    corners = [[x, y, z] for z, thick in ends for x in (-0.01, 0.01) for y in (0.0, thick)]
    wedge = trimesh.convex.convex_hull(corners)
    wedge.export(tmp_path / 'jaw.stl')
    text = parallel_gripper().replace(
        '<box size="0.024 0.01 0.08"/>', '<mesh filename="jaw.stl"/>'
    )
    hand = load_hand_text(text, base_folder=tmp_path)
    own = np.flatnonzero(hand.geometry_links == hand.link_names.index('a'))
    assert len(own) > 2 and (hand.geometry_types[own] == GeometryType.CONVEX).all()
    volume = sum(ConvexHull(hand.geometry_meshes[g].vertices).volume for g in own)
    assert volume == pytest.approx(wedge.volume, rel=1e-3)
    for g in own:
        planes = hand.planes[slice(*hand.geometry_planes[g : g + 2])]
        reach = hand.geometry_meshes[g].vertices @ planes[:, :3].T - planes[:, 3]
        np.testing.assert_allclose(reach.max(axis=0), 0.0, atol=1e-6)  # each plane bounds it


@pytest.mark.parametrize('seed', range(3))
def test_what_a_box_cuts_off_agrees_with_qhull(seed):
    """Volumes of the eight octants of a random polytope are those of all of it."""
    rng = np.random.default_rng(seed)
    whole = simple_hull(rng.normal(0.0, 0.02, (30, 3)))
    low, high = whole.vertices.min(axis=0), whole.vertices.max(axis=0)
    middle = 0.5 * (low + high)
    volume = 0.0
    for upper in np.ndindex(2, 2, 2):
        first, last = np.where(upper, middle, low), np.where(upper, high, middle)
        part = cut_box(whole.planes, first, last)
        assert (part.vertices >= first - 1e-9).all() and (part.vertices <= last + 1e-9).all()
        assert (part.vertices @ whole.planes[:, :3].T <= whole.planes[:, 3] + 1e-9).all()
        volume += ConvexHull(part.vertices).volume
    assert volume == pytest.approx(ConvexHull(whole.vertices).volume, rel=1e-9)


def test_nothing_is_cut_from_beside_it():
    whole = simple_hull(np.array(list(np.ndindex(2, 2, 2)), dtype=float))
    with pytest.raises(QhullError):
        cut_box(whole.planes, np.array([2.0, 0, 0]), np.array([3.0, 1, 1]))
