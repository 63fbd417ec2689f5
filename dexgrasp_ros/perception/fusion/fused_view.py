"""One frame of several: where its camera stood, and what it saw to be empty."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import ErrorCode, InputError, PerceptionError
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.frame_checks import check_depth, frame_warnings
from dexgrasp_ros.perception.points import clean_label
from dexgrasp_ros.perception.pose_checks import check_pose
from dexgrasp_ros.perception.scene import thin
from dexgrasp_ros.perception.surface import SeenSurface, observe_surface
from dexgrasp_ros.perception.view import DepthWindow, whole_frame

# As around the object of a single view: the free space beside it is known.
_WINDOW_MARGIN = 0.3
_PROBES = 500  # pixels of a view that are compared with other views


@dataclass(frozen=True, kw_only=True)
class SeenObject:
    """The pixels of one label of a view that lie on the object."""

    surface: SeenSurface
    mask: NDArray[np.bool_]  # [h, w] of the surface's window
    points: NDArray[np.float64]  # [M, 3] m, fixed frame
    at_border: bool  # it touches the border of the image
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FusedView:
    """A frame in the fixed frame."""

    T_world_cam: NDArray[np.float64]  # [4, 4]
    stamp: int  # nanoseconds
    frame_id: str
    window: DepthWindow  # the whole image
    nearest: NDArray[np.float32]  # [H, W] least depth within a pixel [m]; -inf: not measured
    probes: NDArray[np.float64]  # [K, 3] m, some of its points, camera's frame
    warnings: tuple[str, ...] = ()  # of the whole frame
    # By the object's label in the fusion, which need not be its label in the frame.
    objects: dict[int, SeenObject] = field(default_factory=dict)
    names: dict[int, int] = field(default_factory=dict)  # its label in the frame
    scene: dict[int, NDArray[np.float32]] = field(default_factory=dict)  # thinned points [M, 3]

    def to_camera(self, points: NDArray) -> NDArray:
        """Points [M, 3] of the fixed frame in the camera's, in the same precision."""
        T = self.T_world_cam.astype(points.dtype)
        # A matrix product of so few columns is ten times slower in BLAS.
        return np.einsum('ij,jk->ik', points - T[:3, 3], T[:3, :3])

    def to_world(self, points: NDArray) -> NDArray:
        """Points [M, 3] of the camera's frame in the fixed frame, in the same precision."""
        T = self.T_world_cam.astype(points.dtype)
        return np.einsum('ij,kj->ik', points, T[:3, :3]) + T[:3, 3]

    def free(self, label: int, points: NDArray, margin: float) -> NDArray[np.float32]:
        """How far [M] before the measured depth points [M, 3] lie; -inf where none is known.

        Before pixels of the object itself it is less by `margin`. Of the depths within a pixel
        the nearest counts: neither a single wrong pixel nor half a pixel of error in the pose
        drills a hole.
        """
        pixels, z = self.window.project(self.to_camera(points))
        u, v = np.rint(pixels).astype(np.int32).T
        height, width = self.nearest.shape
        inside = (z > 0.0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
        result = np.full(len(points), -np.inf, np.float32)
        u, v = u[inside], v[inside]
        own = self.window.labels[v, u] == self.names.get(label, label)
        result[inside] = self.nearest[v, u] - z[inside] - np.float32(margin) * own
        return result


def make_view(frame: DepthFrame, config: ReconstructionConfig) -> FusedView:
    """View of a frame, as yet without objects.

    Raises
    ------
    InputError
        INVALID_INPUT without labels or for a pose that is no rigid motion.
    PerceptionError
        TRANSFORM_UNAVAILABLE without a pose, NO_VALID_DEPTH.
    """
    if frame.labels is None:
        raise InputError('The view has no label image; expected integers, 0 is background.')
    T = check_pose(frame.T_world_cam)
    window = whole_frame(frame, config)
    check_depth(frame, window, config)
    valid = np.isfinite(window.depth)
    points = window.back_project(valid)
    nearest = ndimage.minimum_filter(np.where(valid, window.depth, np.inf), size=3)
    return FusedView(
        T_world_cam=T,
        stamp=frame.stamp,
        frame_id=frame.frame_id,
        window=window,
        nearest=np.where(valid, nearest, -np.inf).astype(np.float32),
        probes=points[:: max(1, len(points) // _PROBES)],
        warnings=tuple(frame_warnings(frame, window, config)),
    )


def see_object(view: FusedView, label: int, config: ReconstructionConfig) -> SeenObject:
    """Find the object with a label of the view's own frame.

    Raises
    ------
    PerceptionError
        TOO_FEW_POINTS.
    """
    own = view.window.labels == label
    if not own.any():
        raise PerceptionError(f'Label {label} has 0 points.', ErrorCode.TOO_FEW_POINTS)
    window = view.window.crop(own, _WINDOW_MARGIN)
    pixels = clean_label(window, label, config)
    return SeenObject(
        surface=observe_surface(window, pixels.mask, config),
        mask=pixels.mask,
        points=view.to_world(window.back_project(pixels.mask)),
        at_border=bool(own[0].any() or own[-1].any() or own[:, 0].any() or own[:, -1].any()),
        warnings=pixels.warnings,
    )


def see_scene(
    view: FusedView,
    labels: dict[int, int],
    seen: NDArray[np.float64],
    config: ReconstructionConfig,
) -> dict[int, NDArray[np.float32]]:
    """Thinned points of all that stands around the objects, by label in the fusion.

    Parameters
    ----------
    view
        The frame.
    labels
        Label in the fusion for each label of the frame; others count as background, 0.
    seen
        Points [M, 3] of its objects in the fixed frame.
    config
        Of which `obstacle_range`, `plane_margin` and `obstacle_spacing` act here.
    """
    reach = max(config.obstacle_range, config.plane_margin)
    lower, upper = seen.min(axis=0) - reach, seen.max(axis=0) + reach
    valid = np.isfinite(view.window.depth)
    valid[1::2] = valid[:, 1::2] = False  # a quarter of the pixels is dense enough
    points = view.to_world(view.window.back_project(valid))
    owner = np.zeros(len(points), np.int64)
    for label, fused in labels.items():
        owner[view.window.labels[valid] == label] = fused
    near = ((points > lower) & (points < upper)).all(axis=1)
    points, owner = points[near], owner[near]
    return {
        int(fused): thin(points[owner == fused], config.obstacle_spacing).astype(np.float32)
        for fused in np.unique(owner)
    }
