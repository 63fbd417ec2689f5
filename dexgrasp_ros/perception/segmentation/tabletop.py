"""Labels for a depth frame that has none: what stands on a table, or what a prompt names."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.config import check_ranges
from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.perception.frame_checks import check_depth
from dexgrasp_ros.perception.pose_checks import check_pose
from dexgrasp_ros.perception.segmentation.config import SegmentationConfig
from dexgrasp_ros.perception.segmentation.grouping import group_parts
from dexgrasp_ros.perception.segmentation.object_masks import complete_masks, standing_groups
from dexgrasp_ros.perception.segmentation.parts import find_parts
from dexgrasp_ros.perception.segmentation.prompts import check_prompt, mask_at_point, mask_in_box
from dexgrasp_ros.perception.segmentation.table import find_tabletop
from dexgrasp_ros.perception.view import whole_frame


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """A label image made from depth, and perhaps colour."""

    labels: NDArray[np.int32]  # [H, W] objects from 1, the one of most pixels first; 0: none
    support_plane: NDArray[np.float64]  # [4] n, d: free side n·x + d > 0, |n| = 1
    warnings: tuple[str, ...] = ()
    timing: dict[str, float] = field(default_factory=dict)  # seconds for each phase


def segment_tabletop(
    frame: DepthFrame,
    *,
    box: Sequence[float] | None = None,
    point: Sequence[float] | None = None,
    config: SegmentationConfig | None = None,
) -> Segmentation:
    """Label the objects that stand on the table in a depth frame.

    The way: the most prominent level plane is taken away; what rises above it is divided at steps
    of depth and at inner edges into smooth parts; parts are grouped to objects. Colours, where
    the frame has them, decide at inner edges that are not sharp. The result repeats.

    Parameters
    ----------
    frame
        Depth and intrinsics; its labels, if any, are not looked at.
    box
        u, v, width, height [px]: label only the object in this box, as 1.
    point
        u, v [px], or x, y, z [m] in the camera's optical frame: label only the object there, as 1.
    config
        Settings; None for the defaults.

    Raises
    ------
    InputError
        INVALID_INPUT for box and point at once, WRONG_SHAPE for another count of numbers,
        OUT_OF_RANGE for a setting or a prompt outside the image.
    PerceptionError
        NO_VALID_DEPTH; RECONSTRUCTION_FAILED without a level plane; UNKNOWN_LABEL where nothing
        stands on it, or nothing is where the prompt says.
    """
    config = config or SegmentationConfig()
    check_ranges(config)
    check_prompt(frame.depth.shape, box, point)
    clock = [time.perf_counter()]
    window = whole_frame(frame, config)
    check_depth(frame, window, config)
    up = None if frame.T_world_cam is None else check_pose(frame.T_world_cam)[2, :3]
    tabletop = find_tabletop(window, up, config)
    clock.append(time.perf_counter())
    parts = find_parts(window, tabletop.rising, config)
    clock.append(time.perf_counter())
    groups = group_parts(window, tabletop, parts, frame.rgb, config)
    clock.append(time.perf_counter())
    warnings: list[str] = []
    if box is not None:
        mask, warnings = mask_in_box(groups, box, config)
        masks = [mask]
    else:
        masks = standing_groups(window, tabletop, groups, config, everything=point is not None)
    labels = complete_masks(window, tabletop, masks, groups, config)
    if point is not None:
        labels = mask_at_point(window, labels, point, config).astype(np.int32)
    clock.append(time.perf_counter())
    phases = np.diff(clock)
    return Segmentation(
        labels=labels,
        support_plane=tabletop.plane,
        warnings=(*warnings, *_border_warnings(labels)),
        timing={
            **dict(zip(('plane', 'parts', 'groups', 'masks'), map(float, phases), strict=True)),
            'total': float(phases.sum()),
        },
    )


def _border_warnings(labels: NDArray[np.int32]) -> list[str]:
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    cut = [int(n) for n in np.unique(rim) if n]
    return [f'Objects {cut} touch the border of the image and may reach beyond it.'] if cut else []
