"""What is compared when parts are grouped: a part's description, borders, colours, sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
from dexgrasp_ros.perception.segmentation.parts import Parts
from dexgrasp_ros.perception.segmentation.table import Tabletop
from dexgrasp_ros.perception.view import DepthWindow

_SAMPLES = 400  # pixels of a segment that stand for it
_COLOR_REACH = 15  # px from a border within which colours are compared
_LIGHTNESS = 0.5  # weight of lightness, which shading changes, against hue and saturation
# px across which segments on both sides of a step of depth are neighbours: pixels at a step have
# no depth or a mixed one.
_STEP_REACH = (2, 4, 6)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part, or parts that were joined."""

    number: int
    pixels: NDArray[np.int64]  # [M, 2] row and column of some of its pixels
    points: NDArray[np.float64]  # [M, 3] m, of the same pixels
    count: int  # of all its pixels
    low: float  # m above the plane, of its lowest points
    high: float  # m above the plane, of its highest points
    size: float  # m, longest extent


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the rules of grouping look at."""

    window: DepthWindow
    tabletop: Tabletop
    parts: Parts
    lab: NDArray[np.float32] | None  # [H, W, 3] CIELAB
    config: SegmentationConfig

    def describe(self, labels: NDArray[np.int32]) -> dict[int, Segment]:
        """Describe the segments of `labels` [H, W], by number."""
        found = {}
        for number, place in enumerate(ndimage.find_objects(labels), start=1):
            if place is None:
                continue
            mask = np.zeros(labels.shape, bool)
            mask[place] = labels[place] == number
            pixels, points = np.argwhere(mask), self.window.back_project(mask)
            low, high = np.percentile(self.tabletop.height[mask], [2.0, 98.0])
            step = max(len(pixels) // _SAMPLES, 1)
            found[number] = Segment(
                number=number,
                pixels=pixels[::step],
                points=points[::step],
                count=len(pixels),
                low=float(low),
                high=float(high),
                size=longest_extent(points),
            )
        return found

    def color_step(self, a: Segment, b: Segment, border: NDArray[np.int64]) -> float | None:
        """Distance in CIELAB of two segments near a border [K, 2]; None without colours."""
        if self.lab is None:
            return None
        tree, medians = cKDTree(border), []
        for segment in (a, b):
            distance, _ = tree.query(segment.pixels, distance_upper_bound=_COLOR_REACH)
            near = segment.pixels[np.isfinite(distance)]
            pixels = near if len(near) else segment.pixels
            medians.append(np.median(self.lab[tuple(pixels.T)], axis=0))
        return color_distance(*medians)


class DisjointSets:
    """Numbers 1 … count in sets that can be joined."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count + 1))

    def find(self, a: int) -> int:
        """Smallest number of the set that `a` is in."""
        while self._parent[a] != a:
            a = self._parent[a]
        return a

    def join(self, a: int, b: int) -> None:
        """Make one set of the two that `a` and `b` are in."""
        a, b = sorted((self.find(a), self.find(b)))
        self._parent[b] = a

    def apply(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Replace each number in `labels` by that of its set; 0 stays."""
        return np.array([self.find(i) for i in range(len(self._parent))], np.int32)[labels]


def color_distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Distance of two colours [3] in CIELAB, with lightness at half its weight."""
    return float(np.linalg.norm((a - b) * [_LIGHTNESS, 1.0, 1.0]))


def longest_extent(points: NDArray[np.float64]) -> float:
    """Extent [m] of points [M, 3] along their principal axis, outliers left out."""
    centered = points - points.mean(axis=0)
    axis = np.linalg.eigh(centered.T @ centered)[1][:, -1]
    low, high = np.percentile(centered @ axis, [1.0, 99.0])
    return float(high - low)


def borders(
    labels: NDArray[np.int32], components: NDArray[np.int32], *, across_steps: bool
) -> Iterator[tuple[int, int, NDArray[np.int64]]]:
    """Pairs of segments side by side, with the pixels [K, 2] where they are.

    Without `across_steps` such as touch within one component: each pair once, with the pixels of
    both. With it, such as face each other across some pixels in different components: each pair
    in both orders, with the pixels of the first.
    """
    height, width = labels.shape
    index = np.arange(labels.size).reshape(labels.shape)
    found: list[NDArray] = []
    for dv, du in ((0, 1), (1, 0)):
        for k in _STEP_REACH if across_steps else (1,):
            first = (slice(0, height - dv * k), slice(0, width - du * k))
            second = (slice(dv * k, height), slice(du * k, width))
            a, b = labels[first], labels[second]
            stepped = components[first] != components[second]
            pair = (a > 0) & (b > 0) & (a != b) & (stepped == across_steps)
            found.append(np.stack([a[pair], b[pair], index[first][pair]]))
            found.append(np.stack([b[pair], a[pair], index[second][pair]]))
    a, b, i = np.concatenate(found, axis=1)
    if not across_steps:
        a, b = np.minimum(a, b), np.maximum(a, b)
    key = a.astype(np.int64) * (int(labels.max()) + 1) + b
    order = np.argsort(key, kind='stable')
    starts = np.unique(key[order], return_index=True)[1]
    for chunk in np.split(order, starts[1:]) if len(order) else []:
        pixels = np.column_stack(np.unravel_index(np.unique(i[chunk]), labels.shape))
        yield int(a[chunk[0]]), int(b[chunk[0]]), pixels
