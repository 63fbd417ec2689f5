"""Where the hand is and how far from the object, without anything of the search."""

from __future__ import annotations

import numpy as np

from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.core.poses import transform_points
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
