"""Jaws of grippers in pieces, so that a face that lies on an object makes several contacts."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import QhullError

from dexgrasp_ros.core.hand_model import ConvexMesh, GeometryType
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.hand.anatomy import Anatomy
from dexgrasp_ros.hand.polytope import cut_box
from dexgrasp_ros.hand.shapes import CollisionShapes

# A group makes one contact. Two fingers with a contact each let an object turn about the line
# between them; two halves of a jaw hold it as the whole face does. 2 cm is the width of a jaw.
_LENGTH = 0.02  # m of a piece, about; what is shorter than three quarters of it is left whole
_MOST = 4  # pieces along one side
_PIECES = 12  # of a finger, at most: each is a group in every iteration of a search


def divide_jaws(shapes: CollisionShapes, anatomy: Anatomy) -> CollisionShapes:
    """Cut the last bodies of a hand of two fingers into pieces of about 2 cm.

    Boxes and convex pieces are cut across their long sides; together the pieces are what they were
    cut from. Other hands have enough groups, and other shapes no flat faces.
    """
    if len(np.unique(anatomy.fingers[anatomy.fingers >= 0])) != 2:
        return shapes
    bodies = anatomy.bodies[shapes.geometry_links]
    counts = np.ones((len(bodies), 3), dtype=np.int64)
    for tip in anatomy.tips:
        own = np.flatnonzero(bodies == tip)
        counts[own] = _counts(shapes, own)
    if (counts == 1).all():
        return shapes
    return _assembled(shapes, counts)


def _counts(shapes: CollisionShapes, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pieces along x, y, z [M, 3] of a finger's geometries; what is longest is cut first."""
    flat = np.isin(shapes.geometry_types[groups], (GeometryType.BOX, GeometryType.CONVEX))
    extent = 2.0 * shapes.geometry_sizes[groups] * flat[:, None]
    counts = np.ones(extent.shape, dtype=np.int64)
    while True:
        length = extent / counts
        length[(counts >= _MOST) | (length < 0.75 * _LENGTH)] = 0.0
        group, axis = np.unravel_index(length.argmax(), length.shape)
        more = counts.copy()
        more[group, axis] += 1
        if length[group, axis] == 0.0 or more.prod(axis=1).sum() > _PIECES:
            return counts
        counts = more


def _assembled(shapes: CollisionShapes, counts: NDArray[np.int64]) -> CollisionShapes:
    """Shapes with each geometry in so many pieces along its axes [G, 3]."""
    index, poses, sizes, planes, meshes, names = [], [], [], [], [], []
    for group, count in enumerate(counts):
        for center, size, around, mesh in _pieces(shapes, group, count):
            pose = shapes.geometry_poses[group].copy()
            pose[:3] = transform_points(pose, center)
            index.append(group)
            poses.append(pose)
            sizes.append(size)
            planes.append(around)
            meshes.append(mesh)
            names.append(shapes.group_names[group])  # what names it means all of them
    return dataclasses.replace(
        shapes,
        geometry_links=shapes.geometry_links[index],
        geometry_types=shapes.geometry_types[index],
        geometry_poses=np.array(poses),
        geometry_sizes=np.array(sizes),
        geometry_planes=np.cumsum([0, *map(len, planes)]).astype(np.int32),
        planes=np.concatenate(planes),
        geometry_meshes=tuple(meshes),
        group_names=tuple(names),
    )


def _pieces(
    shapes: CollisionShapes, group: int, count: NDArray[np.int64]
) -> list[tuple[NDArray, NDArray, NDArray, ConvexMesh | None]]:
    """Centre [3] in the geometry, size [3], planes [Q, 4] and triangles of each piece."""
    size, planes = shapes.geometry_sizes[group], shapes.group_planes(group)
    if (count == 1).all():
        return [(np.zeros(3), size, planes, shapes.geometry_meshes[group])]
    half = size / count
    centers = [
        (2 * np.array(place) + 1 - count) * half for place in itertools.product(*map(range, count))
    ]
    if shapes.geometry_types[group] == GeometryType.BOX:
        return [(center, half, planes, None) for center in centers]
    found = []
    for center in centers:
        try:
            shape = cut_box(planes, center - half, center + half)
        except QhullError:  # nothing of it lies there
            continue
        low, high = shape.vertices.min(axis=0), shape.vertices.max(axis=0)
        middle = 0.5 * (low + high)
        moved = shape.planes.copy()
        moved[:, 3] -= moved[:, :3] @ middle
        mesh = ConvexMesh(vertices=shape.vertices - middle, faces=shape.faces)
        found.append((middle, 0.5 * (high - low), moved, mesh))
    return found
