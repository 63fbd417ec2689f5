"""Where a partly hidden thing may reach: space that the camera has not seen.

Of what stands behind something else the camera sees a part, and whatever completes that part knows
little of the rest. But most things are nearly convex: a place belongs to one only if the whole way
from it to each seen point of the thing does, and then none of that way was seen to be empty. A
place that passes this test, lies in the shadow of something else, not far from where the thing is
cut off and no higher than its seen part, may belong to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.points import count_neighbours
from dexgrasp_ros.perception.unlabelled import LEAST_PIXELS, number_unlabelled
from dexgrasp_ros.perception.view import DepthWindow

# Pixels along an edge where a sensor fails: what hides an outline is sought so far from it.
_RIM = 4
_LEAST_CUT = 5  # pixels of an outline, so that no stray one does
_MIN_NEIGHBOURS = 3  # of the 24 around a pixel; fewer and it is flying, as in scene.py
# Seen points that ways are drawn to, and steps of each. Twice as many change nothing.
_WITNESSES, _STEPS = 32, 8
# Noise and mixed edges: a place is seen to be empty where depth is so far behind it [m].
_FREE = 0.01
# Share of the ways that may be free, since things are nearly convex only.
_MAX_FREE = 0.1
_SHADOW = 0.003  # m behind a measurement from which on a place is in its shadow
_TOP = 99.0  # percentile of the heights that counts as the top, against flying pixels
_FILL = 1.5  # `obstacle_spacing` between points of filled space, as in scene.py


@dataclass(frozen=True, kw_only=True)
class HiddenSide:
    """The space that a partly hidden thing may take, as far as no ray saw it."""

    label: int  # 0 for what has none
    points: NDArray[np.float64]  # [K, 3] m, camera's frame
    hidden_share: float  # of the thing's outline in the image: behind something nearer


def hidden_sides(
    window: DepthWindow,
    labels: Sequence[int],
    level: NDArray[np.float64],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    config: ReconstructionConfig,
) -> list[HiddenSide]:
    """Find where labelled things, and those without a label, may reach unseen.

    Parameters
    ----------
    window
        The whole frame.
    labels
        Of the things.
    level
        Support plane [4]; what lies under it is left out.
    box
        Lower and upper corner [3] of the space that matters, camera's frame.
    config
        Of which `hidden_reach`, `obstacle_spacing`, `max_voxels`, `edge_step`, `cluster_gap` and
        `plane_distance` act here.
    """
    if config.hidden_reach <= 0.0:
        return []
    valid = np.isfinite(window.depth)
    depth = np.where(valid, window.depth, np.inf)
    numbered, things = number_unlabelled(window, level, box, config)
    images = _Images(
        labels=numbered,
        free=np.where(valid, ndimage.minimum_filter(depth, size=3), -np.inf),
        shade=np.where(valid, depth, ndimage.minimum_filter(depth, size=2 * _RIM + 1)),
    )

    def run(number: int) -> HiddenSide | None:
        side = _hidden_side(window, images, number, level, box, config)
        return side if side is None or number in labels else replace(side, label=0)

    with ThreadPoolExecutor(config.threads) as pool:
        return [side for side in pool.map(run, [*labels, *things]) if side is not None]


@dataclass(frozen=True, kw_only=True)
class _Images:
    """What is looked up at the pixels of places, each [H, W]."""

    labels: NDArray[np.int32]  # things that have none are numbered as well
    free: NDArray[np.float32]  # m; what is nearer was seen to be empty; -inf: not known
    shade: NDArray[np.float32]  # m; what is farther is hidden; inf: not known


def _hidden_side(
    window: DepthWindow,
    images: _Images,
    label: int,
    level: NDArray[np.float64],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    config: ReconstructionConfig,
) -> HiddenSide | None:
    """Hidden side of one thing, or None where nothing of it is hidden by something else."""
    seen, cuts, share = _outline(replace(window, labels=images.labels), label, config)
    if len(seen) < LEAST_PIXELS or len(cuts) < _LEAST_CUT:
        return None
    places = _places(cuts, np.percentile(_height(seen, level), _TOP), level, box, config)
    hidden = _look(window, images.shade, places, np.inf) < places[:, 2] - _SHADOW
    # What hides itself is for its completion to guess.
    hidden &= _look(window, images.labels, places, 0) != label
    places = places[hidden]
    distance, _ = cKDTree(cuts).query(places, distance_upper_bound=config.hidden_reach)
    places = places[np.isfinite(distance)]
    rng = np.random.default_rng(config.random_seed)
    witnesses = seen[rng.choice(len(seen), min(_WITNESSES, len(seen)), replace=False)]
    return HiddenSide(
        label=label,
        points=_without_free_ways(window, images.free, places, witnesses),
        hidden_share=share,
    )


def _outline(
    window: DepthWindow, label: int, config: ReconstructionConfig
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Points of a thing, those where its outline is cut off, and the share that these have."""
    if not (window.labels == label).any():
        return np.empty((0, 3)), np.empty((0, 3)), 0.0
    window = window.crop(window.labels == label, 0.0)
    valid, claimed = np.isfinite(window.depth), window.labels == label
    own = valid & claimed
    own &= count_neighbours(window.depth, own, config.edge_step) >= _MIN_NEIGHBOURS
    other = np.where(valid & ~claimed, window.depth, np.inf)
    nearest = ndimage.minimum_filter(other, size=2 * _RIM + 1)
    outline = own & ~ndimage.binary_erosion(own)
    cut = outline & (nearest < window.depth - config.edge_step)
    share = cut.sum() / max(outline.sum(), 1)
    return window.back_project(own), window.back_project(cut), float(share)


