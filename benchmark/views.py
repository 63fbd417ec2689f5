"""Views of the test data's objects as a depth camera has them: on a table, noisy, truth known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import pose_to_matrix
from dexgrasp_ros.object import object_pieces
from dexgrasp_ros.simulation import (
    Body,
    PinholeCamera,
    RayScene,
    SensorNoise,
    render_depth_frame,
    settle,
)

LABEL = 1
VIEWS = 8
_ELEVATIONS = np.radians([30.0, 50.0])  # in turns
_DISTANCE = 0.6  # m from the middle of the object
_FIELD_OF_VIEW = 2.0 * np.arctan(240.0 / 610.0)  # about that of a RealSense D435 at VGA
_TABLE = (1.2, 1.2, 0.02)  # m
_GOLDEN = 2.399963  # rad; the golden angle keeps azimuths of objects apart


@dataclass(frozen=True, kw_only=True)
class Resting:
    """An object on the table z = 0 of the world, as it comes to rest with its mesh's z up."""

    obj: ObjectModel
    T_world_mesh: NDArray[np.float64]  # [4, 4]
    support_plane: NDArray[np.float64]  # [4] in the mesh's frame


@dataclass(frozen=True, kw_only=True)
class View:
    """One image, with what it shows."""

    frame: DepthFrame  # what the camera measured
    true_depth: NDArray[np.float32]  # [H, W] m without noise; 0 where nothing is
    vertices: NDArray[np.float64]  # [V, 3] of the true mesh in the camera's frame
    faces: NDArray[np.int64]  # [F, 3]
    T_mesh_cam: NDArray[np.float64]  # [4, 4]


def rest(obj: ObjectModel) -> Resting:
    """Let go of an object on a table; its pose with the table at z = 0."""
    found = settle(obj, object_pieces(obj).pieces)
    pose = pose_to_matrix(found.pose)
    pose[2, 3] += found.floor[3]
    middle = trimesh.transform_points(obj.vertices, pose)
    pose[:2, 3] -= 0.5 * (middle.min(axis=0) + middle.max(axis=0))[:2]
    return Resting(obj=obj, T_world_mesh=pose, support_plane=found.support_plane)


def take_view(
    thing: Resting, index: int, first_azimuth: float, noise: SensorNoise | None, random_seed: int
) -> View:
    """Take image `index` of `VIEWS` around the object; elevations alternate."""
    obj, T = thing.obj, thing.T_world_mesh
    world = trimesh.transform_points(obj.vertices, T)
    target = 0.5 * (world.min(axis=0) + world.max(axis=0))
    azimuth = first_azimuth + 2.0 * np.pi * index / VIEWS
    elevation = _ELEVATIONS[index % len(_ELEVATIONS)]
    camera = camera_around(target, azimuth, elevation, _FIELD_OF_VIEW)
    slab = trimesh.creation.box(_TABLE).apply_translation((0.0, 0.0, -0.5 * _TABLE[2]))
    bodies = [
        Body(vertices=world, faces=obj.faces, label=LABEL),
        Body(vertices=slab.vertices, faces=slab.faces),
    ]
    T_cam_world = np.linalg.inv(camera.T_world_cam)
    depth = RayScene(bodies).cast(camera).depth
    return View(
        frame=render_depth_frame(
            bodies, camera, noise=noise, random_seed=random_seed, colors=False
        ),
        true_depth=np.where(np.isfinite(depth), depth, 0.0),
        vertices=trimesh.transform_points(world, T_cam_world),
        faces=obj.faces,
        T_mesh_cam=np.linalg.inv(T_cam_world @ T),
    )


def camera_around(
    target: NDArray[np.float64], azimuth: float, elevation: float, field_of_view: float
) -> PinholeCamera:
    """Put a camera 0.6 m from what it looks at."""
    level = np.cos(elevation)
    toward = np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)])
    return PinholeCamera.looking_at(
        target + _DISTANCE * toward, target, field_of_view=field_of_view
    )


def first_azimuth(number: int) -> float:
    """Azimuth of the first view of the object that comes `number`-th in the list [rad]."""
    return (number + 1) * _GOLDEN % (2.0 * np.pi)


def choose_views(count: int) -> list[int]:
    """Choose some of the `VIEWS`, from all around and of both elevations in turns."""
    step = VIEWS // count
    return [i * step + (i % 2 if step > 1 else 0) for i in range(count)]
