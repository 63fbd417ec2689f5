"""The energy of a candidate in double precision NumPy, written from its formula alone.

It shares no code with the kernels: kinematics by matrices, distances by interpolation, contact
forces by an accelerated projected gradient instead of Gauss-Seidel, overlaps by brute force.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.config import SynthesisConfig
from dexgrasp_ros.core.hand_model import GeometryType, HandModel
from dexgrasp_ros.core.object_model import ObjectModel, SignedDistanceGrid
from dexgrasp_ros.core.poses import pose_to_matrix


@dataclass
class Terms:
    """The parts of E at one state, but for the contact term, whose inputs are here instead."""

    points: NDArray  # [G, 3] c of each group
    normals: NDArray  # [G, 3]
    compliance: NDArray  # [G]
    penetration: float
    object_penetration: float
    own: float
    environment: float
    distance: float
    choice: tuple  # which points and pairs it rests on


def link_matrices(hand: HandModel, palm: NDArray, q: NDArray) -> list[NDArray]:
    matrices: list[NDArray] = []
    origins = pose_to_matrix(hand.joint_origins)
    for link, parent in enumerate(hand.link_parents):
        if parent < 0:
            matrices.append(palm @ np.linalg.inv(pose_to_matrix(hand.palm_pose)))
            continue
        c = hand.coordinates[link]
        value = hand.offsets[link] + (hand.multipliers[link] * q[c] if c >= 0 else 0.0)
        motion = np.eye(4)
        if hand.joint_types[link] == 1:
            motion[:3, :3] = Rotation.from_rotvec(hand.joint_axes[link] * value).as_matrix()
        elif hand.joint_types[link] == 2:
            motion[:3, 3] = hand.joint_axes[link] * value
        matrices.append(matrices[parent] @ origins[link] @ motion)
    return matrices


def look_up(grid: SignedDistanceGrid, x: NDArray) -> tuple[NDArray, NDArray]:
    """φ [M] and interpolated gradient [M, 3] at x [M, 3]."""
    last = np.array(grid.values.shape[:3]) - 1
    free = (x - grid.origin.astype(np.float32)) / np.float32(grid.spacing)
    u = np.clip(free, 0, last)
    lower = np.minimum(u.astype(int), last - 1)
    t = u - lower
    result = np.zeros((len(x), 4))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(np.array(corner) == 1, t, 1 - t), axis=1)
        result += weight[:, None] * grid.values[tuple((lower + corner).T)]
    out = free - u
    length = np.linalg.norm(out, axis=1)
    away = out / np.maximum(length, 1e-30)[:, None]
    return result[:, 3] + length * np.float32(grid.spacing), result[:, :3] + away


def primitive(kind: int, size: NDArray, x: NDArray) -> NDArray:
    if kind == GeometryType.BOX:
        d = np.abs(x) - size
        return np.linalg.norm(np.maximum(d, 0), axis=1) + np.minimum(d.max(axis=1), 0)
    if kind == GeometryType.CYLINDER:
        d = np.stack([np.hypot(x[:, 0], x[:, 1]) - size[0], np.abs(x[:, 2]) - size[1]], axis=1)
        return np.linalg.norm(np.maximum(d, 0), axis=1) + np.minimum(d.max(axis=1), 0)
    if kind == GeometryType.CAPSULE:
        x = x - np.clip(x[:, 2:], -size[1], size[1]) * [0, 0, 1]
    return np.linalg.norm(x, axis=1) - size[0]


def contact_energies(
    points: NDArray,
    normals: NDArray,
    compliance: NDArray,
    friction: float,
    start: NDArray,
    *,
    iterations: int,
) -> tuple[NDArray, NDArray]:
    """(2/12) Σ_j V_j of K states at once, by accelerated projected gradients with restarts.

    Takes contacts c [K, G, 3] in units of L, normals [K, G, 3] and r [K, G]; forces start at
    h [K or 1, 12, 3 G] in scaled variables, and are returned like that.
    """
    states, count = compliance.shape
    zero = np.zeros((states, count))
    x, y, z = np.moveaxis(points, 2, 0)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=2).reshape(states, count, 3, 3)
    identity = np.broadcast_to(np.eye(3), cross.shape)
    A = np.concatenate([identity, cross], axis=2)  # [K, G, 6, 3]
    A = A.transpose(0, 2, 1, 3).reshape(states, 6, -1)
    # Scaled variables h = sqrt(1 + r) f: without that, open contacts would set the step of all.
    B = A / np.sqrt(1.0 + compliance).repeat(3, axis=1)[:, None]
    keep = (compliance / (1.0 + compliance)).repeat(3, axis=1)[:, None]
    step = 1.0 / (np.linalg.norm(B, 2, axis=(1, 2)) ** 2 + keep.max(axis=(1, 2)))[:, None, None]
    w = np.concatenate([np.eye(6), -np.eye(6)])  # [12, 6]
    h = ahead = np.broadcast_to(start, (states, 12, 3 * count))
    momentum = 1.0
    for _ in range(iterations):
        slope = (w + ahead @ B.transpose(0, 2, 1)) @ B + keep * ahead
        target = (ahead - step * slope).reshape(states, 12, count, 3)
        new = _project(target, normals[:, None], friction).reshape(h.shape)
        if ((ahead - new) * (new - h)).sum() > 0:
            momentum = 1.0
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = new + (momentum - 1) / following * (new - h)
        change = np.abs(new - h).max()
        h, momentum = new, following
        if change < 1e-9:
            break
    left = w + h @ B.transpose(0, 2, 1)
    v = 0.5 * (left**2).sum(axis=(1, 2)) + 0.5 * (keep * h * h).sum(axis=(1, 2))
    return v * 2.0 / 12.0, h


def _project(f: NDArray, normals: NDArray, friction: float) -> NDArray:
    fn = (f * normals).sum(axis=-1, keepdims=True)
    ft = f - fn * normals
    t = np.linalg.norm(ft, axis=-1, keepdims=True)
    edge = (fn + friction * t) / (1 + friction**2)
    on_edge = edge * (normals + friction * ft / np.maximum(t, 1e-30))
    sliding = t > friction * fn
    return np.where(sliding & (fn < -friction * t), 0.0, np.where(sliding, on_edge, f))


def terms(
    hand: HandModel,
    obj: ObjectModel,
    config: SynthesisConfig,
    palm: NDArray,
    q: NDArray,
    softness: float,
    distance_weight: float,
) -> Terms:
    """Terms at a palm pose [4, 4] and joints [J], at the schedule's start."""
    scale = config.penalty_scale_start
    links = link_matrices(hand, palm, q)
    poses = pose_to_matrix(hand.geometry_poses)
    frames = [links[link] @ poses[g] for g, link in enumerate(hand.geometry_links)]
    weights = np.maximum(hand.group_weights, 0.02)
    starts = hand.cluster_points[hand.group_clusters]
    places = []
    for g, link in enumerate(hand.geometry_links):
        own_points = hand.points[starts[g] : starts[g + 1]]
        places.append(own_points @ links[link][:3, :3].T + links[link][:3, 3])
    phi, _ = look_up(obj.distance, np.concatenate(places))
    penetration = (np.minimum(phi, 0) ** 2).sum()
    choice = [int(np.argmin(phi[a:b])) for a, b in itertools.pairwise(starts)]
    x = np.array([p[i] for p, i in zip(places, choice, strict=True)])
    environment = object_penetration = own = 0.0
    if obj.environment is not None:
        around, _ = look_up(obj.environment, np.concatenate(places))
        environment = (np.minimum(around - config.environment_margin, 0) ** 2).sum()
    for g, frame in enumerate(frames):
        inside = (obj.surface_points - frame[:3, 3]) @ frame[:3, :3]
        d = primitive(hand.geometry_types[g], hand.geometry_sizes[g], inside)
        object_penetration += (np.minimum(d, 0) ** 2).sum()
    margin = config.self_margin
    lower = np.array([p.min(axis=0) for p in places]) - margin
    upper = np.array([p.max(axis=0) for p in places])
    a, b = hand.self_collision_pairs.T
    near = ((lower[a] < upper[b]) & (lower[b] < upper[a])).all(axis=1)
    for a, b in hand.self_collision_pairs[near]:
        deepest = (margin, (-1, -1))
        for s, t in ((a, b), (b, a)):
            inside = (places[s] - frames[t][:3, 3]) @ frames[t][:3, :3]
            d = primitive(hand.geometry_types[t], hand.geometry_sizes[t], inside)
            if d.min() < deepest[0]:
                deepest = (d.min(), (int(s), int(np.argmin(d))))
        own += (margin - deepest[0]) ** 2
        choice.append(deepest[1])
    phi, direction = look_up(obj.distance, x)
    normal = -direction / np.linalg.norm(direction, axis=1, keepdims=True)
    gap = np.maximum(phi, 0)
    r = (config.compliance + (gap / softness) ** 2) / weights
    c = (x - obj.center_of_mass) / obj.characteristic_length
    return Terms(
        points=c,
        normals=normal,
        compliance=r,
        penetration=scale * config.penetration_weight * penetration,
        object_penetration=scale * config.object_penetration_weight * object_penetration,
        own=scale * config.self_weight * own,
        environment=scale * config.environment_weight * environment,
        distance=distance_weight * float((weights * gap**2).sum()),
        choice=tuple(choice),
    )
