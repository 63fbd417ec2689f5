"""Things that nobody gave a label, told apart by the gaps between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.perception.config import ReconstructionConfig
from dexgrasp_ros.perception.points import cluster
from dexgrasp_ros.perception.view import DepthWindow

# Share of a thing's points that may be as near to a labelled one as the parts of one object are:
# labels often end before their objects do.
_MAX_SPILL = 0.5
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
        the things that are neither noise nor the edge of what has a label.
    """
    labels = window.labels.copy()
    rest = np.isfinite(window.depth) & (labels == 0)
    points = window.back_project(rest)
    kept = ((points > box[0]) & (points < box[1])).all(axis=1)
    kept &= points @ level[:3] + level[3] > _BAND * config.plane_distance
    rest[rest] = kept
    if rest.sum() < LEAST_PIXELS:
        return labels, []
    numbers = min(0, labels.min()) - cluster(window, rest, config.cluster_gap)
    spill = _near_labels(window, rest, config.cluster_gap)
    labels[rest] = numbers
    found = [
        int(number)
        for number in np.unique(numbers)
        if (numbers == number).sum() >= LEAST_PIXELS
        and spill[numbers == number].mean() < _MAX_SPILL
    ]
    return labels, found


def _near_labels(window: DepthWindow, mask: NDArray[np.bool_], gap: float) -> NDArray[np.bool_]:
    """Which pixels [M] of a mask are within `gap` [m] of something that has a label."""
    labelled = np.isfinite(window.depth) & (window.labels != 0)
    labelled[1::2] = labelled[:, 1::2] = False  # a quarter of the pixels is dense enough
    if not labelled.any():
        return np.zeros(mask.sum(), bool)
    distance, _ = cKDTree(window.back_project(labelled)).query(
        window.back_project(mask), distance_upper_bound=gap
    )
    return np.isfinite(distance)
