"""The Allegro hand's primitives beside the manufacturer's meshes, seen from the palm side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.core.poses import invert, pose_to_matrix, transform_points
from dexgrasp_ros.hand import link_poses, load_hand, primitive_distance

STEP = 0.001  # m between rays


@pytest.fixture(scope='module')
def hand():
    return load_hand('allegro')


@pytest.fixture(scope='module')
def simlab(data_dir: Path):
    folder = data_dir / 'hands' / 'allegro_simlab' / 'allegro_hand_description'
    return load_hand(folder / 'allegro_hand_description_right.urdf')


def union_distance(hand, poses, points):
    """Signed distance to all collision primitives of the hand, [M]."""
    distance = np.full(len(points), np.inf)
    for link, kind, pose, size in zip(
        hand.geometry_links,
        hand.geometry_types,
        hand.geometry_poses,
        hand.geometry_sizes,
        strict=True,
    ):
        local = transform_points(invert(pose), transform_points(invert(poses[link]), points))
        distance = np.minimum(distance, primitive_distance(kind, size, local))
    return distance


def placed_meshes(hand, poses, links) -> trimesh.Trimesh:
    """Triangles of the chosen links where they stand."""
    parts = []
    for part in hand.meshes:
        if hand.link_names[part.link] in links:
            vertices = transform_points(poses[part.link], part.vertices)
            parts.append(trimesh.Trimesh(vertices, part.faces, process=False))
    return trimesh.util.concatenate(parts)


def first_hits(mesh: trimesh.Trimesh, frame: np.ndarray) -> np.ndarray:
    """Where parallel rays against the x axis of `frame` [4, 4] first meet the mesh, [M, 3]."""
    o3d = import_open3d()

    local = mesh.copy()
    local.apply_transform(np.linalg.inv(frame))
    low, high = local.bounds
    y, z = np.meshgrid(np.arange(low[1], high[1], STEP), np.arange(low[2], high[2], STEP))
    rays = np.zeros((y.size, 6), np.float32)
    rays[:, 0], rays[:, 1], rays[:, 2], rays[:, 3] = high[0] + 0.1, y.ravel(), z.ravel(), -1.0
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(local.vertices.astype(np.float32)),
        o3d.core.Tensor(local.faces.astype(np.uint32)),
    )
    distance = scene.cast_rays(o3d.core.Tensor(rays))['t_hit'].numpy()
    hit = np.isfinite(distance)
    points = rays[hit, :3] - distance[hit, None] * [1.0, 0.0, 0.0]
    return points @ frame[:3, :3].T + frame[:3, 3]


FINGERS = [f'link_{i}.0' for i in range(12)] + [f'link_{i}.0_tip' for i in (3, 7, 11)]
THUMB = [f'link_{i}.0' for i in (13, 14, 15)] + ['link_15.0_tip']


@pytest.mark.parametrize(
    ('links', 'view'),
    [
        (['base_link'], 'base_link'),
        (FINGERS, 'base_link'),
        (THUMB, 'link_14.0'),
        (['link_3.0_tip', 'link_7.0_tip', 'link_11.0_tip', 'link_15.0_tip'], 'base_link'),
    ],
    ids=['palm', 'fingers', 'thumb', 'tips'],
)
def test_inner_surfaces_follow_the_manufacturers_meshes(hand, simlab, links, view):
    straight = np.zeros(16)
    straight[12] = 0.263  # the least that this joint can do
    poses = link_poses(hand, straight)
    mesh = placed_meshes(simlab, link_poses(simlab, straight), links)
    hits = first_hits(mesh, pose_to_matrix(poses[hand.link_names.index(view)]))
    distance = np.abs(union_distance(hand, poses, hits))
    print(
        f'{links[0]} …: {len(hits)} rays, mean {1e3 * distance.mean():.2f} mm, '
        f'95 % {1e3 * np.percentile(distance, 95):.2f} mm, max {1e3 * distance.max():.2f} mm'
    )
    assert len(hits) > 1000
    assert distance.mean() < 0.001
    assert np.percentile(distance, 95) < 0.002


def test_fingers_do_not_stand_out_of_the_manufacturers_meshes(hand, simlab):
    straight = np.zeros(16)
    straight[12] = 0.263
    poses = link_poses(hand, straight)
    real = placed_meshes(simlab, link_poses(simlab, straight), simlab.link_names)
    ours = placed_collision(hand, poses, FINGERS)
    hits = first_hits(ours, np.eye(4))
    _, distance, _ = trimesh.proximity.closest_point(real, hits[::7])
    print(f'95 % {1e3 * np.percentile(distance, 95):.2f} mm, max {1e3 * distance.max():.2f} mm')
    assert np.percentile(distance, 95) < 0.002


def placed_collision(hand, poses, links) -> trimesh.Trimesh:
    """Triangles of the collision primitives of the chosen links."""
    from dexgrasp_ros.hand.geometry import primitive_mesh

    parts = []
    for link, kind, pose, size in zip(
        hand.geometry_links,
        hand.geometry_types,
        hand.geometry_poses,
        hand.geometry_sizes,
        strict=True,
    ):
        if hand.link_names[link] in links:
            part = primitive_mesh(kind, size)
            part.apply_transform(pose_to_matrix(poses[link]) @ pose_to_matrix(pose))
            parts.append(part)
    return trimesh.util.concatenate(parts)
