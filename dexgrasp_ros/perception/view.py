"""A window of a depth image around one object, and the pinhole model that goes with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.perception.config import ReconstructionConfig


@dataclass(frozen=True, kw_only=True)
class DepthWindow:
    """Depth and labels of some columns and rows; invalid depth is NaN.

    A pixel (u, v) of the window at depth z is the point ``z * ((u - cx) / fx, (v - cy) / fy, 1)``
    in the camera's optical frame; pixel centres have integer coordinates.
    """

    depth: NDArray[np.float32]  # [h, w] m
    labels: NDArray[np.int32]  # [h, w]
    focal: NDArray[np.float64]  # [2] fx, fy [px]
    center: NDArray[np.float64]  # [2] cx, cy in the window [px]

    def project(self, points: NDArray) -> tuple[NDArray, NDArray]:
        """Pixel coordinates (u, v) [M, 2] of points [M, 3] before the camera, and their depth."""
        z = points[:, 2]
        scale = self.focal.astype(points.dtype) / np.maximum(z, 1e-6)[:, None]
        return points[:, :2] * scale + self.center.astype(points.dtype), z

    def back_project(self, mask: NDArray[np.bool_], depth: NDArray | None = None) -> NDArray:
        """Points [M, 3] of the pixels in `mask`, row by row, at `depth` (default: measured)."""
        v, u = np.nonzero(mask)
        z = (self.depth if depth is None else depth)[v, u].astype(np.float64)
        rays = (np.column_stack([u, v]) - self.center) / self.focal
        return np.column_stack([rays * z[:, None], z])

    def pixel_size(self, depth: float) -> float:
        """Edge of one pixel's footprint at a depth [m]."""
        return float(depth / self.focal.mean())

    def crop(self, mask: NDArray[np.bool_], margin: float) -> DepthWindow:
        """Window around `mask`, wider by `margin` times its size on each side."""
        v, u = np.nonzero(mask)
        pad = int(np.ceil(margin * max(np.ptp(u) + 1, np.ptp(v) + 1))) + 4
        top, left = max(v.min() - pad, 0), max(u.min() - pad, 0)
        rows, columns = slice(top, v.max() + pad + 1), slice(left, u.max() + pad + 1)
        return DepthWindow(
            depth=self.depth[rows, columns],
            labels=self.labels[rows, columns],
            focal=self.focal,
            center=self.center - np.array([left, top]),
        )


def whole_frame(frame: DepthFrame, config: ReconstructionConfig) -> DepthWindow:
    """Window over the whole frame, with depth outside the configured range as NaN."""
    depth = frame.depth
    with np.errstate(invalid='ignore'):
        valid = np.isfinite(depth) & (depth >= config.min_depth) & (depth <= config.max_depth)
    K = frame.intrinsics
    labels = np.zeros(depth.shape, np.int32) if frame.labels is None else frame.labels
    return DepthWindow(
        depth=np.where(valid & (depth > 0), depth, np.nan).astype(np.float32),
        labels=labels,
        focal=np.array([K[0, 0], K[1, 1]]),
        center=np.array([K[0, 2], K[1, 2]]),
    )
