"""What a search returns, judged by oracles that share nothing with it."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pytest
import trimesh
from oracles import distance_to, posed_points
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.errors import DeviceError, ErrorCode, InputError, SynthesisError
from dexgrasp_ros.core.grasp_set import GraspSet
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.evaluation.diversity import distinct_count
from dexgrasp_ros.evaluation.geometry import GraspGeometry
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis import synthesize
from dexgrasp_ros.synthesis.fingers import fingertips


def test_returns_the_number_asked_for_best_first(grasps, config):
    assert len(grasps) == config.max_grasps
    assert (np.diff(grasps.score) <= 0).all()


def test_every_candidate_is_accounted_for(grasps, config):
    assert len(grasps) + sum(grasps.rejected.values()) == config.seed_count


def test_all_that_is_sound_and_distinct_is_kept(allegro, can, config):
    config = dataclasses.replace(config, seed_count=24, max_grasps=2)
    grasps = synthesize(allegro, can, config, keep='all')
    assert len(grasps) > config.max_grasps and (np.diff(grasps.score) <= 0).all()
    assert len(grasps) + sum(grasps.rejected.values()) == config.seed_count
    assert not grasps.rejected['surplus']
    assert distinct_count(compose(grasps.base_pose, allegro.palm_pose), grasps.grasp) == len(
        grasps
    )
    with pytest.raises(InputError, match="'keep' is 'most'; expected one of 'all', 'best'"):
        synthesize(allegro, can, config, keep='most')


def test_penetration_is_below_two_millimetres_and_reported_truly(grasps, allegro, can):
    for n in range(len(grasps)):
        points, _ = posed_points(allegro, grasps.base_pose[n], grasps.grasp[n])
        depth = max(0.0, -distance_to(can, points).min())
        assert depth < 0.002
        # The report also counts object points inside the hand, so it may be more, never less.
        assert grasps.penetration[n] > depth - 3e-4


def test_the_depth_that_is_told_is_that_of_an_evaluation(grasps, allegro, can):
    geometry = GraspGeometry(allegro, can)
    lies = [geometry.measure(p, q) for p, q in zip(grasps.base_pose, grasps.grasp, strict=True)]
    np.testing.assert_allclose(grasps.penetration, [lie.penetration for lie in lies], atol=1e-7)


def test_contacts_are_where_the_hand_touches(grasps, allegro, can):
    for n in range(len(grasps)):
        points, group = posed_points(allegro, grasps.base_pose[n], grasps.grasp[n])
        distance = distance_to(can, points)
        touching = {g for g in np.unique(group) if distance[group == g].min() < 0.0015}
        reported = grasps.contact_links[n, : grasps.contact_count[n]]
        assert {allegro.geometry_links[g] for g in touching} <= set(reported)
        used = slice(0, grasps.contact_count[n])
        assert np.abs(distance_to(can, grasps.contact_points[n, used])).max() < 0.0025
        assert np.isnan(grasps.contact_points[n, grasps.contact_count[n] :]).all()


def test_at_least_three_contacts_that_face_each_other(grasps, allegro):
    finger_of_link = dict(zip(allegro.geometry_links, allegro.group_fingers, strict=True))
    assert (grasps.contact_count >= 3).all()
    for n in range(len(grasps)):
        used = slice(0, grasps.contact_count[n])
        normals = grasps.contact_normals[n, used]
        fingers = np.array([finger_of_link[link] for link in grasps.contact_links[n, used]])
        assert np.allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-6)
        other = fingers[:, None] != fingers[None]
        assert ((normals @ normals.T)[other] < -0.3).any()


def test_forces_push_and_stay_in_their_cone(grasps, config):
    used = np.isfinite(grasps.contact_forces).all(axis=2)
    normal = np.einsum('nci,nci->nc', grasps.contact_forces, grasps.contact_normals)[used]
    tangential = np.sqrt(np.maximum((grasps.contact_forces**2).sum(axis=2)[used] - normal**2, 0))
    assert (normal >= -1e-4).all()
    assert (tangential <= config.friction * normal + 1e-3).all()
    assert normal.max() > 1.0


def test_postures_respect_limits_and_efforts(grasps, allegro):
    for q in (grasps.pregrasp, grasps.grasp, grasps.squeeze):
        assert (q >= allegro.lower - 1e-6).all() and (q <= allegro.upper + 1e-6).all()
    # The squeeze starts from the touching posture, which the grasp opens by a finger's clearance.
    load = (grasps.squeeze - grasps.grasp) * allegro.joint_stiffness
    assert np.abs(load).max() < 4.0 * allegro.effort_limits.max()


def test_the_squeeze_presses_toward_the_object(grasps, allegro, can):
    """From grasp to squeeze every loaded fingertip moves along its contact normal."""
    step = 0.05
    moved = 0
    tips = set(allegro.geometry_links[fingertips(allegro)])
    for n in range(len(grasps)):
        q = grasps.grasp[n]
        before, _ = posed_points(allegro, grasps.base_pose[n], q)
        ahead = q + step * (grasps.squeeze[n] - q)
        after, _ = posed_points(allegro, grasps.base_pose[n], ahead)
        for c in range(grasps.contact_count[n]):
            force = grasps.contact_forces[n, c]
            if np.linalg.norm(force) < 2.0 or grasps.contact_links[n, c] not in tips:
                continue
            near = np.linalg.norm(before - grasps.contact_points[n, c], axis=1).argmin()
            moved += 1
            assert (after[near] - before[near]) @ grasps.contact_normals[n, c] > -1e-5
    assert moved > 8


def test_how_they_hold_is_told_and_counts(grasps, allegro, can):
    """The best hold at less friction than the worst, and those by which nobody pulled say so."""
    least, pull = grasps.least_friction, grasps.largest_pull
    assert np.isfinite(least).mean() > 0.5 and np.nanmax(least) <= 0.5 and np.nanmin(least) > 0.11
    assert np.nanmin(pull) > 0.5 and np.nanmax(pull) <= 20.0
    order = np.nan_to_num(least, nan=1.0)
    half = len(order) // 2
    assert order[:half].mean() < order[half:].mean()
    blind = SynthesisConfig(seed_count=8, max_grasps=2, iterations=60, simulate_closing=False)
    found = synthesize(allegro, can, blind)
    assert np.isnan(found.least_friction).all() and np.isnan(found.largest_pull).all()


def test_pregrasp_is_clear_of_everything(grasps, allegro, can):
    for n in range(len(grasps)):
        points, _ = posed_points(allegro, grasps.pregrasp_base_pose[n], grasps.pregrasp[n])
        assert distance_to(can, points).min() > 0.0
        assert points[:, 2].min() > -5e-4, 'the hand is in the table'
        retreat = grasps.pregrasp_base_pose[n, :3] - grasps.base_pose[n, :3]
        assert np.linalg.norm(retreat) < 0.03


def test_the_hand_stays_out_of_table_and_obstacle(grasps, allegro, can):
    post = trimesh.creation.box([0.02, 0.02, 0.2])
    post.apply_translation([0.09, 0, 0.1])
    for n in range(len(grasps)):
        points, _ = posed_points(allegro, grasps.base_pose[n], grasps.grasp[n])
        assert points[:, 2].min() > -5e-4
        assert not post.contains(points).any()


def test_grasps_differ_from_each_other(grasps, config):
    rotation = Rotation.from_quat(grasps.base_pose[:, 3:])
    for a in range(len(grasps)):
        for b in range(a):
            moved = np.linalg.norm(grasps.base_pose[a, :3] - grasps.base_pose[b, :3])
            turned = (rotation[a].inv() * rotation[b]).magnitude()
            bent = np.abs(grasps.grasp[a] - grasps.grasp[b]).mean()
            assert (
                moved >= config.duplicate_translation / 2
                or turned >= config.duplicate_rotation
                or bent >= config.duplicate_joint
            )


def test_same_seed_same_grasps_bit_for_bit(grasps, allegro, can, config):
    again = synthesize(allegro, can, config)
    for name in ('base_pose', 'pregrasp', 'grasp', 'squeeze', 'score', 'contact_forces'):
        np.testing.assert_array_equal(getattr(again, name), getattr(grasps, name))


def test_another_seed_gives_others(grasps, allegro, can, config):
    other = synthesize(allegro, can, dataclasses.replace(config, random_seed=6))
    assert not np.allclose(other.base_pose[0], grasps.base_pose[0])


def test_saved_and_loaded_grasps_are_the_same(grasps, tmp_path):
    grasps.save(tmp_path / 'g.npz')
    again = GraspSet.load(tmp_path / 'g.npz')
    for f in dataclasses.fields(GraspSet):
        a, b = getattr(grasps, f.name), getattr(again, f.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b, f.name


def test_progress_grows_and_ends(allegro, can, config):
    moments = []
    small = dataclasses.replace(config, seed_count=16, iterations=40)
    synthesize(allegro, can, small, progress=moments.append)
    fractions = [m.fraction for m in moments]
    assert fractions == sorted(fractions)
    assert {m.phase for m in moments} >= {'seeds', 'optimize'}


def test_cancel_ends_the_search_early(allegro, can, config):
    stop = threading.Event()
    seen = []

    def progress(moment):
        seen.append(moment.fraction)
        if moment.fraction > 0.1:
            stop.set()

    with pytest.raises(SynthesisError) as caught:
        synthesize(allegro, can, config, progress=progress, should_stop=stop.is_set)
    assert caught.value.code == ErrorCode.CANCELLED
    assert max(seen) < 0.5


def test_time_limit_has_its_own_code(allegro, can, config):
    with pytest.raises(SynthesisError) as caught:
        synthesize(allegro, can, dataclasses.replace(config, time_limit=1e-3))
    assert caught.value.code == ErrorCode.TIME_LIMIT


def test_an_object_too_large_gives_none_and_says_why(allegro):
    box = trimesh.creation.box([0.6, 0.6, 0.6])
    obj = load_object((box.vertices, box.faces))
    config = SynthesisConfig(seed_count=16, iterations=60)
    grasps = synthesize(allegro, obj, config)
    assert len(grasps) + sum(grasps.rejected.values()) == 16
    assert len(grasps) == 0
    assert grasps.rejected['contacts'] + grasps.rejected['residual'] > 0
    assert grasps.grasp.shape == (0, 16)


def test_unknown_device_lists_the_known(allegro, can):
    with pytest.raises(DeviceError, match="'cpu'") as caught:
        synthesize(allegro, can, SynthesisConfig(device='quantum'))
    assert caught.value.code == ErrorCode.DEVICE_UNAVAILABLE


def test_setting_out_of_range_names_it():
    with pytest.raises(InputError, match='seed_count') as caught:
        SynthesisConfig(seed_count=0)
    assert caught.value.code == ErrorCode.OUT_OF_RANGE
