"""Hand and object as the structs of arrays that kernels read, on one device."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.hand_model import HandModel, JointType
from dexgrasp_ros.core.object_model import ObjectModel, SignedDistanceGrid
from dexgrasp_ros.core.poses import matrix_to_pose, pose_to_matrix
from dexgrasp_ros.hand.groups import point_groups
from dexgrasp_ros.kernels import types
from dexgrasp_ros.kernels.lanes import LANES
from dexgrasp_ros.synthesis.postures import radians

LEAST_WEIGHT = 0.02  # a group that is not wanted is a soft contact, not a division by zero
# Points of a cluster and of a patch in it: what left the fewest look-ups on a CPU.
_CLUSTER_SIZE = 24
_PATCH_SIZE = 6
_OBJECT_CLUSTER_SIZE = 8
_BLOCK_SIZE = 16  # clusters of the object


def moving_bodies(hand: HandModel) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray]:
    """Merge fixed and locked links into the moving link they hang on.

    Returns
    -------
    links
        [B] the link whose joint moves body b; body 0 is the root link.
    body_of_link
        [L] body that each link belongs to.
    link_in_body
        [L, 4, 4] pose of each link in its body.
    """
    links: list[int] = []
    body_of_link = np.zeros(len(hand.link_names), dtype=np.int32)
    link_in_body = np.tile(np.eye(4), (len(hand.link_names), 1, 1))
    origins = pose_to_matrix(hand.joint_origins)
    for link, parent in enumerate(hand.link_parents):
        if parent < 0 or hand.coordinates[link] >= 0:
            body_of_link[link] = len(links)
            links.append(link)
        else:
            body_of_link[link] = body_of_link[parent]
            motion = _locked_motion(hand, link)
            link_in_body[link] = link_in_body[parent] @ origins[link] @ motion
    return np.array(links, dtype=np.int32), body_of_link, link_in_body


def _locked_motion(hand: HandModel, link: int) -> NDArray[np.float64]:
    motion = np.eye(4)
    value = hand.offsets[link]
    if hand.joint_types[link] == JointType.REVOLUTE:
        motion[:3, :3] = Rotation.from_rotvec(hand.joint_axes[link] * value).as_matrix()
    elif hand.joint_types[link] == JointType.PRISMATIC:
        motion[:3, 3] = hand.joint_axes[link] * value
    return motion


def upload_hand(hand: HandModel, device: Any, *, weights: NDArray | None = None) -> types.Hand:
    """Copy a hand to `device`, its surface in the frames of the moving bodies.

    `weights` [G], above 0, stand for how much contact is wanted of each group; default: the
    hand's own.
    """
    if weights is None:
        weights = np.maximum(hand.group_weights, LEAST_WEIGHT)
    links, body_of_link, link_in_body = moving_bodies(hand)
    parents = np.where(links > 0, body_of_link[hand.link_parents[links]], -1)
    parent_in_body = link_in_body[hand.link_parents[links]]
    parent_in_body[0] = np.eye(4)
    group_pose = link_in_body[hand.geometry_links]
    starts = hand.cluster_points[hand.group_clusters]
    points = _apply(group_pose[point_groups(hand)], hand.points)
    tree = _point_tree(points, starts)
    points = points[tree.order]

    def array(values: Any, dtype: Any) -> wp.array:
        return wp.array(np.ascontiguousarray(values), dtype=dtype, device=device)

    def rows(values: NDArray, dtype: Any) -> wp.array:
        return _upload_rows(values, dtype, device)

    s = types.Hand()
    s.body_parents = array(parents.astype(np.int32), int)
    s.body_origins = array(
        _poses(parent_in_body @ pose_to_matrix(hand.joint_origins[links])), wp.transform
    )
    s.body_axes = array(hand.joint_axes[links].astype(np.float32), wp.vec3)
    s.body_types = array(hand.joint_types[links].astype(np.int32), int)
    s.body_coordinates = array(hand.coordinates[links].astype(np.int32), int)
    s.body_multipliers = array(hand.multipliers[links].astype(np.float32), float)
    s.body_offsets = array(hand.offsets[links].astype(np.float32), float)
    s.root_in_palm = wp.transform(*_poses(np.linalg.inv(pose_to_matrix(hand.palm_pose))))
    s.lower = array(hand.lower.astype(np.float32), float)
    s.upper = array(hand.upper.astype(np.float32), float)
    s.radian = array(radians(hand).astype(np.float32), float)
    s.group_bodies = array(body_of_link[hand.geometry_links].astype(np.int32), int)
    s.group_weights = array(weights.astype(np.float32), float)
    s.group_clusters = array(tree.group_clusters, int)
    s.group_spheres = array(_spheres(points, starts), wp.vec4)
    s.geometry_types = array(hand.geometry_types.astype(np.int32), int)
    s.geometry_poses = array(
        _poses(group_pose @ pose_to_matrix(hand.geometry_poses)), wp.transform
    )
    s.geometry_sizes = array(hand.geometry_sizes.astype(np.float32), wp.vec3)
    s.geometry_planes = array(hand.geometry_planes.astype(np.int32), int)
    s.planes = array(hand.planes.astype(np.float32).reshape(-1, 4), wp.vec4)
    corners = [np.empty((0, 3)) if m is None else m.vertices for m in hand.geometry_meshes]
    s.geometry_corners = array(np.cumsum([0, *map(len, corners)]).astype(np.int32), int)
    s.corners = array(np.concatenate(corners).astype(np.float32), wp.vec3)
    s.cluster_points = array(tree.cluster_points, int)
    s.cluster_spheres = rows(_spheres(points, tree.cluster_points), wp.vec4)
    s.cluster_patches = array(tree.cluster_patches, int)
    s.patch_points = array(tree.patch_points, int)
    s.patch_spheres = rows(_spheres(points, tree.patch_points), wp.vec4)
    s.points = rows(points, wp.vec3)
    s.pairs = array(hand.self_collision_pairs.astype(np.int32).reshape(-1, 2), wp.vec2i)
    return s


def _upload_rows(values: NDArray, dtype: Any, device: Any) -> wp.array:
    """Copy rows that kernels read eight at a time: behind the last there are some to spare."""
    spare = np.repeat(values[-1:], LANES - 1, axis=0)
    padded = np.concatenate([values, spare]).astype(np.float32)
    return wp.array(padded, dtype=dtype, device=device)[: len(values)]


def upload_object(obj: ObjectModel, device: Any) -> types.Object:
    """Copy an object's grids and surface points to `device`."""
    starts, order = cluster_points(obj.surface_points, _OBJECT_CLUSTER_SIZE)
    points = obj.surface_points[order]
    s = types.Object()
    s.distance = upload_grid(obj.distance, device)
    s.environment = upload_grid(obj.environment, device)
    s.center = wp.vec3(*obj.center_of_mass)
    s.length = obj.characteristic_length
    s.cluster_points = wp.array(starts.astype(np.int32), dtype=int, device=device)
    s.cluster_spheres = _upload_rows(_spheres(points, starts), wp.vec4, device)
    s.points = _upload_rows(points, wp.vec3, device)
    # Clusters follow each other as halving found them: runs of them are compact as well.
    blocks = np.append(np.arange(0, len(starts) - 1, _BLOCK_SIZE), len(starts) - 1)
    s.block_clusters = wp.array(blocks.astype(np.int32), dtype=int, device=device)
    s.block_spheres = _upload_rows(_spheres(points, starts[blocks]), wp.vec4, device)
    return s


