"""Rendered scenes whose truth is known, and the oracles that judge a mesh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.open3d_loader import import_open3d

WIDTH, HEIGHT = 640, 480
INTRINSICS = np.array([[600.0, 0.0, 319.5], [0.0, 600.0, 239.5], [0.0, 0.0, 1.0]])


@dataclass(frozen=True, kw_only=True)
class RenderedScene:
    frame: DepthFrame
    plane: NDArray[np.float64]  # true support plane [n, d] in the camera's frame
    objects: tuple[trimesh.Trimesh, ...]  # true meshes in the camera's frame, labels 1, 2, …
    T_cam_world: NDArray[np.float64]  # [4, 4]; the table is z = 0 of the world

    def to_camera(self, points: NDArray) -> NDArray[np.float64]:
        return points @ self.T_cam_world[:3, :3].T + self.T_cam_world[:3, 3]


def look_at(eye: NDArray, target: NDArray) -> NDArray[np.float64]:
    """T_world_cam [4, 4] of a camera whose image has the world's z upwards."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    side = np.array([0.0, 1.0, 0.0]) if abs(forward[2]) > 0.99 else np.array([0.0, 0.0, 1.0])
    right = np.cross(forward, side)
    right /= np.linalg.norm(right)
    T = np.eye(4)
    T[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    T[:3, 3] = eye
    return T


def render(
    *objects: trimesh.Trimesh,
    eye: tuple[float, float, float] = (0.0, -0.45, 0.4),
    target: tuple[float, float, float] = (0.0, 0.0, 0.05),
    table: bool = True,
    noise: float = 0.0,
    backdrop: trimesh.Trimesh | None = None,
) -> RenderedScene:
    """Objects on the table z = 0, ray-cast by Open3D; noise [m] is Gaussian, then 1 mm steps."""
    o3d = import_open3d()
    T = look_at(np.array(eye), np.array(target))
    scene = o3d.t.geometry.RaycastingScene()
    label_of = {}
    parts = [(o, i + 1) for i, o in enumerate(objects)]
    if table:
        slab = trimesh.creation.box((1.2, 1.2, 0.02))
        parts.append((slab.apply_translation((0.0, 0.0, -0.01)), 0))
    if backdrop is not None:
        parts.append((backdrop, 0))
    for mesh, label in parts:
        index = scene.add_triangles(
            o3d.core.Tensor(mesh.vertices.astype(np.float32)),
            o3d.core.Tensor(mesh.faces.astype(np.uint32)),
        )
        label_of[index] = label
    v, u = np.indices((HEIGHT, WIDTH))
    K = INTRINSICS
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], axis=-1)
    directions = rays @ T[:3, :3].T
    origins = np.broadcast_to(T[:3, 3], directions.shape)
    hits = scene.cast_rays(
        o3d.core.Tensor(np.concatenate([origins, directions], axis=-1).astype(np.float32))
    )
    depth = hits['t_hit'].numpy()
    ids = hits['geometry_ids'].numpy()
    labels = np.zeros(depth.shape, np.int32)
    for index, label in label_of.items():
        labels[ids == index] = label
    depth = np.where(np.isfinite(depth), depth, 0.0)
    if noise:
        rng = np.random.default_rng(0)
        noisy = depth + rng.normal(scale=noise, size=depth.shape)
        depth = np.where(depth > 0, np.round(noisy, 3), 0.0)
    T_cam_world = np.linalg.inv(T)
    normal = T_cam_world[:3, 2]
    return RenderedScene(
        frame=DepthFrame(depth=depth.astype(np.float32), labels=labels, intrinsics=K),
        plane=np.append(normal, -normal @ T_cam_world[:3, 3]),
        T_cam_world=T_cam_world,
        objects=tuple(o.copy().apply_transform(T_cam_world) for o in objects),
    )


@pytest.fixture(scope='session')
def render_scene() -> Callable[..., RenderedScene]:
    return render


def protrusion(frame: DepthFrame, found: ObservedObject) -> float:
    """How far [m] the mesh stands before any valid measurement of the whole frame."""
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(found.vertices.astype(np.float32)),
        o3d.core.Tensor(found.faces.astype(np.uint32)),
    )
    v, u = np.nonzero(np.isfinite(frame.depth) & (frame.depth > 0))
    K = frame.intrinsics
    rays = np.zeros((len(u), 6), np.float32)
    rays[:, 3] = (u - K[0, 2]) / K[0, 0]
    rays[:, 4] = (v - K[1, 2]) / K[1, 1]
    rays[:, 5] = 1.0
    first = scene.cast_rays(o3d.core.Tensor(rays))['t_hit'].numpy()
    return float((frame.depth[v, u] - first).max())


def distances(vertices: NDArray, faces: NDArray, points: NDArray) -> NDArray[np.float32]:
    """Distance [m] of each point to the surface of a mesh."""
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(
        o3d.core.Tensor(vertices.astype(np.float32)), o3d.core.Tensor(faces.astype(np.uint32))
    )
    return scene.compute_distance(o3d.core.Tensor(points.astype(np.float32))).numpy()


def surface_distances(found: ObservedObject) -> NDArray[np.float32]:
    """Distance [m] of each cleaned point to the mesh's surface."""
    return distances(found.vertices, found.faces, found.points)


@pytest.fixture(scope='session')
def distance_to() -> Callable[[trimesh.Trimesh, NDArray], NDArray]:
    return lambda mesh, points: distances(mesh.vertices, mesh.faces, points)


@pytest.fixture(scope='session')
def check_mesh() -> Callable[[DepthFrame, ObservedObject], trimesh.Trimesh]:
    """What must hold of every mesh, whatever the frame; returns the mesh."""

    def check(frame: DepthFrame, found: ObservedObject) -> trimesh.Trimesh:
        mesh = trimesh.Trimesh(found.vertices, found.faces)
        assert mesh.is_watertight
        assert mesh.is_winding_consistent
        assert mesh.volume > 0.0
        assert np.percentile(surface_distances(found), 95.0) < 0.005
        assert protrusion(frame, found) < 0.01
        if found.support_plane is not None:
            heights = found.vertices @ found.support_plane[:3] + found.support_plane[3]
            assert heights.min() > -0.001
        return mesh

    return check


@pytest.fixture(scope='session')
def mean_distance() -> Callable[[ObservedObject], float]:
    return lambda found: float(surface_distances(found).mean())
