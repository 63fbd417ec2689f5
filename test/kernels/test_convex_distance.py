"""Distances between two geometries against MuJoCo's, and where they follow from a drawing."""

from __future__ import annotations

import itertools

import mujoco
import numpy as np
import pytest
import trimesh
import warp as wp
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.hand import link_poses, load_hand
from dexgrasp_ros.kernels.convex import geometries_distance
from dexgrasp_ros.kernels.types import Hand
from dexgrasp_ros.object import load_object
from dexgrasp_ros.synthesis.device import resolve_device
from dexgrasp_ros.synthesis.engine import Engine
from dexgrasp_ros.synthesis.upload import upload_hand, upload_object

BOX, SPHERE, CYLINDER, CAPSULE, CONVEX = GeometryType
_FAR = 1.0  # m


@wp.kernel
def measure(hand: Hand, to_second: wp.array(dtype=wp.transform), distance: wp.array(dtype=float)):
    i = wp.tid()
    distance[i] = geometries_distance(hand, 2 * i, 2 * i + 1, to_second[i], 1.0)


class Pairs:
    """Geometries 2 i and 2 i + 1, each (kind, size, corners), here and in MuJoCo."""

    def __init__(self, shapes: list) -> None:
        self._shapes = shapes
        spec = mujoco.MjSpec()
        for g, (kind, size, corners) in enumerate(shapes):
            body = spec.worldbody.add_body(name=f'{g}', mocap=True)
            geom = body.add_geom(name=f'{g}', type=_MUJOCO[kind])
            if kind == CONVEX:
                faces = ConvexHull(corners).simplices
                spec.add_mesh(name=f'{g}', uservert=corners.ravel(), userface=faces.ravel())
                geom.meshname = f'{g}'
            else:
                geom.size = size
        self._model = spec.compile()
        self._data = mujoco.MjData(self._model)

    def expected(self, pair: int, pose: np.ndarray) -> float:
        """Distance with the first of a pair at a pose [7] in the frame of the second."""
        first, second = self._index(2 * pair), self._index(2 * pair + 1)
        self._data.mocap_pos[[first, second]] = pose[:3], np.zeros(3)
        self._data.mocap_quat[[first, second]] = pose[[6, 3, 4, 5]], [1, 0, 0, 0]
        mujoco.mj_kinematics(self._model, self._data)
        return mujoco.mj_geomDistance(self._model, self._data, first, second, _FAR, None)

    def _index(self, g: int) -> int:
        return self._model.geom(f'{g}').id

    def measured(self, poses: np.ndarray) -> np.ndarray:
        """Distances of all pairs, from the kernel."""
        device = resolve_device('cpu')
        hand = Hand()
        corners = [c for _, _, c in self._shapes]
        hand.geometry_types = wp.array(
            [int(k) for k, _, _ in self._shapes], dtype=int, device=device
        )
        sizes = np.array([s for _, s, _ in self._shapes], np.float32)
        hand.geometry_sizes = wp.array(sizes, dtype=wp.vec3, device=device)
        starts = np.cumsum([0, *map(len, corners)]).astype(np.int32)
        hand.geometry_corners = wp.array(starts, device=device)
        hand.corners = wp.array(
            np.concatenate(corners).astype(np.float32), dtype=wp.vec3, device=device
        )
        distance = wp.zeros(len(poses), dtype=float, device=device)
        to_second = wp.array(poses.astype(np.float32), dtype=wp.transform, device=device)
        wp.launch(
            measure, dim=len(poses), inputs=[hand, to_second], outputs=[distance], device=device
        )
        return distance.numpy().astype(np.float64)


_MUJOCO = {
    BOX: mujoco.mjtGeom.mjGEOM_BOX,
    SPHERE: mujoco.mjtGeom.mjGEOM_SPHERE,
    CYLINDER: mujoco.mjtGeom.mjGEOM_CYLINDER,
    CAPSULE: mujoco.mjtGeom.mjGEOM_CAPSULE,
    CONVEX: mujoco.mjtGeom.mjGEOM_MESH,
}


