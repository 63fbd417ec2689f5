"""Surface points of a whole hand: by group, sorted into compact clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.poses import invert, pose_to_matrix, transform_points
from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.shapes import CollisionShapes
from dexgrasp_ros.hand.surface import bounding_sphere, compact_clusters

# 10 mm hid millimetres of penetration from the search, 5 mm did not (docs/method.md).
SPACING = 0.0046  # m
POINT_LIMIT = 12000  # large hands get a wider spacing, so that time and memory stay bounded
CLUSTER_SIZE = 24
CLUSTER_EXTENT = 0.025  # m; 24 points of a plane at that spacing span 0.02 m
# Parts above the palm, a forearm, are there to be kept clear; they need fewer points.
COARSER = 3.0
# A point counts as covered when, moved outward by this, it lies inside a neighbour on its body.
NUDGE = 2e-4  # m


@dataclass(frozen=True, kw_only=True)
class HandSurface:
    """The point fields of `HandModel`, under the same names, and the group of each point."""

    points: NDArray[np.float64]  # [P, 3]
    normals: NDArray[np.float64]  # [P, 3]
    point_groups: NDArray[np.int32]  # [P]
    cluster_points: NDArray[np.int32]  # [C + 1]
    cluster_centers: NDArray[np.float32]  # [C, 3]
    cluster_radii: NDArray[np.float32]  # [C]
    group_clusters: NDArray[np.int32]  # [G + 1]


def hand_surface(
    shapes: CollisionShapes,
    anatomy: Anatomy,
    body_frames: NDArray[np.float64],
    spacings: NDArray[np.float64],
) -> HandSurface:
    """Surface points of all groups.

    Points inside another geometry of the same body are left out, since nothing can touch them;
    a group that is covered entirely keeps the points that are covered least.

    Parameters
    ----------
    shapes
        Collision geometry.
    anatomy
        Which links are one body.
    body_frames
        [L, 4, 4] of each link in the first link of its body.
    spacings
        [G] m, from `point_spacings`.
    """
    points, normals, groups, starts = [], [], [], [0]
    centers, radii, group_clusters = [], [], [0]
    for group in range(len(shapes.geometry_links)):
        p, n = _group_points(shapes, anatomy, body_frames, group, spacings[group])
        for index in compact_clusters(p, CLUSTER_SIZE, CLUSTER_EXTENT):
            points.append(p[index])
            normals.append(n[index])
            groups.append(np.full(len(index), group, np.int32))
            starts.append(starts[-1] + len(index))
            center, radius = bounding_sphere(p[index].astype(np.float32).astype(np.float64))
            centers.append(center)
            radii.append(radius + 1e-6)  # float32 rounding of centre and points
        group_clusters.append(len(centers))
    return HandSurface(
        points=np.concatenate(points),
        normals=np.concatenate(normals),
        point_groups=np.concatenate(groups),
        cluster_points=np.array(starts, np.int32),
        cluster_centers=np.array(centers, np.float32),
        cluster_radii=np.array(radii, np.float32),
        group_clusters=np.array(group_clusters, np.int32),
    )


def point_spacings(
    shapes: CollisionShapes, anatomy: Anatomy, warnings: list[str]
) -> NDArray[np.float64]:
    """Distance between points of each group [G] m that keeps their number below the limit.

    `warnings` gets a line where it had to be widened.
    """
    touching = (anatomy.weights > 0.0) | (anatomy.fingers >= 0)
    coarse = np.where(touching[shapes.geometry_links], 1.0, COARSER)
    areas = [shapes.area(group) for group in range(len(shapes.geometry_links))]
    area = float(np.sum(areas / coarse**2))
    # A square lattice has one point for each spacing^2; edges add about a third on small boxes.
    spacing = max(SPACING, float(np.sqrt(1.3 * area / POINT_LIMIT)))
    if spacing > SPACING:
        warnings.append(
            f'the hand has {area:.2f} m^2 of surface; its points stand {1e3 * spacing:.1f} mm '
            f'apart instead of {1e3 * SPACING:.1f} mm'
        )
    return coarse * spacing


def _group_points(
    shapes: CollisionShapes,
    anatomy: Anatomy,
    body_frames: NDArray[np.float64],
    group: int,
    spacing: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Uncovered points and normals of one group, in its link's frame."""
    local, normal = shapes.surface(group, spacing)
    pose = shapes.geometry_poses[group]
    points = transform_points(pose, local)
    normals = normal @ pose_to_matrix(pose)[:3, :3].T
    link = shapes.geometry_links[group]
    frame = body_frames[link]
    lifted = (points + NUDGE * normals) @ frame[:3, :3].T + frame[:3, 3]
    cover = np.full(len(points), np.inf)
    bodies = anatomy.bodies[shapes.geometry_links]
    for other in np.flatnonzero(bodies == bodies[group]):
        if other == group:
            continue
        to_link = np.linalg.inv(body_frames[shapes.geometry_links[other]])
        there = lifted @ to_link[:3, :3].T + to_link[:3, 3]
        there = transform_points(invert(shapes.geometry_poses[other]), there)
        cover = np.minimum(cover, shapes.distance(other, there))
    keep = cover >= 0.0
    if not keep.any():
        keep = cover >= cover.max() - 1e-9
    return points[keep], normals[keep]
