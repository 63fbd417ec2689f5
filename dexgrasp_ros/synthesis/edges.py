"""Edges and ends of thin things, which a hand reaches past from outside and pinches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.object import sample_distance

_RADIUS = 0.015  # m of the neighbourhood that tells an edge
_THIN = 0.02  # m below the surface is the outside again …
_OUTSIDE = 0.001  # … clearly: beside an edge of a block a way down runs along its side
# The mean of half a disc is 0.42 of its radius away from the middle of the cut.
_ASIDE = 0.25  # of the radius: so far from the middle of its neighbours is a point at an edge
# Points that are looked at, the first ones: farthest-point thinning spreads them evenly.
_MOST = 2048


@dataclass(frozen=True, kw_only=True)
class Edges:
    """K of an object's surface points that lie at an edge or an end of something thin."""

    points: NDArray[np.int64]  # [K] indices of surface points
    outward: NDArray[np.float64]  # [K, 3] unit, along the surface and past the edge


def find_edges(obj: ObjectModel) -> Edges:
    """Surface points of thin parts whose neighbours lie, along the surface, on one side of them.

    Edges of a block are none: what is straight below them is not the outside.
    """
    points = obj.surface_points[:_MOST].astype(np.float64)
    normals = obj.surface_normals[:_MOST].astype(np.float64)
    thin = np.flatnonzero(sample_distance(obj.distance, points - _THIN * normals)[0] > _OUTSIDE)
    if not len(thin):
        return Edges(points=thin, outward=np.empty((0, 3)))
    pairs = cKDTree(points).query_pairs(_RADIUS, output_type='ndarray')
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    count = np.bincount(ends[:, 0], minlength=len(points))
    total = [np.bincount(ends[:, 0], axis[ends[:, 1]], len(points)) for axis in points.T]
    middle = np.stack(total, axis=1) / np.maximum(count, 1)[:, None]
    away = np.where(count[:, None] > 0, points - middle, 0.0)
    away -= (away * normals).sum(axis=1, keepdims=True) * normals
    length = np.linalg.norm(away, axis=1)
    edge = thin[length[thin] > _ASIDE * _RADIUS]
    return Edges(points=edge, outward=away[edge] / length[edge, None])