def _places(
    cuts: NDArray[np.float64],
    top: float,
    level: NDArray[np.float64],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    config: ReconstructionConfig,
) -> NDArray[np.float64]:
    """Grid [K, 3] around where a thing is cut off, between the support plane and its top."""
    lower = np.maximum(cuts.min(axis=0) - config.hidden_reach, box[0])
    size = np.minimum(cuts.max(axis=0) + config.hidden_reach, box[1]) - lower
    if (size <= 0.0).any():
        return np.empty((0, 3))
    spacing = max(_FILL * config.obstacle_spacing, float(np.cbrt(size.prod() / config.max_voxels)))
    # Multiples of the spacing, so that places that several things may take are the same points.
    lower = spacing * np.ceil(lower / spacing)
    axes = [a + np.arange(0.0, s, spacing) for a, s in zip(lower, size, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, 3)
    height = _height(places, level)
    return places[(height > 0.0) & (height < top)]


def _without_free_ways(
    window: DepthWindow,
    free: NDArray[np.float32],
    places: NDArray[np.float64],
    witnesses: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Places from which hardly any of the ways to the witnesses was seen to be free."""
    allowed = int(_MAX_FREE * len(witnesses))
    steps = (np.arange(_STEPS) + 0.5)[:, None, None] / _STEPS
    count = np.zeros(len(places), int)
    for witness in witnesses:
        way = (places + steps * (witness - places)).reshape(-1, 3)
        open_ = _look(window, free, way, -np.inf) > way[:, 2] + _FREE
        count += open_.reshape(_STEPS, -1).any(axis=0)
        places, count = places[count <= allowed], count[count <= allowed]
    return places


def _height(points: NDArray[np.float64], plane: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ plane[:3] + plane[3]


def _look(
    window: DepthWindow, image: NDArray, points: NDArray[np.float64], beside: float
) -> NDArray:
    """Values [M] of an image at the pixels of points [M, 3]; `beside` outside of it."""
    pixels, z = window.project(points)
    u, v = np.rint(pixels).astype(np.int32).T
    height, width = image.shape
    inside = (z > 0.0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    result = np.full(len(points), beside, image.dtype)
    result[inside] = image[v[inside], u[inside]]
    return result
