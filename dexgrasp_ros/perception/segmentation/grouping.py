"""Which parts are one object: by inner edges and colour, and by what can stand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.perception.segmentation.color import lab_colors
from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
from dexgrasp_ros.perception.segmentation.hidden_joints import (
    are_cut,
    are_vessel,
    floats_on,
    is_hollow,
)
from dexgrasp_ros.perception.segmentation.parts import Parts
from dexgrasp_ros.perception.segmentation.segments import DisjointSets, Scene, Segment, borders
from dexgrasp_ros.perception.segmentation.table import STANDING, Tabletop
from dexgrasp_ros.perception.view import DepthWindow

# What stands on another touches it at its own lowest points; what hangs on it, a handle, above
# this share of its own height as well.
_HANGING = 0.3
_CONTACT_TOP = 90.0  # percentile of a border's heights
# A part of whose outline this share lies against a hollow one that rises higher is its bottom.
_ENCLOSED = 0.4
_PIECE = 0.2  # of `min_points`; smaller pieces are not worth a comparison of faces


def group_parts(
    window: DepthWindow,
    tabletop: Tabletop,
    parts: Parts,
    rgb: NDArray[np.uint8] | None,
    config: SegmentationConfig,
) -> NDArray[np.int32]:
    """Give pixels [H, W] whose parts are one object the same number from 1; 0 is no part.

    Parts that touch without a step of depth are one object unless the inner edge between them is
    sharp, or less sharp and their colours differ. A part that hangs on another, is small, or lies
    in it as the bottom of a vessel belongs to it in any case. Across a step of depth two parts
    are one object where `hidden_joints` says so. Last, fragments go to what they touch.
    """
    scene = Scene(
        window=window,
        tabletop=tabletop,
        parts=parts,
        lab=None if rgb is None else lab_colors(rgb),
        config=config,
    )
    labels = _join_touching(scene)
    labels = _join_across_steps(scene, labels)
    return _join_fragments(scene, labels)


def _join_touching(scene: Scene) -> NDArray[np.int32]:
    labels = scene.parts.labels
    segments, sets = scene.describe(labels), DisjointSets(int(labels.max()))
    for a, b, border in borders(labels, scene.parts.components, across_steps=False):
        if _are_one(scene, segments[a], segments[b], border):
            sets.join(a, b)
    return sets.apply(labels)


def _are_one(scene: Scene, a: Segment, b: Segment, border: NDArray[np.int64]) -> bool:
    """Whether two parts that touch at the pixels `border` [K, 2] of both are one object."""
    config = scene.config
    if min(a.size, b.size) < config.part_size or min(a.count, b.count) < config.min_points:
        return True
    contact = np.percentile(scene.tabletop.height[tuple(border.T)], _CONTACT_TOP)
    for part in (a, b):
        if part.low > STANDING and contact > part.low + _HANGING * (part.high - part.low):
            return True
    for inner, outer in ((a, b), (b, a)):
        outline = 4.0 * np.sqrt(inner.count)  # px, of a square of so many pixels
        below = inner.high < 0.5 * (outer.low + outer.high)
        if len(border) / 2 > _ENCLOSED * outline and below and is_hollow(scene, outer):
            return True
    if np.median(scene.parts.fold[tuple(border.T)]) >= config.split_angle:
        return False
    step = scene.color_step(a, b, border)
    return step is None or step < config.color_step


def _join_across_steps(scene: Scene, labels: NDArray[np.int32]) -> NDArray[np.int32]:
    segments, sets = scene.describe(labels), DisjointSets(int(labels.max()))
    for a, b, border in borders(labels, scene.parts.components, across_steps=True):
        near, far = segments[a], segments[b]
        if are_vessel(scene, near, far, border) or floats_on(scene, near, far, border):
            sets.join(a, b)
    pieces = [s for s in segments.values() if s.count >= _PIECE * scene.config.min_points]
    for i, a in enumerate(pieces):
        for b in pieces[i + 1 :]:
            if sets.find(a.number) != sets.find(b.number) and are_cut(scene, a, b):
                sets.join(a.number, b.number)
    return sets.apply(labels)


def _join_fragments(scene: Scene, labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give what is too few pixels, or small and in the air, to the nearest within reach."""
    config = scene.config
    segments, sets = scene.describe(labels), DisjointSets(int(labels.max()))

    def is_whole(segment: Segment) -> bool:
        return segment.count >= config.min_points and segment.size >= config.min_size

    def is_fragment(segment: Segment) -> bool:
        hangs = segment.size < config.part_size and segment.low > STANDING
        return hangs or not is_whole(segment)

    whole = [(s, cKDTree(s.points)) for s in segments.values() if is_whole(s)]
    for fragment in filter(is_fragment, segments.values()):
        distances = {
            other.number: tree.query(fragment.points)[0].min()
            for other, tree in whole
            if other.number != fragment.number and other.count >= fragment.count
        }
        if distances:
            nearest = min(distances, key=distances.get)
            if distances[nearest] < config.contact_gap:
                sets.join(nearest, fragment.number)
    return sets.apply(labels)
