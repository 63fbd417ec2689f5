"""The engine's kinematics, surface look-up and torques against the hand's NumPy kinematics."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.poses import compose, invert, transform_points
from dexgrasp_ros.hand import jacobian, link_poses, load_hand
from dexgrasp_ros.object import load_object, sample_distance
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.upload import cluster_points, upload_hand, upload_object

COUNT = 20
REACH = 0.03  # m, the grid's margin


@pytest.fixture(scope='module')
def setup():
    hand = load_hand('allegro')
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.04)
    obj = load_object((ball.vertices, ball.faces))
    rng = np.random.default_rng(2)
    q = rng.uniform(hand.lower, hand.upper, (COUNT, len(hand.joint_names)))
    palm = np.zeros((COUNT, 7))
    palm[:, :3] = rng.normal(0, 0.05, (COUNT, 3))
    palm[:, 3:] = rng.normal(size=(COUNT, 4))
    palm[:, 3:] /= np.linalg.norm(palm[:, 3:], axis=1, keepdims=True)
    device = resolve_device('cpu')
    config = SynthesisConfig(pregrasp_clearance=REACH)  # looks are to be exact as far as that
    engine = Engine(upload_hand(hand, device), upload_object(obj, device), config, COUNT, device)
    engine.set_state(palm, q)
    return hand, obj, palm, q, engine


def test_closest_points_equal_brute_force(setup):
    """Culling by clusters loses nothing: every group's distance is the least of all its points."""
    hand, obj, palm, q, engine = setup
    look = engine.look()
    links = link_poses(hand, q, compose(palm, invert(hand.palm_pose)))
    starts = hand.cluster_points[hand.group_clusters]
    checked = 0
    for n in range(COUNT):
        for g, link in enumerate(hand.geometry_links):
            points = transform_points(links[n, link], hand.points[starts[g] : starts[g + 1]])
            phi, _ = sample_distance(obj.distance, points)
            # Beyond the reach any point of the group may stand for its closest one.
            exact = phi.min() < REACH
            # Overlap may also be seen from the object's side, then it is deeper.
            assert look.distance[n, g] < (phi.min() if exact else phi.max()) + 1e-6
            if exact and phi.min() > 0.002:
                assert abs(look.distance[n, g] - phi.min()) < 1e-6
                assert np.abs(points - look.point[n, g]).sum(axis=1).min() < 1e-6
                checked += 1
    assert checked > 50


def test_joint_torques_equal_jacobian_transpose(setup):
    hand, _, palm, q, engine = setup
    look = engine.look()
    rng = np.random.default_rng(4)
    force = rng.normal(size=look.point.shape)
    torque = engine.joint_torques(look.point, force)
    root = compose(palm, invert(hand.palm_pose))
    links = link_poses(hand, q, root)
    for n in range(COUNT):
        expected = np.zeros(len(hand.joint_names))
        for g, link in enumerate(hand.geometry_links):
            local = transform_points(invert(links[n, link]), look.point[n, g][None])[0]
            J = jacobian(hand, q[n], int(link), local)[:3]  # in the root's frame
            in_root = transform_points(invert(root[n]), np.stack([force[n, g], np.zeros(3)]))
            expected += J.T @ (in_root[0] - in_root[1])
        np.testing.assert_allclose(torque[n], expected, atol=1e-5)


def test_clusters_hold_every_point_once_and_are_small():
    points = np.random.default_rng(0).normal(size=(1000, 3))
    starts, order = cluster_points(points, 24)
    assert sorted(order) == list(range(1000))
    assert np.diff(starts).max() <= 24 and np.diff(starts).min() > 0
