"""What stands around an object: points that a hand must not touch.

A camera sees the front of things only, and a thin sheet of points would not keep a hand out of
what lies behind it. So each measured point stands for a thickness behind it as well, the
neighbours that were completed to meshes are filled with points, and so is the unseen space that a
partly hidden one may take.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.hidden import HiddenSide
from dexgrasp_ros.perception.points import count_neighbours
from dexgrasp_ros.perception.view import DepthWindow

# A pixel of which so few of the 24 around it (5 by 5) have its depth is flying. An object's own
# points are cleaned by a higher number, which a wall that the camera grazes would not pass.
_MIN_NEIGHBOURS = 3
# Layers of points behind each measured one, `obstacle_spacing` apart. With two of them of 4 mm,
# and a ball of 4 mm about each point, a sheet is 16 mm thick: two cells of the search's grid, one
# node of which then lies inside.
_LAYERS = 2
# Spacing of points inside a neighbour, in `obstacle_spacing`: 6 mm, so that hardly any place
# inside is farther than a ball's 4 mm from a point (5.2 mm at most, in the middle of a cell).
_FILL = 1.5
# Samples on a neighbour's surface for each cell that it passes through. A share of exp(-4), 2 %,
# of the cells gets none.
_SAMPLES = 4.0


@dataclass(frozen=True, kw_only=True)
class ScenePoints:
    """All that a frame shows, thinned, without flying pixels."""

    points: NDArray[np.float64]  # [S, 3] m
    labels: NDArray[np.int32]  # [S]


def observe_scene(frame: DepthWindow, config: ReconstructionConfig) -> ScenePoints:
    """Thin a frame to one point for each label and cell of `obstacle_spacing`."""
    valid = np.isfinite(frame.depth)
    # Between an object's edge and what is behind it there is nothing, whatever was measured.
    valid &= count_neighbours(frame.depth, valid, config.edge_step) >= _MIN_NEIGHBOURS
    points, labels = frame.back_project(valid), frame.labels[valid]
    chosen = _first_of_each_cell(points, config.obstacle_spacing, labels)
    return ScenePoints(points=points[chosen], labels=labels[chosen])


def add_obstacles(
    objects: Sequence[ObservedObject],
    others: Sequence[ObservedObject],
    scene: ScenePoints,
    sides: Sequence[HiddenSide],
    config: ReconstructionConfig,
) -> tuple[ObservedObject, ...]:
    """Objects with what stands around each of them as its obstacles.

    These are the points of the scene near the object that are neither it nor its support plane,
    each with two more behind it on its ray, the bodies of all other completed objects, and the
    unseen space that others may take. What lies under the plane is left out: the plane itself
    stands for it. One point is kept for each cell of `obstacle_spacing`.

    Parameters
    ----------
    objects
        What is to be grasped.
    others
        Further completed objects, which only stand in the way.
    scene
        What the frame shows.
    sides
        Where partly hidden things may reach.
    config
        Of which `obstacle_range`, `obstacle_spacing` and `plane_distance` act here.
    """
    bodies = _bodies(objects, [*objects, *others], config)
    thick = _thicken(scene.points[~np.isin(scene.labels, list(bodies))], config.obstacle_spacing)
    return tuple(
        replace(o, obstacles=_around(o, bodies, thick, scene, sides, config)) for o in objects
    )


def add_bodies(
    objects: Sequence[ObservedObject], config: ReconstructionConfig
) -> tuple[ObservedObject, ...]:
    """Objects with the bodies of the others among the obstacles that they have, thinned."""
    bodies = _bodies(objects, objects, config)
    result = []
    for found in objects:
        hidden = _hidden(found, bodies)
        points = np.concatenate([found.obstacles, hidden[_is_near(hidden, found, config)]])
        result.append(replace(found, obstacles=thin(points, config.obstacle_spacing)))
    return tuple(result)


def _around(
    found: ObservedObject,
    bodies: Mapping[int, NDArray[np.float64]],
    thick: NDArray[np.float64],
    scene: ScenePoints,
    sides: Sequence[HiddenSide],
    config: ReconstructionConfig,
) -> NDArray[np.float64]:
    """Points [K, 3] of what stands around one object."""
    off_plane = 1.5 * config.plane_distance
    # The measured points of a completed neighbour stay: they are right where its mesh is not.
    seen = scene.points[np.isin(scene.labels, [k for k in bodies if k != found.label])]
    seen = seen[_height(seen, found) > off_plane]
    thick = thick[_height(thick[:, 0], found) > off_plane].reshape(-1, 3)
    thick = thick[_height(thick, found) > 0.0]
    unseen = [side.points for side in sides if side.label != found.label]
    unseen = np.concatenate([np.empty((0, 3)), *unseen])
    unseen = unseen[_height(unseen, found) > 0.0]
    points = np.concatenate([seen, thick, _hidden(found, bodies), unseen])
    return thin(points[_is_near(points, found, config)], config.obstacle_spacing)


def _hidden(
    found: ObservedObject, bodies: Mapping[int, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Points [K, 3] of all bodies but its own, above its plane."""
    others = [points for label, points in bodies.items() if label != found.label]
    points = np.concatenate([np.empty((0, 3)), *others])
    return points[_height(points, found) > 0.0]


