"""A hand's collision primitives beside meshes of its real surface, for the tests of the URDFs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.core.poses import compose, invert, pose_to_matrix, transform_points
from dexgrasp_ros.hand import link_poses, primitive_distance
from dexgrasp_ros.hand.geometry import primitive_mesh

RAY_STEP = 0.001  # m


def read_mesh(path: Path, *, scale: float = 1.0, rpy: ArrayLike = (0, 0, 0), z: float = 0.0):
    """Triangles of a file as a link's frame sees them."""
    mesh = trimesh.load(path, force='mesh')
    mesh.apply_scale(scale)
    placement = np.eye(4)
    placement[:3, :3] = Rotation.from_euler('xyz', rpy).as_matrix()
    placement[2, 3] = z
    mesh.apply_transform(placement)
    return mesh


def visual_meshes(hand: HandModel) -> dict[str, trimesh.Trimesh]:
    """What a hand draws, by link."""
    parts: dict[str, list[trimesh.Trimesh]] = {}
    for part in hand.meshes:
        mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
        parts.setdefault(hand.link_names[part.link], []).append(mesh)
    return {name: trimesh.util.concatenate(meshes) for name, meshes in parts.items()}


def collision_meshes(hand: HandModel) -> dict[str, trimesh.Trimesh]:
    """Triangles of the collision primitives, by link."""
    parts: dict[str, list[trimesh.Trimesh]] = {}
    for link, kind, pose, size in _primitives(hand):
        mesh = primitive_mesh(kind, size)
        mesh.apply_transform(pose_to_matrix(pose))
        parts.setdefault(hand.link_names[link], []).append(mesh)
    return {name: trimesh.util.concatenate(meshes) for name, meshes in parts.items()}


def placed(
    meshes: Mapping[str, trimesh.Trimesh],
    hand: HandModel,
    poses: NDArray[np.float64],
    links: Sequence[str],
) -> trimesh.Trimesh:
    """Chosen links' triangles where the hand's links stand, in the root link's frame."""
    parts = []
    for name in links:
        mesh = meshes[name].copy()
        mesh.apply_transform(pose_to_matrix(poses[hand.link_names.index(name)]))
        parts.append(mesh)
    return trimesh.util.concatenate(parts)


def union_distance(
    hand: HandModel, poses: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Signed distance to all collision primitives of the hand, [M] m."""
    distance = np.full(len(points), np.inf)
    for link, kind, pose, size in _primitives(hand):
        local = transform_points(invert(compose(poses[link], pose)), points)
        distance = np.minimum(distance, primitive_distance(kind, size, local))
    return distance


def first_hits(mesh: trimesh.Trimesh, toward_viewer: ArrayLike) -> NDArray[np.float64]:
    """Where parallel rays, a millimetre apart, first meet the mesh, [M, 3]."""
    o3d = import_open3d()

    x = np.asarray(toward_viewer, dtype=np.float64)
    x = x / np.linalg.norm(x)
    y = np.cross(np.eye(3)[np.argmin(np.abs(x))], x)
    y /= np.linalg.norm(y)
    frame = np.stack([x, y, np.cross(x, y)], axis=1)
    local = mesh.vertices @ frame
    low, high = local.min(axis=0), local.max(axis=0)
    u, v = np.meshgrid(np.arange(low[1], high[1], RAY_STEP), np.arange(low[2], high[2], RAY_STEP))
    start = np.column_stack([np.full(u.size, high[0] + 0.1), u.ravel(), v.ravel()])
    rays = np.column_stack([start, np.tile([-1.0, 0.0, 0.0], (len(start), 1))])
    scene = _scene(local, mesh.faces)
    distance = scene.cast_rays(o3d.core.Tensor(rays.astype(np.float32)))['t_hit'].numpy()
    hit = np.isfinite(distance)
    return (start[hit] - distance[hit, None] * [1.0, 0.0, 0.0]) @ frame.T


def surface_distance(mesh: trimesh.Trimesh, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unsigned distance to the triangles, [M] m."""
    o3d = import_open3d()

    scene = _scene(mesh.vertices, mesh.faces)
    return scene.compute_distance(o3d.core.Tensor(points.astype(np.float32))).numpy()


def _scene(vertices: NDArray[np.float64], faces: NDArray[np.int64]):
    o3d = import_open3d()

    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(vertices.astype(np.float32)), o3d.core.Tensor(faces.astype(np.uint32))
    )
    return scene


def show(name: str, distance: NDArray[np.float64]) -> None:
    """Print a region's figures; pytest shows them with -s."""
    mean, most, largest = distance.mean(), np.percentile(distance, 95), distance.max()
    print(
        f'{name}: {len(distance)} rays, mean {1e3 * mean:.2f} mm, 95 % {1e3 * most:.2f} mm, '
        f'max {1e3 * largest:.2f} mm'
    )


def self_overlap(hand: HandModel, q: NDArray[np.float64]) -> tuple[float, tuple[str, str]]:
    """Deepest overlap [m] of the pairs that must not overlap, and its groups."""
    poses = link_poses(hand, q)
    counts = np.diff(hand.cluster_points[hand.group_clusters])
    points = np.split(hand.points.astype(np.float64), np.cumsum(counts)[:-1])
    placed_points = [
        transform_points(poses[link], p)
        for link, p in zip(hand.geometry_links, points, strict=True)
    ]
    frames = invert(compose(poses[hand.geometry_links], hand.geometry_poses))
    deepest, names = -np.inf, ('', '')
    for pair in hand.self_collision_pairs:
        for one, other in (pair, pair[::-1]):
            depth = -primitive_distance(
                hand.geometry_types[other],
                hand.geometry_sizes[other],
                transform_points(frames[other], placed_points[one]),
            ).min()
            if depth > deepest:
                deepest, names = depth, (hand.group_names[one], hand.group_names[other])
    return float(deepest), names


def inertials(hand: HandModel) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """Mass [kg] and principal moments of inertia [3] of each link that has them."""
    result = {}
    for link in ElementTree.fromstring(hand.urdf).findall('link'):
        inertial = link.find('inertial')
        if inertial is not None:
            ixx, ixy, ixz, iyy, iyz, izz = (
                float(inertial.find('inertia').get(f'i{k}'))
                for k in ('xx', 'xy', 'xz', 'yy', 'yz', 'zz')
            )
            tensor = [[ixx, ixy, ixz], [ixy, iyy, iyz], [ixz, iyz, izz]]
            mass = float(inertial.find('mass').get('value'))
            result[link.get('name')] = mass, np.linalg.eigvalsh(tensor)
    return result


def _primitives(hand: HandModel):
    return zip(
        hand.geometry_links,
        hand.geometry_types,
        hand.geometry_poses,
        hand.geometry_sizes,
        strict=True,
    )
