"""Objects that stand where they stood: their meshes are taken again, not made again.

Whether an object has moved is judged by what the camera sees of it, against the image that its
mesh was made from, so that slow movements add up until they count. Noise of depth is averaged over
parts of the object's image.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.object_model import ObservedObject
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.view import DepthWindow

# Parts of an object's image, along its height and its width, of which each must not have moved.
_PARTS = 5
_LEAST_PIXELS = 16  # of an object or a part; fewer say nothing
_RIM = 2  # px along the outline, where depth jumps between the object and what is behind it
# Share of an object's pixels that may have lost or got a measurement.
_CHANGED_SHARE = 0.2
# Of the pixels along an outline, those change that a shift moves across it: half of them for each
# pixel of a shift, since some sides lie along it.
_CROSSED_SHARE = 0.5
_END_SHARE = 0.02  # of an object's pixels that lie beyond what counts as its end
# A median of n numbers is uncertain by this many of their median absolute deviations over √n:
# three standard errors of 1.25 σ/√n with σ = 1.48 deviations (normal distribution), where 4 π
# neighbours share their noise, as those of a sensor that correlates windows do (blur of 1 px).
_NOISE = 3 * 1.25 * 1.48 * np.sqrt(4 * np.pi)
_UP_CHANGE = 0.002  # of the direction that is up: a tenth of a degree
_ENTRIES = 64  # objects remembered at most


@dataclass(frozen=True, kw_only=True)
class _Entry:
    found: ObservedObject
    config: ReconstructionConfig
    window: DepthWindow  # what its mesh was made from
    shape: tuple[int, ...]  # of the whole image
    up: NDArray[np.float64] | None  # the world's in the camera's frame [3], where that is known


class ReconstructionMemory:
    """Meshes of objects that have not moved since, for `reconstruct_frame`; from any thread.

    Parameters
    ----------
    limit
        A mesh is taken again while what is seen of its object has moved by no more [m]; 0: never.
        The attribute may be replaced.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._entries: dict[int, _Entry] = {}
        self._lock = threading.Lock()

    def find(
        self, frame: DepthFrame, whole: DepthWindow, label: int, config: ReconstructionConfig
    ) -> ObservedObject | None:
        """Return the object of this label as it was made before, if it stands there still.

        A mesh that was made finer than `config` asks for serves as well.
        """
        entry = self._entries.get(label)
        if self.limit <= 0.0 or entry is None or not _serves(entry.config, config):
            return None
        now = _same_window(entry, frame, whole)
        if now is None or (whole.labels == label).sum() != (now.labels == label).sum():
            return None
        if _has_moved(entry.window, now, label, self.limit):
            return None
        return replace(entry.found, stamp=frame.stamp, timing={}, phase_points={})

    def keep(
        self,
        frame: DepthFrame,
        whole: DepthWindow,
        window: DepthWindow,
        found: ObservedObject,
        config: ReconstructionConfig,
    ) -> None:
        """Remember an object and the window of the image that it was made from."""
        if self.limit <= 0.0:
            return
        own = replace(window, depth=window.depth.copy(), labels=window.labels.copy())
        entry = _Entry(
            found=found, config=config, window=own, shape=whole.depth.shape, up=_up(frame)
        )
        with self._lock:
            self._entries.pop(found.label, None)
            self._entries[found.label] = entry
            while len(self._entries) > _ENTRIES:
                self._entries.pop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()


def _serves(made: ReconstructionConfig, wanted: ReconstructionConfig) -> bool:
    same = replace(made, max_voxels=wanted.max_voxels)
    return same == wanted and made.max_voxels >= wanted.max_voxels


def _same_window(entry: _Entry, frame: DepthFrame, whole: DepthWindow) -> DepthWindow | None:
    """Return the part of a frame that `entry` was made from in its own; None of another camera."""
    before, up = entry.window, _up(frame)
    corner = np.rint(whole.center - before.center).astype(int)
    if (
        entry.found.frame_id != frame.frame_id
        or entry.shape != whole.depth.shape
        or not np.array_equal(before.focal, whole.focal)
        or not np.array_equal(before.center + corner, whole.center)
        or (up is None) != (entry.up is None)
        or (up is not None and np.abs(up - entry.up).max() > _UP_CHANGE)
    ):
        return None
    rows = slice(corner[1], corner[1] + before.depth.shape[0])
    columns = slice(corner[0], corner[0] + before.depth.shape[1])
    return replace(before, depth=whole.depth[rows, columns], labels=whole.labels[rows, columns])


def _up(frame: DepthFrame) -> NDArray[np.float64] | None:
    return None if frame.T_world_cam is None else frame.T_world_cam[2, :3]


def _has_moved(before: DepthWindow, now: DepthWindow, label: int, limit: float) -> bool:
    """Whether an object is seen elsewhere by more than `limit` [m], or otherwise than before."""
    then, still = before.labels == label, now.labels == label
    valid_then, valid_now = np.isfinite(before.depth), np.isfinite(now.depth)
    count = then.sum()
    if count == 0 or ((valid_then != valid_now) & then).sum() > _CHANGED_SHARE * count:
        return True
    both = then & still & valid_then & valid_now
    if not both.any():
        return True
    outline = then & ~ndimage.binary_erosion(then)
    shift = limit / before.pixel_size(float(np.median(before.depth[both])))  # px
    if (then ^ still).sum() > _CROSSED_SHARE * shift * outline.sum():
        return True
    if np.abs(_ends(then, then) - _ends(still, then)).max() > shift:
        return True
    inner = both & ndimage.binary_erosion(then & still, iterations=_RIM)
    seen = inner if inner.sum() >= _LEAST_PIXELS else both
    return _has_changed(before.depth, now.depth, seen, limit)


def _ends(mask: NDArray[np.bool_], reference: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return where a mask ends along the principal axes of `reference` [2, 2] px.

    The ends are what shows that something slim slides along itself: most of its outline stays.
    """
    pixels = np.argwhere(reference)
    center = pixels.mean(axis=0)
    axes = np.linalg.svd(np.cov((pixels - center).T))[0] if len(pixels) > 1 else np.eye(2)
    return np.quantile((np.argwhere(mask) - center) @ axes, (_END_SHARE, 1 - _END_SHARE), axis=0)


def _has_changed(
    before: NDArray[np.float32], now: NDArray[np.float32], where: NDArray[np.bool_], limit: float
) -> bool:
    """Whether the depth of an object, or of a part, changed by more than `limit` [m] and noise.

    Where noise would hide a change of the whole object by `limit`, it counts as changed.
    """
    v, u = np.nonzero(where)
    change = (now - before)[v, u].astype(np.float64)
    if len(change) < _LEAST_PIXELS or _uncertainty(change) > limit:
        return True
    row, column = ((n - n.min()) * _PARTS // (np.ptp(n) + 1) for n in (v, u))
    part = row * _PARTS + column
    parts = [change, *(change[part == k] for k in range(_PARTS**2))]
    return any(
        abs(np.median(own)) - _uncertainty(own) > limit
        for own in parts
        if len(own) >= _LEAST_PIXELS
    )


def _uncertainty(change: NDArray[np.float64]) -> float:
    deviations = np.abs(change - np.median(change))
    return float(_NOISE * np.median(deviations) / np.sqrt(len(change)))
