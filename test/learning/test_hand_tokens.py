"""What networks are told of hands, and the way back from anchors to a hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.poses import compose, matrix_to_pose
from dexgrasp_ros.hand import link_poses
from dexgrasp_ros.learning.decoding import fit_grasps, fit_hand, kabsch
from dexgrasp_ros.learning.hand_tokens import ANCHORS, anchor_places, describe_hand, grasp_anchors


def postures(tokens, count, seed=0):
    rng = np.random.default_rng(seed)
    hand = tokens.hand
    pose = rng.normal(size=(count, 7))
    pose[:, 3:] /= np.linalg.norm(pose[:, 3:], axis=1, keepdims=True)
    return pose, rng.uniform(hand.lower, hand.upper, (count, len(hand.joint_names)))


def test_anchors_lie_on_the_hand_and_move_with_their_links(hands):
    for tokens in hands.values():
        pose, q = postures(tokens, 3)
        places = anchor_places(tokens, q, pose)
        links = link_poses(tokens.hand, q, pose)
        for k, link in enumerate(tokens.links):
            one = np.append(tokens.anchors[k, 1], [0, 0, 0, 1.0])
            np.testing.assert_allclose(compose(links[:, link], one)[:, :3], places[:, k, 1])
            own = tokens.hand.points
            assert np.linalg.norm(own - tokens.anchors[k, 0], axis=1).min() < 1e-6
        spread = np.linalg.matrix_rank(tokens.anchors - tokens.anchors.mean(axis=1, keepdims=True))
        assert (spread >= 2).all()  # they fix a pose in space


def test_features_do_not_depend_on_where_the_root_is(hands):
    """The palm's frame is what they are in, and all of them are of the size of 1."""
    for tokens in hands.values():
        assert np.isfinite(tokens.features).all() and np.abs(tokens.features).max() < 10.0
        assert len(tokens.features) == len(tokens.links) == len(tokens.anchors)


def test_a_hand_comes_back_from_its_anchors(hands):
    for tokens in hands.values():
        pose, q = postures(tokens, 16)
        there, joints = fit_hand(
            tokens, anchor_places(tokens, q, pose), np.tile(tokens.hand.preshape, (16, 1))
        )
        np.testing.assert_allclose(joints, q, atol=1e-4)
        np.testing.assert_allclose(
            anchor_places(tokens, joints, there), anchor_places(tokens, q, pose), atol=1e-5
        )


def test_noise_of_anchors_is_evened_out_and_limits_are_kept(hands):
    tokens, rng = hands['allegro'], np.random.default_rng(1)
    pose, q = postures(tokens, 8)
    places = anchor_places(tokens, q, pose)
    noisy = places + rng.normal(0.0, 0.01, places.shape)
    there, joints = fit_hand(tokens, noisy, np.tile(tokens.hand.preshape, (8, 1)))
    assert (joints >= tokens.hand.lower).all() and (joints <= tokens.hand.upper).all()
    apart = np.linalg.norm(anchor_places(tokens, joints, there) - places, axis=-1)
    assert np.sqrt((apart**2).mean()) < 0.01 * np.sqrt(3)  # what the noise had


def test_grasp_and_squeeze_share_the_root(hands):
    tokens = hands['barrett']
    pose, q = postures(tokens, 4)
    told = {'base_pose': pose, 'pregrasp_base_pose': pose, 'pregrasp': 0.9 * q, 'grasp': q}
    fitted = fit_grasps(tokens, grasp_anchors(tokens, **told, squeeze=0.5 * q))
    np.testing.assert_allclose(fitted['squeeze'], np.maximum(0.5 * q, 0.0), atol=1e-4)
    np.testing.assert_allclose(fitted['pregrasp'], 0.9 * q, atol=1e-4)
    assert fitted['misfit'].max() < 1e-5


def test_kabsch_finds_no_reflection():
    points = np.random.default_rng(0).normal(size=(1, 5, 3))
    motion = kabsch(points, points * [1.0, 1.0, -1.0])
    assert np.linalg.det(motion[0, :3, :3]) == pytest.approx(1.0)
    pose = np.array([0.1, 0.2, 0.3, 0.5, 0.5, 0.5, 0.5])
    moved = points @ np.array([[0, 1.0, 0], [0, 0, 1.0], [1.0, 0, 0]]) + pose[:3]
    found = matrix_to_pose(kabsch(points, moved))[0]
    np.testing.assert_allclose(found * np.sign(found[6]), pose, atol=1e-9)


def test_a_hand_without_joints_is_refused(hands):
    hand = hands['barrett'].hand
    with pytest.raises(HandError) as caught:
        describe_hand(dataclasses.replace(hand, joint_names=()))
    assert caught.value.code == ErrorCode.UNSUPPORTED_HAND


def test_four_anchors_are_what_the_files_expect():
    assert ANCHORS == 4
