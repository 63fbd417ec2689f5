"""Edges of thin and wide things, which a hand reaches past from outside and pinches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.object import sample_distance

_RADIUS = 0.015  # m of the neighbourhood that tells an edge
_THIN = 0.02  # m below the surface is the outside again …
_OUTSIDE = 0.001  # m … clearly: beside an edge of a block the way down runs along its side
_THIN_SHARE = 0.5  # of the surface is thin: what has but a lip or a stalk is held elsewhere
_EDGE_SHARE = 0.1  # of the surface at most: of dominoes and rulers an edge is always near
# The mean of half a disc is 0.42 of its radius away from the middle of the cut.
_ASIDE = 0.25  # of the radius: so far from the middle of its neighbours is a point at an edge
# Points that are looked at, the first ones: farthest-point thinning spreads them evenly.
_MOST = 2048


@dataclass(frozen=True, kw_only=True)
class Edges:
    """K of an object's surface points that lie at an edge of something thin and wide."""

    points: NDArray[np.int64]  # [K] indices of surface points
    outward: NDArray[np.float64]  # [K, 3] unit, along the surface and past the edge


def find_edges(obj: ObjectModel) -> Edges:
    """Surface points of a thin and wide object whose neighbours lie, along it, on one side.

    None of a block, where the outside is not straight below, and none of what is small.
    """
    points = obj.surface_points[:_MOST].astype(np.float64)
    normals = obj.surface_normals[:_MOST].astype(np.float64)
    thin = sample_distance(obj.distance, points - _THIN * normals)[0] > _OUTSIDE
    pairs = cKDTree(points).query_pairs(_RADIUS, output_type='ndarray')
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    count = np.bincount(ends[:, 0], minlength=len(points))
    total = [np.bincount(ends[:, 0], axis[ends[:, 1]], len(points)) for axis in points.T]
    middle = np.stack(total, axis=1) / np.maximum(count, 1)[:, None]
    away = np.where(count[:, None] > 0, points - middle, 0.0)
    away -= (away * normals).sum(axis=1, keepdims=True) * normals
    length = np.linalg.norm(away, axis=1)
    edge = np.flatnonzero(thin & (length > _ASIDE * _RADIUS))
    if thin.mean() < _THIN_SHARE or len(edge) > _EDGE_SHARE * len(points):
        edge = edge[:0]
    return Edges(points=edge, outward=away[edge] / length[edge, None])