def upload_grid(grid: SignedDistanceGrid | None, device: Any) -> types.Grid:
    """Copy a grid; `None` becomes one that says it is not valid."""
    s = types.Grid()
    if grid is None:
        s.phi = wp.zeros((2, 2, 2), dtype=float, device=device)
        s.field = wp.zeros((2, 2, 2), dtype=wp.vec4, device=device)
        s.spacing = 1.0
        return s
    s.phi = wp.array(np.ascontiguousarray(grid.values[..., 3]), dtype=float, device=device)
    s.field = wp.array(np.ascontiguousarray(grid.values), dtype=wp.vec4, device=device)
    s.origin = wp.vec3(*grid.origin)
    s.spacing = grid.spacing
    s.last = wp.vec3(*(float(n - 1) for n in grid.values.shape[:3]))
    s.valid = 1
    return s


def cluster_points(points: NDArray, size: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split points [M, 3] into compact runs of at most `size` by halving the longest axis.

    Returns
    -------
    starts, order
        Run c is ``order[starts[c]:starts[c + 1]]``.
    """
    runs: list[NDArray[np.int64]] = []
    pending = [np.arange(len(points))]
    while pending:
        index = pending.pop()
        if len(index) <= size:
            runs.append(index)
            continue
        axis = int(np.argmax(np.ptp(points[index], axis=0)))
        index = index[np.argsort(points[index, axis], kind='stable')]
        half = len(index) // 2
        pending += [index[half:], index[:half]]
    starts = np.concatenate([[0], np.cumsum([len(r) for r in runs])])
    return starts, np.concatenate(runs)


@dataclass(frozen=True, kw_only=True)
class _PointTree:
    """Points of groups, in clusters, in patches; all but `order` are starts of runs."""

    order: NDArray[np.int64]  # [P]
    group_clusters: NDArray[np.int32]  # [G + 1]
    cluster_points: NDArray[np.int32]  # [C + 1]
    cluster_patches: NDArray[np.int32]  # [C + 1]
    patch_points: NDArray[np.int32]  # [R + 1]


def _point_tree(points: NDArray, starts: NDArray) -> _PointTree:
    order: list[NDArray] = []
    group_clusters, cluster_points_, cluster_patches, patch_points = [0], [0], [0], [0]
    for first, last in itertools.pairwise(starts):
        clusters, inner = cluster_points(points[first:last], _CLUSTER_SIZE)
        for a, b in itertools.pairwise(clusters):
            own = first + inner[a:b]
            patches, innermost = cluster_points(points[own], _PATCH_SIZE)
            order.append(own[innermost])
            patch_points += list(cluster_points_[-1] + patches[1:])
            cluster_points_.append(cluster_points_[-1] + len(own))
            cluster_patches.append(cluster_patches[-1] + len(patches) - 1)
        group_clusters.append(group_clusters[-1] + len(clusters) - 1)
    return _PointTree(
        order=np.concatenate(order),
        group_clusters=np.array(group_clusters, np.int32),
        cluster_points=np.array(cluster_points_, np.int32),
        cluster_patches=np.array(cluster_patches, np.int32),
        patch_points=np.array(patch_points, np.int32),
    )


def _spheres(points: NDArray, starts: NDArray) -> NDArray[np.float32]:
    """Bounding sphere [centre, radius] of each run of points."""
    runs, first = np.repeat(np.arange(len(starts) - 1), np.diff(starts)), starts[:-1]
    low, high = np.minimum.reduceat(points, first), np.maximum.reduceat(points, first)
    center = (low + high) / 2
    # A hundred-thousandth more: rounding to float32 must not lose a point.
    away = np.linalg.norm(points - center[runs], axis=1)
    radius = np.maximum.reduceat(away, first) * 1.00001 + 1e-7
    return np.column_stack([center, radius]).astype(np.float32)


def _apply(matrices: NDArray, points: NDArray) -> NDArray[np.float64]:
    """Row-wise product of [M, 4, 4] and points [M, 3]."""
    return np.einsum('mij,mj->mi', matrices[:, :3, :3], points) + matrices[:, :3, 3]


def _poses(matrices: NDArray) -> NDArray[np.float32]:
    return matrix_to_pose(matrices).astype(np.float32)
