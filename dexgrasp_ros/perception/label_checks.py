"""Signs that a label is not what it says, on the table or without depth, and of bad company."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.errors import PerceptionError
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.hidden import HiddenSide
from dexgrasp_ros.perception.scene import thin
from dexgrasp_ros.perception.view import DepthWindow

_MAX_ON_PLANE = 0.2  # share of points that the foot of an object may have on its support plane
_ON_PLANE = 0.5  # of `plane_distance`: nearer ones are left out, so that flat parts stay
_MAX_MISSING = 0.3  # share of pixels that edges and noise may leave without depth
_TOUCHING = 0.005  # m; neither depth nor a finger tells such a gap
_TOUCHING_CELLS = 10  # cells of `_TOUCHING` edge that must do so, so that no stray point does
_BARELY_SEEN = 0.4  # share of an outline; a finger before it, or noise, hides less
_NEAR = 0.2  # m that a hand about an object reaches beyond it
_LEAST_COVERED = 0.5  # of the longest extent of the points, that a mesh of them has


def label_warnings(
    whole: DepthWindow,
    label: int,
    points: NDArray[np.float64],
    plane: NDArray[np.float64] | None,
    config: ReconstructionConfig,
) -> list[str]:
    """Warn of what makes a label doubtful.

    Parameters
    ----------
    whole
        The whole frame.
    label
        Which object.
    points
        Its cleaned points, [M, 3] m.
    plane
        Its support plane [4], or None.
    config
        Of which `plane_distance` acts here.
    """
    return [
        *_border_warnings(whole, label),
        *_missing_warnings(whole, label),
        *_plane_warnings(points, plane, config),
        *_neighbour_warnings(whole, label, points),
    ]


def hidden_warnings(sides: Sequence[HiddenSide], found: ObservedObject) -> list[str]:
    """Warn of things near an object that are hardly seen."""
    lower, upper = found.points.min(axis=0), found.points.max(axis=0)
    result = []
    for side in sides:
        outside = np.maximum(lower - side.points, side.points - upper).max(axis=1)
        near = outside.min(initial=np.inf) < _NEAR
        if near and side.label != found.label and side.hidden_share > _BARELY_SEEN:
            what = f'What has label {side.label}' if side.label else 'Something without a label'
            result.append(
                f'{what} is barely seen beside it: {100 * side.hidden_share:.0f} % of its outline'
                ' is hidden behind something nearer. Where it may be counts as taken.'
            )
    return result


def without_table(
    window: DepthWindow,
    mask: NDArray[np.bool_],
    plane: NDArray[np.float64] | None,
    config: ReconstructionConfig,
) -> NDArray[np.bool_]:
    """Leave out the pixels of a mask that show the support plane, if they are many.

    An object has few points in its plane: where there are many, the label covers the table too,
    and what is guessed from its outline would be as wide as the label. What stands above goes
    down to the plane in any case. Where nothing stands above, the object is flat and all stay.
    """
    if plane is None:
        return mask
    points = window.back_project(mask)
    above = points @ plane[:3] + plane[3] > _ON_PLANE * config.plane_distance
    if above.mean() >= 1.0 - _MAX_ON_PLANE or above.sum() < config.min_points:
        return mask
    result = mask.copy()
    result[mask] = above
    return result


def check_extent(
    vertices: NDArray[np.float64],
    points: NDArray[np.float64],
    plane: NDArray[np.float64] | None,
    config: ReconstructionConfig,
) -> None:
    """Refuse a mesh [V, 3] that is a splinter of the points [M, 3] it was made of.

    Points on the plane do not count; see `label_warnings` for its arguments.

    Raises
    ------
    PerceptionError
        RECONSTRUCTION_FAILED.
    """
    if plane is not None:
        points = points[points @ plane[:3] + plane[3] > config.plane_distance]
    if len(points) < config.min_points:
        return
    low, high = np.percentile(points, [2.0, 98.0], axis=0)
    seen, made = float((high - low).max()), float(np.ptp(vertices, axis=0).max())
    if made < _LEAST_COVERED * seen:
        raise PerceptionError(
            f'The mesh is {100 * made:.1f} cm long, the points are {100 * seen:.1f} cm; too few'
            ' of them lie side by side. Glass and gloss give such depth.'
        )


def _border_warnings(whole: DepthWindow, label: int) -> list[str]:
    own = whole.labels == label
    if own[0].any() or own[-1].any() or own[:, 0].any() or own[:, -1].any():
        return ['The object touches the border of the image; what lies beyond is not known.']
    return []


def _missing_warnings(whole: DepthWindow, label: int) -> list[str]:
    own = whole.labels == label
    share = float(np.mean(~np.isfinite(whole.depth[own])))
    if share <= _MAX_MISSING:
        return []
    return [
        f'{100 * share:.0f} % of the pixels of the label have no depth (glass, gloss, or out of'
        ' range); the surface there is a guess.'
    ]


def _plane_warnings(
    points: NDArray[np.float64],
    plane: NDArray[np.float64] | None,
    config: ReconstructionConfig,
) -> list[str]:
    if plane is None:
        return []
    share = float(np.mean(points @ plane[:3] + plane[3] < config.plane_distance))
    if share <= _MAX_ON_PLANE:
        return []
    return [
        f'{100 * share:.0f} % of the points lie on the support plane; the label covers the table'
        ' too, the object is that flat, or the camera saw through it.'
    ]


def _neighbour_warnings(whole: DepthWindow, label: int, points: NDArray[np.float64]) -> list[str]:
    others = np.isfinite(whole.depth) & (whole.labels != label) & (whole.labels != 0)
    numbers, neighbours = whole.labels[others], whole.back_project(others)
    low, high = points.min(axis=0) - _TOUCHING, points.max(axis=0) + _TOUCHING
    near = ((neighbours > low) & (neighbours < high)).all(axis=1)
    numbers, neighbours = numbers[near], neighbours[near]
    tree, touching = cKDTree(points), []
    for number in np.unique(numbers):
        cells = thin(neighbours[numbers == number], _TOUCHING)
        distance, _ = tree.query(cells, distance_upper_bound=_TOUCHING)
        if np.isfinite(distance).sum() >= _TOUCHING_CELLS:
            touching.append(int(number))
    if not touching:
        return []
    return [
        f'It touches what has label {", ".join(map(str, touching))}; the surface between them was'
        ' not seen.'
    ]