def _height(points: NDArray[np.float64], found: ObservedObject) -> NDArray[np.float64]:
    """Height [M] above an object's support plane; infinite where it has none."""
    plane = found.support_plane
    return np.full(len(points), np.inf) if plane is None else points @ plane[:3] + plane[3]


def _bodies(
    objects: Sequence[ObservedObject],
    everything: Sequence[ObservedObject],
    config: ReconstructionConfig,
) -> dict[int, NDArray[np.float64]]:
    """Points in each object, by label, as far as they are near one of `objects`."""
    if not objects:
        return {}
    box = obstacle_box(objects, config)
    return {o.label: fill(o.vertices, o.faces, box, config) for o in everything}


def obstacle_box(
    objects: Sequence[ObservedObject], config: ReconstructionConfig
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper corner [3] of all places within `obstacle_range` of one of the objects."""
    corners = np.array([[o.points.min(axis=0), o.points.max(axis=0)] for o in objects])
    reach = config.obstacle_range
    return corners[:, 0].min(axis=0) - reach, corners[:, 1].max(axis=0) + reach


def _thicken(points: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """Each point [M, 3] and those behind it on its ray, [M, layers, 3]."""
    distance = np.linalg.norm(points, axis=1)[:, None]
    scale = 1.0 + spacing * np.arange(_LAYERS + 1) / np.maximum(distance, spacing)
    return points[:, None] * scale[:, :, None]


def fill(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    config: ReconstructionConfig,
) -> NDArray[np.float64]:
    """Points [K, 3] on and in the part of a closed mesh that lies in a box (lower, upper)."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    count = int(np.ceil(_SAMPLES * mesh.area / config.obstacle_spacing**2))
    count = min(count, config.max_voxels)
    surface, _ = trimesh.sample.sample_surface(mesh, count, seed=config.random_seed)
    surface = np.asarray(surface)
    surface = surface[((surface > box[0]) & (surface < box[1])).all(axis=1)]
    lower = np.maximum(vertices.min(axis=0), box[0])
    size = np.minimum(vertices.max(axis=0), box[1]) - lower
    if (size <= 0.0).any():
        return surface
    spacing = max(_FILL * config.obstacle_spacing, float(np.cbrt(size.prod() / config.max_voxels)))
    axes = [a + np.arange(0.0, s, spacing) for a, s in zip(lower, size, strict=True)]
    nodes = np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, 3)
    return np.concatenate(
        [thin(surface, config.obstacle_spacing), nodes[_is_inside(vertices, faces, nodes)]]
    )


def _is_inside(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], points: NDArray[np.float64]
) -> NDArray[np.bool_]:
    o3d = import_open3d()
    scene = o3d.t.geometry.RaycastingScene(nthreads=2)
    scene.add_triangles(
        o3d.core.Tensor(vertices.astype(np.float32)), o3d.core.Tensor(faces.astype(np.uint32))
    )
    return scene.compute_occupancy(o3d.core.Tensor(points.astype(np.float32))).numpy() > 0.5


def thin(points: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """One of the points [M, 3] for each cubic cell of edge `spacing`, in stable order."""
    return points[_first_of_each_cell(points, spacing)]


def _first_of_each_cell(
    points: NDArray[np.float64], spacing: float, labels: NDArray[np.int32] | None = None
) -> NDArray[np.int64]:
    """Rows of the first point of each label in each cubic cell, ascending."""
    if not len(points):
        return np.empty(0, np.int64)
    cells = np.floor((points - points.min(axis=0)) / spacing).astype(np.int64)
    size = cells.max(axis=0) + 1
    key = (cells[:, 0] * size[1] + cells[:, 1]) * size[2] + cells[:, 2]
    if labels is not None:
        key += np.unique(labels, return_inverse=True)[1] * size.prod()
    return np.sort(np.unique(key, return_index=True)[1])


def _is_near(
    points: NDArray[np.float64], found: ObservedObject, config: ReconstructionConfig
) -> NDArray[np.bool_]:
    """Which points [M] lie within `obstacle_range` of the box around an object's own points."""
    lower, upper = found.points.min(axis=0), found.points.max(axis=0)
    outside = np.maximum(np.maximum(lower - points, points - upper), 0.0)
    return (outside**2).sum(axis=1) < config.obstacle_range**2
