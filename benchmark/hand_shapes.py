"""Hands with somebody else's collision geometry: grown, or a box or a capsule for each link.

Their geometries collide with objects, but not with each other: fingers that lie side by side at a
grasp would overlap by twice what they are grown by, and push each other off.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import GeometryType, HandModel
from dexgrasp_ros.core.poses import invert, matrix_to_pose, transform_points
from dexgrasp_ros.hand.geometry import primitive_mesh
from dexgrasp_ros.hand.groups import group_distance

_SPECK = 1e-4  # m, what is left of a link's other geometries, inside of its one; a short axis
# m. Boxes around a palm or a bent phalanx that stick out farther are nobody's model of it.
_FARTHEST = 0.012
_NO_PAIRS = np.empty((0, 2), dtype=np.int32)

Shape = tuple[int, NDArray[np.float64], NDArray[np.float64]]  # type, pose in the link, size


def grow(hand: HandModel, by: float) -> HandModel:
    """Move every face of a hand of primitives outward by so much [m]."""
    sizes = hand.geometry_sizes.copy()
    for g, kind in enumerate(hand.geometry_types):
        # The axis of a capsule stays as long; a sphere has a radius only.
        sizes[g, : {GeometryType.BOX: 3, GeometryType.CYLINDER: 2}.get(kind, 1)] += by
    return dataclasses.replace(hand, geometry_sizes=sizes, self_collision_pairs=_NO_PAIRS)


def boxes(hand: HandModel) -> HandModel:
    """Put the box around each link's geometries, along its frame, in their place.

    Where it would stick out by more than `_FARTHEST` each geometry has a box of its own.
    """
    return _replaced(hand, _box)


def capsules(hand: HandModel) -> HandModel:
    """Put capsules in the place of these boxes where they are a finger's.

    They go along the box's longest side from end to end, with the mean of the others as width.
    """
    return _replaced(hand, lambda corners, finger: _capsule(corners) if finger else _box(corners))


def _box(corners: NDArray[np.float64], _finger: bool = True) -> Shape:
    low, high = corners.min(axis=0), corners.max(axis=0)
    return GeometryType.BOX, np.array([*(low + high) / 2, 0, 0, 0, 1]), (high - low) / 2


def _capsule(corners: NDArray[np.float64]) -> Shape:
    _kind, pose, half = _box(corners)
    axis = int(half.argmax())
    turn = np.eye(4)
    turn[:3, :3] = np.roll(np.eye(3), -axis - 1, axis=1)  # z goes along the axis
    turn[:3, 3] = pose[:3]
    radius = min((half.sum() - half[axis]) / 2, half[axis])
    size = np.array([radius, max(half[axis] - radius, _SPECK), 0.0])
    return GeometryType.CAPSULE, matrix_to_pose(turn), size


def _replaced(hand: HandModel, shape: Callable[[NDArray, bool], Shape]) -> HandModel:
    kinds, poses, sizes = (
        a.copy() for a in (hand.geometry_types, hand.geometry_poses, hand.geometry_sizes)
    )
    first = np.arange(len(kinds))
    for link in np.unique(hand.geometry_links):
        own = np.flatnonzero(hand.geometry_links == link)
        if _sticks_out(hand, own) <= _FARTHEST:
            first[own] = own[0]
    for g in np.unique(first):
        own = np.flatnonzero(first == g)
        corners = np.concatenate([_corners(hand, k) for k in own])
        kind, pose, size = shape(corners, hand.group_fingers[g] >= 0)
        kinds[own], poses[own], sizes[own] = GeometryType.SPHERE, pose, [_SPECK, 0.0, 0.0]
        kinds[g], sizes[g] = kind, size
    return dataclasses.replace(
        hand,
        geometry_types=kinds,
        geometry_poses=poses,
        geometry_sizes=sizes,
        self_collision_pairs=_NO_PAIRS,
    )


def _sticks_out(hand: HandModel, groups: NDArray[np.int64]) -> float:
    """How far the box around geometries of a link is from them where it is farthest, m."""
    kind, pose, size = _box(np.concatenate([_corners(hand, g) for g in groups]))
    box = transform_points(pose, primitive_mesh(kind, size).subdivide().subdivide().vertices)
    own = [invert(hand.geometry_poses[g]) for g in groups]
    gaps = [
        group_distance(hand, g, transform_points(p, box)) for g, p in zip(groups, own, strict=True)
    ]
    return float(np.min(gaps, axis=0).max())


def _corners(hand: HandModel, group: int) -> NDArray[np.float64]:
    """Corners of a geometry in its link's frame; of what is round, many."""
    mesh = primitive_mesh(hand.geometry_types[group], hand.geometry_sizes[group])
    return transform_points(hand.geometry_poses[group], mesh.vertices)
