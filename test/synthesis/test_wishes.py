"""Searches for grasps of a kind: what comes back is of that kind, by oracles of its own."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import trimesh
from closing_scenes import closing_of
from oracles import distance_to, posed_points
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.core.wishes import Region, Wishes
from dexgrasp_ros.hand import load_hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize, trace_seed
from dexgrasp_ros.synthesis.fingers import finger_names, fingertips
from dexgrasp_ros.synthesis.search import Search
from dexgrasp_ros.synthesis.seeds import draw_seeds, make_seeds
from dexgrasp_ros.synthesis.wishes import reject_unwished, resolve_wishes

CONFIG = SynthesisConfig(seed_count=32, iterations=120, max_grasps=6, random_seed=3)
HEAD, HANDLE = 0.07, -0.03  # m, height of the hammer's head, and of its handle's middle
UPPER = (0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 1.0)  # the half space z > 0, near the object
TOUCH = 0.0015  # m; closer than this is reported as contact, whatever the rounding


@pytest.fixture(scope='module')
def ball():
    mesh = trimesh.creation.icosphere(4, 0.035)
    return load_object((mesh.vertices, mesh.faces))


@pytest.fixture(scope='module')
def hammer():
    """A handle of 26 mm along z with a head across it."""
    handle = trimesh.creation.cylinder(0.013, 0.18)
    head = trimesh.creation.box((0.1, 0.03, 0.03))
    head.apply_translation([0, 0, HEAD])
    mesh = handle.union(head)
    return load_object((mesh.vertices, mesh.faces))


def links_in_contact(grasps, n):
    """Links that the squeeze presses with, as reported."""
    return {grasps.link_names[i] for i in grasps.contact_links[n, : grasps.contact_count[n]]}


def links_near(grasps, hand, obj, n):
    """Links whose points are near the object at the grasp, measured anew."""
    points, group = posed_points(hand, grasps.base_pose[n], grasps.grasp[n])
    distance = distance_to(obj, points)
    near = np.unique(group[distance < TOUCH])
    return {hand.link_names[hand.geometry_links[g]] for g in near}


def both(grasps, hand, obj, n):
    return links_in_contact(grasps, n) | links_near(grasps, hand, obj, n)


def tip_links(hand):
    return {hand.link_names[i] for i in hand.geometry_links[fingertips(hand)]}


def contacts(grasps):
    used = np.isfinite(grasps.contact_points).all(axis=2)
    return grasps.contact_points[used]


@pytest.mark.parametrize(
    'name', ['allegro', 'barrett', pytest.param('shadow', marks=pytest.mark.slow)]
)
def test_precision_grasps_touch_with_fingertips_only(name, ball):
    hand = load_hand(name)
    grasps = synthesize(hand, ball, CONFIG, wishes=Wishes(grasp_type='precision'))
    assert len(grasps) >= 3
    for n in range(len(grasps)):
        assert both(grasps, hand, ball, n) <= tip_links(hand)


def test_power_grasps_touch_with_palm_and_two_fingers(allegro):
    mesh = trimesh.creation.cylinder(0.033, 0.1, sections=64)
    can = load_object((mesh.vertices, mesh.faces))
    grasps = synthesize(allegro, can, CONFIG, wishes=Wishes(grasp_type='power'))
    assert len(grasps) >= 3
    finger = dict(zip(allegro.geometry_links, allegro.group_fingers, strict=True))
    tips = set(allegro.geometry_links[fingertips(allegro)])
    for n in range(len(grasps)):
        parts = {finger[i] for i in grasps.contact_links[n, : grasps.contact_count[n]]}
        assert -1 in parts and len(parts) >= 3
    free = synthesize(allegro, can, CONFIG)
    inner = [(~np.isin(g.contact_links, [-1, *tips])).sum(axis=1).mean() for g in (grasps, free)]
    assert inner[0] >= inner[1]  # ranked by how they hold, free ones reach around it as well


def test_palm_and_one_finger_are_no_power_grasp(allegro, ball):
    search = Search(allegro, ball, CONFIG)
    pair = dataclasses.replace(CONFIG, seed_count=2)
    look = search.look(*make_seeds(search, allegro, ball, pair))
    palm, first, second = (np.flatnonzero(allegro.group_fingers == f)[0] for f in (-1, 0, 1))
    look.distance[:] = 1.0
    look.distance[:, [palm, first]] = 0.0
    look.distance[1, second] = 0.0
    for wishes, bad in (
        (Wishes(grasp_type='power'), [True, False]),
        (Wishes(grasp_type='power', fingers=(finger_names(allegro)[0],)), [False, True]),
    ):
        demand = resolve_wishes(allegro, ball, wishes)
        found = reject_unwished(demand, [look], np.zeros((2, 7)), CONFIG)
        np.testing.assert_array_equal(found['links'], bad)


def test_only_the_named_fingers_touch_and_all_of_them(allegro, ball):
    names = finger_names(allegro)
    wishes = Wishes(fingers=(names[0], names[3]))
    grasps = synthesize(allegro, ball, CONFIG, wishes=wishes)
    finger = {
        allegro.link_names[i]: f
        for i, f in zip(allegro.geometry_links, allegro.group_fingers, strict=True)
    }
    assert len(grasps) >= 3
    for n in range(len(grasps)):
        assert {finger[i] for i in both(grasps, allegro, ball, n)} == {0, 3}


def test_palms_stay_in_their_cone(allegro, ball):
    axis, half = np.array([0.0, 0.6, -0.8]), math.radians(20.0)
    wishes = Wishes(approach_axis=tuple(axis), approach_half_angle=half)
    grasps = synthesize(allegro, ball, CONFIG, wishes=wishes)
    assert len(grasps) >= 5
    palm = compose(grasps.base_pose, allegro.palm_pose)
    z = Rotation.from_quat(palm[:, 3:]).apply([0.0, 0.0, 1.0])
    assert np.arccos(z @ axis).max() <= half + 1e-9
    # Without the term only a part of the seeds, which all start inside, would stay there.
    loose = dataclasses.replace(CONFIG, approach_weight=0.0)
    free = synthesize(allegro, ball, loose, wishes=wishes)
    assert free.rejected['approach'] > 5 * grasps.rejected['approach'] + 3


def test_a_hammer_is_held_by_its_handle(allegro, hammer):
    handle = Region(shape='box', size=(0.06, 0.06, 0.13), pose=(0, 0, HANDLE, 0, 0, 0, 1))
    free = contacts(synthesize(allegro, hammer, CONFIG))
    assert (free[:, 2] > 0.04).mean() > 0.1
    grasps = synthesize(allegro, hammer, CONFIG, wishes=Wishes(hold_regions=(handle,)))
    assert len(grasps) >= 3
    assert contacts(grasps)[:, 2].max() < 0.035 + 0.0021
    assert contacts(grasps)[:, 2].min() > -0.095 - 0.0021


def test_a_head_is_kept_clear_of(allegro, hammer):
    head = Region(shape='box', size=(0.12, 0.05, 0.05), pose=(0, 0, HEAD, 0, 0, 0, 1))
    grasps = synthesize(allegro, hammer, CONFIG, wishes=Wishes(avoid_regions=(head,)))
    assert len(grasps) >= 3
    points = contacts(grasps)
    inside = (np.abs(points - [0, 0, HEAD]) < [0.06, 0.025, 0.025]).all(axis=1)
    assert not inside.any()


def test_seeds_start_where_they_may_be(allegro, hammer):
    handle = Region(shape='cylinder', size=(0.1, 0.02), pose=(0, 0, HANDLE, 0, 0, 0, 1))
    wishes = Wishes(hold_regions=(handle,), approach_axis=(1.0, 0.0, 0.0), approach_half_angle=0.4)
    demand = resolve_wishes(allegro, hammer, wishes)
    palm, _q = draw_seeds(allegro, hammer, CONFIG, np.random.default_rng(0), 200, demand)
    z = Rotation.from_quat(palm[:, 3:]).apply([0.0, 0.0, 1.0])
    assert np.arccos(z[:, 0]).max() <= 0.4 + 1e-9
    # The point that a palm faces is at most 5 cm ahead of it.
    ahead = palm[:, None, :3] + np.linspace(0.0, 0.06, 40)[:, None] * z[:, None]
    near = handle.distance(ahead.reshape(-1, 3)).reshape(200, 40).min(axis=1)
    assert near.max() < 0.005


def test_every_candidate_is_accounted_for_and_wishes_are_stored(allegro, hammer, tmp_path):
    wishes = Wishes(grasp_type='precision', approach_axis=(1.0, 0.0, 0.0), approach_half_angle=0.5)
    grasps = synthesize(allegro, hammer, CONFIG, wishes=wishes)
    assert len(grasps) + sum(grasps.rejected.values()) == CONFIG.seed_count
    grasps.save(tmp_path / 'g.npz')
    again = type(grasps).load(tmp_path / 'g.npz')
    assert Wishes.from_dict(again.wishes) == wishes


def test_a_course_is_that_of_the_wished_grasp(allegro, ball):
    wishes = Wishes(grasp_type='precision')
    config = dataclasses.replace(CONFIG, seed_count=8, iterations=60, device='cpu')
    course = trace_seed(allegro, ball, config, 2, wishes=wishes)
    demand = resolve_wishes(allegro, ball, wishes)
    look = Search(allegro, ball, config, demand=demand).look(course.palm[-1:], course.q[-1:])
    clear = look.distance[0, demand.clear].min()
    free = trace_seed(allegro, ball, config, 2)
    look = Search(allegro, ball, config).look(free.palm[-1:], free.q[-1:])
    assert clear > look.distance[0, demand.clear].min()
    assert clear > 0.002


def test_a_region_whose_border_is_the_surface_holds_it(allegro):
    box = trimesh.creation.box((0.05, 0.06, 0.11))
    obj = load_object((box.vertices, box.faces))
    wishes = Wishes(hold_regions=(Region(shape='box', size=(0.05, 0.06, 0.11)),))
    assert len(resolve_wishes(allegro, obj, wishes).starts) == len(obj.surface_points)


NAMES = {
    'allegro': {'link_3.0_tip', 'link_7.0_tip', 'link_11.0_tip', 'link_15.0_tip'},
    'shadow': {'rh_ff', 'rh_mf', 'rh_rf', 'rh_lf', 'rh_th'},
    'barrett': {'bh_finger_1', 'bh_finger_2', 'bh_finger_3'},
}


@pytest.mark.parametrize('name', NAMES)
def test_fingers_have_names_and_tips(name):
    hand = load_hand(name)
    assert set(finger_names(hand).values()) == NAMES[name]
    tips = fingertips(hand)
    assert {int(f) for f in hand.group_fingers[tips]} == set(range(len(NAMES[name])))
    # As the hand's own weights have it: 1 for the last body of a finger.
    np.testing.assert_array_equal(tips, hand.group_weights == 1.0)


REFUSED = {
    'unknown': (Wishes(fingers=('thumb',)), ErrorCode.UNKNOWN_LINK, 'link_15.0_tip'),
    'alone': (Wishes(fingers=('link_3.0',)), ErrorCode.INVALID_INPUT, 'link_3.0 alone'),
    'palm': (
        Wishes(grasp_type='precision', fingers=('base_link', 'link_3.0')),
        ErrorCode.INVALID_INPUT,
        'without the palm',
    ),
    'nothing held': (
        Wishes(hold_regions=(Region(shape='sphere', size=(0.01,)),)),
        ErrorCode.INVALID_INPUT,
        'reaches from',
    ),
    'all avoided': (
        Wishes(avoid_regions=(Region(shape='sphere', size=(0.1,)),)),
        ErrorCode.INVALID_INPUT,
        'No surface',
    ),
}


@pytest.mark.parametrize(('wishes', 'code', 'part'), REFUSED.values(), ids=REFUSED.keys())
def test_what_hand_or_object_cannot_grant_is_refused(allegro, ball, wishes, code, part):
    with pytest.raises(DexGraspError, match=part) as caught:
        synthesize(allegro, ball, CONFIG, wishes=wishes)
    assert caught.value.code == code


def test_hands_without_such_grasps_say_so(allegro, ball):
    none = dataclasses.replace(allegro, group_fingers=np.full_like(allegro.group_fingers, -1))
    one = dataclasses.replace(allegro, group_fingers=np.minimum(allegro.group_fingers, 0))
    bare = dataclasses.replace(
        allegro, group_weights=np.where(allegro.group_fingers < 0, 0.0, allegro.group_weights)
    )
    for hand, kind in ((none, 'precision'), (one, 'precision'), (bare, 'power')):
        with pytest.raises(DexGraspError) as caught:
            synthesize(hand, ball, CONFIG, wishes=Wishes(grasp_type=kind))
        assert caught.value.code == ErrorCode.UNSUPPORTED_HAND


@pytest.mark.parametrize('random_seed', [5, pytest.param(6, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    'wishes',
    [
        Wishes(grasp_type='precision'),
        Wishes(hold_regions=(Region(shape='box', size=(1.0, 1.0, 1.0), pose=UPPER),)),
    ],
)
def test_wishes_hold_where_the_squeeze_ends(allegro, wishes, random_seed):
    mesh = trimesh.creation.box((0.05, 0.06, 0.11))
    box = load_object((mesh.vertices, mesh.faces))
    config = dataclasses.replace(CONFIG, max_grasps=12, random_seed=random_seed)
    grasps = synthesize(allegro, box, config, wishes=wishes)
    assert len(grasps) >= 3
    demand = resolve_wishes(allegro, box, wishes)
    search = Search(allegro, box, config, demand=demand)
    ends = search.simulate(closing_of_grasps(search, allegro, grasps))
    look = search.look(ends.palm, ends.q)
    bad = reject_unwished(demand, [look], ends.palm, config)
    assert not np.any(list(bad.values()))


def closing_of_grasps(search, hand, grasps):
    base, before = (
        compose(pose, np.broadcast_to(hand.palm_pose, pose.shape))
        for pose in (grasps.base_pose, grasps.pregrasp_base_pose)
    )
    postures = {name: getattr(grasps, name) for name in ('pregrasp', 'grasp', 'squeeze')}
    return closing_of(search, base, pregrasp_palm=before, **postures)


@pytest.mark.parametrize('radius', [0.002, 0.003])
def test_a_region_between_the_points_of_the_surface_is_found(allegro, radius):
    mesh = trimesh.creation.box((0.3, 0.3, 0.3))
    box = load_object((mesh.vertices, mesh.faces))
    for x in np.linspace(-0.1, 0.1, 12):
        region = Region(shape='sphere', size=(radius,), pose=(x, 0.013, 0.15, 0, 0, 0, 1))
        starts = resolve_wishes(allegro, box, Wishes(hold_regions=(region,))).starts
        assert len(starts)
        far = np.linalg.norm(box.surface_points[starts] - [x, 0.013, 0.15], axis=1).max()
        assert far < radius + 0.03


def test_what_is_before_the_palm_is_not_to_touch(allegro, ball):
    """Without wishes and with any, and as a look tells it; other hands are left alone."""
    assert resolve_wishes(allegro, ball, None) is None
    hand = load_hand('shadow')
    before = hand.group_before_palm
    for wishes in (None, Wishes(), Wishes(grasp_type='power')):
        demand = resolve_wishes(hand, ball, wishes)
        np.testing.assert_array_equal(demand.clear, before)
        assert (demand.weights[before] == 1e-6).all() and (demand.weights[~before] > 0.01).all()
    search = Search(hand, ball, CONFIG, demand=resolve_wishes(hand, ball, None))
    look = search.look(*make_seeds(search, hand, ball, dataclasses.replace(CONFIG, seed_count=2)))
    look.distance[:] = 0.0
    look.distance[0, before] = 1.0
    found = reject_unwished(search.demand, [look], np.zeros((2, 7)), CONFIG)
    assert found['links'].tolist() == [False, True]
    allowed = dataclasses.replace(hand, group_weights=np.where(before, 0.1, hand.group_weights))
    assert resolve_wishes(allowed, ball, None) is None


@pytest.mark.slow
def test_no_grasp_leans_on_a_forearm():
    """A bowl of 16 cm: wide enough for its rim to come to the forearm."""
    bowl = trimesh.creation.icosphere(4, 0.08).slice_plane([0, 0, 0], [0, 0, -1], cap=True)
    obj = load_object((bowl.vertices, bowl.faces))
    hand = load_hand('shadow')
    grasps = synthesize(hand, obj, dataclasses.replace(CONFIG, seed_count=64, max_grasps=16))
    assert len(grasps) >= 1
    names = {'rh_forearm', 'rh_wrist'}
    for n in range(len(grasps)):
        assert not both(grasps, hand, obj, n) & names
