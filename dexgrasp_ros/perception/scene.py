"""What stands around an object: points that a hand must not touch.

A camera sees the front of things only, and a thin sheet of points would not keep a hand out of
what lies behind it. So each measured point stands for a thickness behind it as well, and the
neighbours that were completed to meshes are filled with points.
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
    config: ReconstructionConfig,
) -> tuple[ObservedObject, ...]:
    """Objects with what stands around each of them as its obstacles.

    These are the points of the scene near the object that are neither it nor its support plane,
    each with two more behind it on its ray, and the bodies of all other completed objects. What
    lies under the plane is left out: the plane itself stands for it. One point is kept for each
    cell of `obstacle_spacing`.

    Parameters
    ----------
    objects
        What is to be grasped.
    others
        Further completed objects, which only stand in the way.
    scene
        What the frame shows.
    config
        Of which `obstacle_range`, `obstacle_spacing` and `plane_distance` act here.
    """
    bodies = {o.label: fill(o.vertices, o.faces, config) for o in [*objects, *others]}
    thick = _thicken(scene.points[~np.isin(scene.labels, list(bodies))], config.obstacle_spacing)
    return tuple(replace(o, obstacles=_around(o, bodies, thick, scene, config)) for o in objects)


def add_bodies(
    objects: Sequence[ObservedObject], config: ReconstructionConfig
) -> tuple[ObservedObject, ...]:
    """Objects with the bodies of the others among their obstacles, thinned together.

    For objects whose measured surroundings are known to be complete but for that.
    """
    bodies = {o.label: fill(o.vertices, o.faces, config) for o in objects}
    nothing = ScenePoints(points=np.empty((0, 3)), labels=np.empty(0, np.int32))
    empty = np.empty((0, _LAYERS + 1, 3))
    return tuple(
        replace(
            o,
            obstacles=thin(
                np.concatenate([o.obstacles, _around(o, bodies, empty, nothing, config)]),
                config.obstacle_spacing,
            ),
        )
        for o in objects
    )


def _around(
    found: ObservedObject,
    bodies: Mapping[int, NDArray[np.float64]],
    thick: NDArray[np.float64],
    scene: ScenePoints,
    config: ReconstructionConfig,
) -> NDArray[np.float64]:
    """Points [K, 3] of what stands around one object."""

    def above(points: NDArray[np.float64], least: float) -> NDArray[np.bool_]:
        plane = found.support_plane
        return (
            np.ones(len(points), bool) if plane is None else points @ plane[:3] + plane[3] > least
        )

    # The measured points of a completed neighbour stay: they are right where its mesh is not.
    completed = np.isin(scene.labels, [k for k in bodies if k != found.label])
    seen = scene.points[completed]
    thick = thick[above(thick[:, 0], 1.5 * config.plane_distance)]
    hidden = np.concatenate(
        [thick.reshape(-1, 3), *(p for k, p in bodies.items() if k != found.label)]
    )
    points = np.concatenate(
        [seen[above(seen, 1.5 * config.plane_distance)], hidden[above(hidden, 0.0)]]
    )
    return thin(points[_is_near(points, found.points, config)], config.obstacle_spacing)


def _thicken(points: NDArray[np.float64], spacing: float) -> NDArray[np.float64]:
    """Each point [M, 3] and those behind it on its ray, [M, layers, 3]."""
    distance = np.linalg.norm(points, axis=1)[:, None]
    scale = 1.0 + spacing * np.arange(_LAYERS + 1) / np.maximum(distance, spacing)
    return points[:, None] * scale[:, :, None]


def fill(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], config: ReconstructionConfig
) -> NDArray[np.float64]:
    """Points [K, 3] on and in a closed mesh."""
    o3d = import_open3d()
    spacing = config.obstacle_spacing
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    count = int(np.ceil(_SAMPLES * mesh.area / spacing**2))
    surface, _ = trimesh.sample.sample_surface(mesh, count, seed=config.random_seed)
    lower, upper = vertices.min(axis=0), vertices.max(axis=0)
    axes = [np.arange(a, b, _FILL * spacing) for a, b in zip(lower, upper, strict=True)]
    nodes = np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, 3)
    scene = o3d.t.geometry.RaycastingScene(nthreads=2)
    scene.add_triangles(
        o3d.core.Tensor(vertices.astype(np.float32)), o3d.core.Tensor(faces.astype(np.uint32))
    )
    inside = scene.compute_occupancy(o3d.core.Tensor(nodes.astype(np.float32))).numpy() > 0.5
    return np.concatenate([thin(np.asarray(surface), spacing), nodes[inside]])


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
    points: NDArray[np.float64], own: NDArray[np.float64], config: ReconstructionConfig
) -> NDArray[np.bool_]:
    """Which points [M] lie within `obstacle_range` of the box around an object's own."""
    lower, upper = own.min(axis=0), own.max(axis=0)
    outside = np.maximum(np.maximum(lower - points, points - upper), 0.0)
    return (outside**2).sum(axis=1) < config.obstacle_range**2
