"""Smooth parts of what rises above a plane: pixels up to steps of depth and inner edges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.perception.segmentation.components import find_components
from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
from dexgrasp_ros.perception.view import DepthWindow

# Least and greatest standard deviation [px] of the window that a normal is fitted in. With a
# noise of 2 mm at 1.6 mm/px the slope's is 2 / (5 · 2² · 1.6) = 0.06, or 4°, at the least.
_LEAST_WINDOW, _GREATEST_WINDOW = 2.0, 6.0
_SPECK = 30  # px; smaller components have no shape
_PART_SHARE = 0.2  # of `min_points`; smaller parts go to their neighbours
# Neighbours (rows, columns) in whose direction an inner edge is looked for.
_ACROSS = ((0, 1), (1, 0), (1, 1), (1, -1))
# px²: added to the spread of pixels in a window, so that a thin strip has no slope across it.
_RIDGE = 0.1


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of an image, and the shape of their surface."""

    labels: NDArray[np.int32]  # [H, W] part of each pixel from 1, 0 elsewhere
    components: NDArray[np.int32]  # [H, W] connected without a step of depth, from 1
    fold: NDArray[np.float32]  # [H, W] deg by which the surface bends inwards around a pixel
    normals: NDArray[np.float32]  # [H, W, 3] unit, towards the camera


def find_parts(window: DepthWindow, mask: NDArray[np.bool_], config: SegmentationConfig) -> Parts:
    """Divide the pixels in `mask` at steps of depth and at inner (concave) edges.

    Objects that stand on or beside each other meet in an inner edge; an object's own faces meet
    in outer ones, as a rule. A part here is not yet an object; see `grouping`.
    """
    components = find_components(window.depth, mask, config)
    labels = np.zeros(mask.shape, np.int32)
    fold = np.zeros(mask.shape, np.float32)
    normals = np.zeros((*mask.shape, 3), np.float32)
    count = 0
    for number, place in enumerate(ndimage.find_objects(components), start=1):
        own = components[place] == number
        if own.sum() < _SPECK:
            continue
        points, facing, spread = _fit_surface(window, place, own, config)
        angle = _fold_angles(points, facing, own, round(2 * spread))
        parts, found = _divide(own, angle, config)
        labels[place][own] = parts[own] + count
        fold[place][own], normals[place][own] = angle[own], facing[own]
        count += found
    return Parts(labels=labels, components=components, fold=fold, normals=normals)


def _fit_surface(
    window: DepthWindow,
    place: tuple[slice, slice],
    own: NDArray[np.bool_],
    config: SegmentationConfig,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Smoothed points and normals [h, w, 3] of one component, and the window's deviation [px].

    Inverse depth of a plane is linear in the image, 1/z = a·u + b·v + c, so a weighted
    least-squares fit of that around each pixel is a plane in space. Its sums are Gaussian filters
    over the component's own pixels.
    """
    z = window.depth[place]
    spread = config.smoothing / window.pixel_size(float(np.median(z[own])))
    spread = float(np.clip(spread, _LEAST_WINDOW, _GREATEST_WINDOW))
    v, u = np.indices(own.shape, dtype=np.float64)
    inverse = np.divide(1.0, z, out=np.zeros(own.shape), where=own)
    weight = np.maximum(_blur(own.astype(np.float64), spread), 1e-6)

    def mean(values: NDArray) -> NDArray:
        return _blur(np.where(own, values, 0.0), spread) / weight

    mu, mv, md = mean(u), mean(v), mean(inverse)
    uu, vv = mean(u * u) - mu * mu + _RIDGE, mean(v * v) - mv * mv + _RIDGE
    uv, ud, vd = mean(u * v) - mu * mv, mean(u * inverse) - mu * md, mean(v * inverse) - mv * md
    determinant = uu * vv - uv * uv
    a, b = (ud * vv - vd * uv) / determinant, (vd * uu - ud * uv) / determinant
    d = np.maximum(md + a * (u - mu) + b * (v - mv), 1e-3)  # 1/z on the plane

    # With x = (u - cx) z / fx the plane reads (a fx, b fy, c + a cx + b cy)·p = 1, its normal
    # turned from the camera.
    fx, fy = window.focal
    du, dv = u + place[1].start - window.center[0], v + place[0].start - window.center[1]
    normals = -np.stack([a * fx, b * fy, d - a * du - b * dv], axis=-1)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    points = np.stack([du / fx, dv / fy, np.ones_like(u)], axis=-1) / d[..., None]
    return points, normals, spread


def _blur(values: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    return ndimage.gaussian_filter(values, spread, mode='constant', truncate=2.5)


def _fold_angles(
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
    own: NDArray[np.bool_],
    reach: int,
) -> NDArray[np.float32]:
    """Greatest angle [deg] by which the surface bends inwards between -`reach` and +`reach` px.

    Between points p₁, p₂ with normals n₁, n₂ it bends inwards where (n₂ - n₁)·(p₂ - p₁) < 0.
    """
    greatest = np.zeros(own.shape, np.float32)
    for dv, du in _ACROSS:
        # Diagonals reach as far as the others.
        k = reach if dv * du == 0 else max(round(reach / np.sqrt(2)), 1)
        first, second, middle = _shifted(own.shape, dv * k, du * k)
        both = own[first] & own[second] & own[middle]
        n1, n2 = normals[first], normals[second]
        inwards = ((n2 - n1) * (points[second] - points[first])).sum(-1) < 0
        angle = np.degrees(np.arccos(np.clip((n1 * n2).sum(-1), -1.0, 1.0)))
        view = greatest[middle]
        np.maximum(view, np.where(both & inwards, angle, 0.0), out=view)
    return greatest


def _shifted(shape: tuple[int, int], dv: int, du: int) -> tuple:
    """Index an image at -(dv, du), +(dv, du) and 0, wherever all three lie in it; dv >= 0."""
    h, w = shape
    k = abs(du)
    rows = (slice(0, max(h - 2 * dv, 0)), slice(2 * dv, h), slice(dv, max(h - dv, dv)))
    columns = (slice(0, max(w - 2 * k, 0)), slice(2 * k, w), slice(k, max(w - k, k)))
    if du < 0:
        columns = (columns[1], columns[0], columns[2])
    return tuple(zip(rows, columns, strict=True))


def _divide(
    own: NDArray[np.bool_], fold: NDArray[np.float32], config: SegmentationConfig
) -> tuple[NDArray[np.int32], int]:
    """Parts of a component between its folds, whose pixels go to the nearest part; their count."""
    parts, count = ndimage.label(own & (fold < config.fold_angle))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    large = np.flatnonzero(sizes >= max(_PART_SHARE * config.min_points, _SPECK))
    if len(large) < 2:
        return own.astype(np.int32), 1
    numbers = np.zeros(count + 1, np.int32)
    numbers[large] = np.arange(1, len(large) + 1)
    kept = numbers[parts]
    nearest = ndimage.distance_transform_edt(
        kept == 0, return_distances=False, return_indices=True
    )
    return np.where(own, kept[tuple(nearest)], 0), len(large)
