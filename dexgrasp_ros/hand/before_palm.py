"""Which links come before the palm: a forearm, a wrist, a flange, and what hangs on these."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.kinematics import tree_matrices
from dexgrasp_ros.hand.points import HandSurface
from dexgrasp_ros.hand.shapes import CollisionShapes
from dexgrasp_ros.hand.tree import KinematicTree


def before_palm(
    tree: KinematicTree,
    shapes: CollisionShapes,
    anatomy: Anatomy,
    surface: HandSurface,
    palm_pose: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """[L] links that are neither the palm's nor carried by it.

    Joints that move, or could if they were not locked, end the palm: all before them is before
    it. Links that fixed joints join are one body, and the palm may be all of it, or the last of
    it, behind a flange. It begins with the last link that has geometry, itself or on what it
    carries, and carries all fingers; or higher up, where the face that grasps is: about the origin
    of `palm_pose` [7] in the root link.
    """
    ends = [int(np.flatnonzero(anatomy.bodies == tip)[0]) for tip in anatomy.tips]
    own = np.isin(shapes.geometry_links, np.flatnonzero(anatomy.bodies == anatomy.palm))
    if not ends or not own.any():
        return np.zeros(len(tree.link_names), dtype=bool)
    palm_links = np.unique(shapes.geometry_links[own])
    face = _nearest_link(tree, shapes, surface, palm_pose[:3], own)
    for link in _chain(tree, ends[0]):
        carried = _carried(tree, link)
        if carried[ends].all() and carried[palm_links].any() and carried[face]:
            return ~carried
    return np.zeros(len(tree.link_names), dtype=bool)


def _chain(tree: KinematicTree, link: int) -> list[int]:
    """List the link and all above it, to the root."""
    chain = [link]
    while tree.link_parents[chain[-1]] >= 0:
        chain.append(int(tree.link_parents[chain[-1]]))
    return chain


def _carried(tree: KinematicTree, link: int) -> NDArray[np.bool_]:
    """[L] the link and all that hang on it."""
    carried = np.zeros(len(tree.link_names), dtype=bool)
    carried[link] = True
    for other in range(link + 1, len(carried)):  # parents come first
        carried[other] = carried[tree.link_parents[other]]
    return carried


def _nearest_link(
    tree: KinematicTree,
    shapes: CollisionShapes,
    surface: HandSurface,
    place: NDArray[np.float64],
    groups: NDArray[np.bool_],
) -> int:
    """Link of the surface point, of these groups [G], that is nearest to a place in the root."""
    zero = tree_matrices(tree, np.zeros((1, len(tree.joint_names))))[0]
    points = np.flatnonzero(groups[surface.point_groups])
    links = shapes.geometry_links[surface.point_groups[points]]
    at = np.einsum('pij,pj->pi', zero[links][:, :3, :3], surface.points[points])
    at += zero[links][:, :3, 3]
    return int(links[np.linalg.norm(at - place, axis=1).argmin()])