def shape(kind: GeometryType, rng: np.random.Generator) -> tuple:
    """Random geometry of the size of a finger's parts: 8 to 40 mm."""
    none = np.empty((0, 3))
    if kind == BOX:
        return kind, rng.uniform(0.004, 0.02, 3), none
    if kind == SPHERE:
        return kind, np.array([rng.uniform(0.005, 0.012), 0, 0]), none
    if kind in (CYLINDER, CAPSULE):
        return kind, np.array([rng.uniform(0.005, 0.012), rng.uniform(0.004, 0.02), 0]), none
    corners = rng.normal(size=(rng.integers(8, 40), 3))
    corners *= rng.uniform(0.006, 0.02, 3) / np.linalg.norm(corners, axis=1, keepdims=True)
    corners = corners[ConvexHull(corners).vertices]
    corners -= (corners.max(axis=0) + corners.min(axis=0)) / 2
    return kind, np.abs(corners).max(axis=0), corners


def rotation(arrangement: str, rng: np.random.Generator) -> Rotation:
    """Any rotation: corners on faces, edges on edges. Or nearly a right angle: faces on faces."""
    if arrangement == 'any':
        return Rotation.random(random_state=rng)
    turn = Rotation.from_euler('xyz', 90 * rng.integers(0, 4, 3), degrees=True)
    return Rotation.from_rotvec(rng.normal(size=3) * rng.choice([0.0, 0.003, 0.03])) * turn


@pytest.mark.parametrize('arrangement', ['any', 'faces'])
@pytest.mark.parametrize(
    'kinds',
    list(itertools.combinations_with_replacement(GeometryType, 2)),
    ids=lambda kinds: '-'.join(k.name.lower() for k in kinds),
)
def test_distances_agree_with_mujoco(kinds, arrangement):
    """Pairs that overlap by up to 3 mm, or are as far apart."""
    rng = np.random.default_rng([*kinds, arrangement == 'any'])
    count = 24
    pairs = Pairs([shape(kind, rng) for _ in range(count) for kind in kinds])
    poses, expected = np.empty((count, 7)), np.empty(count)
    for i in range(count):
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        turn = rotation(arrangement, rng).as_quat()
        wanted = rng.uniform(-0.003, 0.003)
        near, far = 0.0, 0.15
        for _ in range(24):  # to 10 nm
            middle = (near + far) / 2
            poses[i] = [*(middle * direction), *turn]
            expected[i] = pairs.expected(i, poses[i])
            near, far = (middle, far) if expected[i] < wanted else (near, middle)
    error = pairs.measured(poses) - expected
    # An overlap is never missed. One of millimetres may come out larger, where small faces leave
    # several ways out that are about as short.
    assert error.max() < 2e-5
    shallow = np.abs(expected) < 0.001
    assert shallow.sum() >= 3
    assert error[shallow].min() > -5e-5
    assert np.mean(error < -1e-4) < 0.1


@pytest.mark.parametrize('depth', [-1e-3, -1e-5, 1e-5, 3e-4, 1.2e-3, 3e-3])
def test_edges_that_cross(depth):
    """Two cubes on their edges, one upside down and turned by 90°: no corner is near the other."""
    half = 0.01
    pairs = Pairs([(BOX, np.full(3, half), np.empty((0, 3)))] * 2)
    on_edge = Rotation.from_euler('x', 45, degrees=True)
    below = Rotation.from_euler('y', 45, degrees=True)
    up = np.array([0, 0, 2 * np.sqrt(2) * half - depth])
    turn = below.inv() * on_edge
    pose = np.array([[*below.inv().apply(up), *turn.as_quat()]])
    assert pairs.measured(pose)[0] == pytest.approx(-depth, abs=1e-6)


