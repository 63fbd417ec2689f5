"""Where the hand is and how far from the object, without anything of the search."""

from __future__ import annotations

import numpy as np
import trimesh

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.core.poses import compose, invert, transform_points
from dexgrasp_ros.hand import link_poses


def posed_points(hand, base_pose, q) -> tuple[np.ndarray, np.ndarray]:
    """Surface points of the hand [P, 3] in the object's frame, and their groups [P]."""
    links = link_poses(hand, q[None], base_pose[None])[0]
    cluster = np.repeat(np.arange(len(hand.cluster_radii)), np.diff(hand.cluster_points))
    group = np.repeat(np.arange(len(hand.group_names)), np.diff(hand.group_clusters))[cluster]
    points = np.empty((len(hand.points), 3))
    for g, link in enumerate(hand.geometry_links):
        points[group == g] = transform_points(links[link], hand.points[group == g])
    return points, group


def distance_to(obj, points: np.ndarray) -> np.ndarray:
    """Exact signed distance to the object's mesh."""
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(obj.vertices.astype(np.float32), obj.faces.astype(np.uint32))
    # One ray can slip through an edge; the sign is the vote of eleven.
    return scene.compute_signed_distance(points.astype(np.float32), nsamples=11).numpy()


def object_depth(hand, base_pose, q, obj, *, count: int = 4000) -> float:
    """Deepest of random surface points of the object inside the hand's collision shapes [m]."""
    mesh = trimesh.Trimesh(obj.vertices, obj.faces, process=False)
    surface = trimesh.sample.sample_surface(mesh, count, seed=1)[0]
    links = link_poses(hand, q[None], base_pose[None])[0]
    deepest = 0.0
    for g, link in enumerate(hand.geometry_links):
        frame = compose(links[link], hand.geometry_poses[g])
        local = transform_points(invert(frame), surface)
        near = (np.abs(local) <= _half_extents(hand, g)).all(axis=1)
        if near.any():
            deepest = max(deepest, _depth(_shape(hand, g), local[near]))
    return deepest


def _half_extents(hand, g: int) -> np.ndarray:
    return np.abs(np.array(_shape(hand, g).bounds)).max(axis=0)


def _shape(hand, g: int) -> trimesh.Trimesh:
    kind, size = GeometryType(hand.geometry_types[g]), hand.geometry_sizes[g]
    if kind is GeometryType.BOX:
        return trimesh.creation.box(2 * size)
    if kind is GeometryType.SPHERE:
        return trimesh.creation.icosphere(subdivisions=3, radius=size[0])
    if kind is GeometryType.CYLINDER:
        return trimesh.creation.cylinder(size[0], 2 * size[1], sections=64)
    if kind is GeometryType.CAPSULE:
        return trimesh.creation.capsule(2 * size[1], size[0])
    piece = hand.geometry_meshes[g]
    return trimesh.Trimesh(piece.vertices, piece.faces, process=False)


def _depth(shape: trimesh.Trimesh, points: np.ndarray) -> float:
    scene = import_open3d().t.geometry.RaycastingScene()
    scene.add_triangles(shape.vertices.astype(np.float32), shape.faces.astype(np.uint32))
    distance = scene.compute_signed_distance(points.astype(np.float32), nsamples=11).numpy()
    return max(0.0, -float(distance.min()))


def self_depth(hand, q) -> float:
    """Deepest surface point of one link inside another, of pairs that must not overlap [m]."""
    links = link_poses(hand, q[None])[0]
    points, group = posed_points(hand, np.array([0.0, 0, 0, 0, 0, 0, 1]), q)
    own = [points[group == g] for g in range(len(hand.group_names))]
    low = np.array([p.min(axis=0) for p in own])
    high = np.array([p.max(axis=0) for p in own])
    deepest = 0.0
    for pair in hand.self_collision_pairs:
        if (low[pair] > high[pair[::-1]]).any():
            continue
        for a, b in (pair, pair[::-1]):
            frame = compose(links[hand.geometry_links[b]], hand.geometry_poses[b])
            local = transform_points(invert(frame), own[a])
            near = (np.abs(local) <= _half_extents(hand, b)).all(axis=1)
            if near.any():
                deepest = max(deepest, _depth(_shape(hand, b), local[near]))
    return deepest
