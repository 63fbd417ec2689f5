"""What a frame shows of objects, and no more: cleaned points and planes, without a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.depth_frame import DepthFrame
from dexgrasp_ros.core.errors import DexGraspError
from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.frame_checks import check_depth
from dexgrasp_ros.perception.label_checks import without_table
from dexgrasp_ros.perception.plane import choose_support, find_planes
from dexgrasp_ros.perception.points import clean_label
from dexgrasp_ros.perception.reconstruction import (
    background_points,
    up_direction,
    wanted_labels,
)
from dexgrasp_ros.perception.scene import observe_scene
from dexgrasp_ros.perception.view import whole_frame

_MARGIN = 0.3  # of the window about an object, in its size, as when it is reconstructed


@dataclass(frozen=True, kw_only=True)
class SeenPoints:
    """One label of a frame, in the camera's optical frame."""

    label: int
    points: NDArray[np.float64]  # [M, 3] m, cleaned
    around: NDArray[np.float64]  # [A, 3] m, of everything else in the frame, table included
    support_plane: NDArray[np.float64] | None  # [4] n, d
    up: NDArray[np.float64]  # [3] where there is no plane
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SeenFrame:
    """What was seen of each label, and why others are missing."""

    seen: tuple[SeenPoints, ...]
    failures: dict[int, DexGraspError] = field(default_factory=dict)


def see_points(
    frame: DepthFrame,
    *,
    labels: Sequence[int] | None = None,
    config: ReconstructionConfig | None = None,
) -> SeenFrame:
    """Gather the points of labelled objects as `reconstruct_frame` does, but complete none.

    Parameters
    ----------
    frame
        Depth, labels and intrinsics.
    labels
        Which labels; None for all but 0.
    config
        Settings; None for the defaults.

    Raises
    ------
    InputError
        INVALID_INPUT without a label image.
    PerceptionError
        NO_VALID_DEPTH, UNKNOWN_LABEL.
    """
    config = config or ReconstructionConfig()
    window = whole_frame(frame, config)
    check_depth(frame, window, config)
    wanted = wanted_labels(frame, labels)
    up, background = up_direction(frame), background_points(window, wanted, config)
    planes = find_planes(background, config)
    scene = observe_scene(window, config)
    seen, failures = [], {}
    for label in wanted:
        own = window.crop(window.labels == label, _MARGIN)
        try:
            pixels = clean_label(own, label, config)
            points = own.back_project(pixels.mask)
            plane = choose_support(planes, points, background, up, window, config)
            mask = without_table(own, pixels.mask, plane, config)
        except DexGraspError as error:
            failures[label] = error
            continue
        none = 'No support plane was found under the object; grasps may reach through its table.'
        seen.append(
            SeenPoints(
                label=label,
                points=own.back_project(mask),
                around=scene.points[scene.labels != label],
                support_plane=plane,
                up=up,
                warnings=(*pixels.warnings, *(() if plane is not None else (none,))),
            )
        )
    return SeenFrame(seen=tuple(seen), failures=failures)