@pytest.mark.parametrize('depth', [-1e-3, 1e-5, 1.2e-3, 3e-3])
def test_cylinders_that_cross(depth):
    """Their axes at right angles, the flat sides far from the other."""
    radius = 0.01
    pairs = Pairs([(CYLINDER, np.array([radius, 0.03, 0]), np.empty((0, 3)))] * 2)
    turn = Rotation.from_euler('x', 90, degrees=True).as_quat()
    pose = np.array([[2 * radius - depth, 0.002, 0.003, *turn]])
    assert pairs.measured(pose)[0] == pytest.approx(-depth, abs=2e-5)


def test_bodies_about_one_center():
    """No way between the centres to start from; the least overlap is along the thin side."""
    size = np.array([0.01, 0.004, 0.02])
    pairs = Pairs([(BOX, size, np.empty((0, 3)))] * 2)
    assert pairs.measured(np.array([[0, 0, 0, 0, 0, 0, 1.0]]))[0] == pytest.approx(-0.008)


@pytest.mark.parametrize('name', ['shadow', 'allegro', 'barrett'])
def test_looks_see_what_mujoco_sees(name):
    """Random postures of hands; before, edges were up to 1.8 mm in one another unseen."""
    hand = load_hand(name)
    rng = np.random.default_rng(1)
    count = 60
    spread = 0.35 * np.minimum(hand.upper - hand.lower, 3.0)
    q = hand.preshape + spread * rng.normal(size=(count, len(spread)))
    q = np.clip(q, hand.lower, hand.upper)
    ball = trimesh.creation.icosphere(subdivisions=2, radius=0.03)
    obj = load_object((ball.vertices, ball.faces))
    palm = np.tile([0, 0, 0.5, 0, 0, 0, 1.0], (count, 1))
    config, device = SynthesisConfig(), resolve_device('cpu')
    engine = Engine(upload_hand(hand, device), upload_object(obj, device), config, count, device)
    engine.set_state(palm, q)
    measured = engine.look().own.min(axis=1)
    expected = mujoco_clearance(hand, q, config.self_margin)
    near = (expected < config.self_margin) & (expected > -0.003)
    assert near.sum() >= 2
    error = measured - expected
    assert error.max() < 2e-5
    assert error[near].min() > -1e-4
    # Deep overlaps may come out deeper, and are overlaps.
    assert (measured[expected < 0.0] < 0.0).all()


def mujoco_clearance(hand, q: np.ndarray, margin: float) -> np.ndarray:
    """Least distance [N] of the pairs of groups that must not overlap, at most `margin`."""
    spec = mujoco.MjSpec()
    for kind, size in zip(hand.geometry_types, hand.geometry_sizes, strict=True):
        body = spec.worldbody.add_body(mocap=True)
        body.add_geom(type=_MUJOCO[GeometryType(kind)], size=size)
    model = spec.compile()
    data = mujoco.MjData(model)
    first, second = hand.self_collision_pairs.T
    radii = np.linalg.norm(hand.geometry_sizes, axis=1)  # no less than those about the origins
    reach = (radii[first] + radii[second]) + margin
    poses = pose_to_matrix(hand.geometry_poses)
    result = np.full(len(q), margin)
    for n, links in enumerate(pose_to_matrix(link_poses(hand, q))):
        frames = links[hand.geometry_links] @ poses
        data.mocap_pos = frames[:, :3, 3]
        quaternions = Rotation.from_matrix(frames[:, :3, :3]).as_quat()
        data.mocap_quat = quaternions[:, [3, 0, 1, 2]]
        mujoco.mj_kinematics(model, data)
        apart = np.linalg.norm(frames[first, :3, 3] - frames[second, :3, 3], axis=1)
        for a, b in hand.self_collision_pairs[apart < reach]:
            distance = mujoco.mj_geomDistance(model, data, a, b, margin, None)
            result[n] = min(result[n], distance)
    return result
