"""Predicted grasps as the starts of a search, for an object that is known all around."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.object_model import ObjectModel
from dexgrasp_ros.core.poses import compose
from dexgrasp_ros.learning.hand_tokens import describe_hand
from dexgrasp_ros.learning.predictor import SHIPPED, GraspPredictor, load_predictor
from dexgrasp_ros.learning.seen import REACH, see_object
from dexgrasp_ros.synthesis.seeds import SeedSource

_VIEWS = 4  # cameras about the object: the model knows objects from one side only
_DISTANCE, _HEIGHT = 0.6, 0.7  # m, and rad above the horizon
_SPACING = 0.02  # m, of points that stand for the table
_BLOCK = 256  # grasps predicted at a time
_FACING = 0.2  # cosine of the angle to a camera at which a surface is still seen


def learned_seeds(folder: Path = SHIPPED) -> SeedSource:
    """Return what `synthesize` takes for `seed_source` 'learned' and 'both'.

    Parameters
    ----------
    folder
        Of the model; default: the one that comes with the package.

    Raises
    ------
    InputError
        As from `load_predictor`; from the seeds HandError UNSUPPORTED_HAND.
    """
    return functools.partial(_seeds, _loaded(folder))


@functools.lru_cache(maxsize=4)
def _loaded(folder: Path) -> GraspPredictor:
    """Load a model once; nothing in it changes."""
    return load_predictor(folder)


def _seeds(
    predictor: GraspPredictor, hand: HandModel, obj: ObjectModel, count: int, random_seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Palm poses [count, 7] and joints [count, J] of grasps predicted for cameras all around."""
    tokens, around = describe_hand(hand), _around(obj)
    views = min(_VIEWS, count)
    parts = []
    for number in range(views):
        share = count // views + (number < count % views)
        rng = np.random.default_rng([random_seed, number])
        camera, points, up = _side(obj, number)
        seen = see_object(points, around, obj.support_plane, up=up, camera=camera, rng=rng)
        for first in range(0, share, _BLOCK):
            seed = int(rng.integers(2**31))
            some = min(_BLOCK, share - first)
            found = predictor.predict(tokens, seen, some, random_seed=seed)
            parts.append((compose(found.base_pose, hand.palm_pose), found.grasp))
    return np.concatenate([p for p, _ in parts]), np.concatenate([q for _, q in parts])


def _around(obj: ObjectModel) -> NDArray[np.float64]:
    """Points [A, 3] of the table, as views of the training have them; obstacles are unknown."""
    if obj.support_plane is None:
        return np.empty((0, 3))
    normal, offset = np.asarray(obj.support_plane[:3]), obj.support_plane[3]
    surface = obj.surface_points.astype(np.float64)
    low, high = surface.min(axis=0) - REACH, surface.max(axis=0) + REACH
    lines = [np.arange(a, b, _SPACING) for a, b in zip(low, high, strict=True)]
    corners = np.stack(np.meshgrid(*lines), axis=-1).reshape(-1, 3)
    height = corners @ normal + offset
    on_table = corners[np.abs(height) <= 0.5 * _SPACING]
    on_table -= (on_table @ normal + offset)[:, None] * normal
    return on_table


def _side(
    obj: ObjectModel, number: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Place of a camera [3], the points [M, 3] of the surface that face it, and what is up [3]."""
    plane = obj.support_plane
    up = np.array([0.0, 0.0, 1.0]) if plane is None else np.asarray(plane[:3])
    x = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    x /= np.linalg.norm(x)
    turn = 2.0 * np.pi * number / _VIEWS
    level = np.cos(turn) * x + np.sin(turn) * np.cross(up, x)
    way = np.cos(_HEIGHT) * level + np.sin(_HEIGHT) * up
    surface = obj.surface_points.astype(np.float64)
    camera = surface.mean(axis=0) + _DISTANCE * way
    to_camera = camera - surface
    to_camera /= np.linalg.norm(to_camera, axis=1, keepdims=True)
    faces = (to_camera * obj.surface_normals).sum(axis=1) > _FACING
    return camera, surface[faces], up
