"""Things that nobody gave a label, told apart by the gaps between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.points import cluster
from dexgrasp_ros.perception.view import DepthWindow

LEAST_PIXELS = 50  # of a thing: fewer are noise
# The band of noise around a plane is twice as wide as the plane, as in `find_planes`.
_BAND = 2.0


def number_unlabelled(
    window: DepthWindow,
    level: NDArray[np.float64],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    config: ReconstructionConfig,
) -> tuple[NDArray[np.int32], list[int]]:
    """Give numbers to the things without a label that are above a plane.

    Parameters
    ----------
    window
        The whole frame.
    level
        Support plane [4].
    box
        Lower and upper corner [3] of the space that matters, camera's frame.
    config
        Of which `plane_distance` and `cluster_gap` act here.

    Returns
    -------
    labels, numbers
        The frame's labels [H, W] with negative numbers in them that no label has, and those of
        the things that are no noise.
    """
    labels = window.labels.copy()
    rest = np.isfinite(window.depth) & (labels == 0)
    points = window.back_project(rest)
    kept = ((points > box[0]) & (points < box[1])).all(axis=1)
    kept &= points @ level[:3] + level[3] > _BAND * config.plane_distance
    rest[rest] = kept
    if rest.sum() < LEAST_PIXELS:
        return labels, []
    labels[rest] = min(0, labels.min()) - cluster(window, rest, config.cluster_gap)
    numbers, counts = np.unique(labels[rest], return_counts=True)
    return labels, numbers[counts >= LEAST_PIXELS].tolist()
