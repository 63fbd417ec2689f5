"""Which object of those fused so far each label of a new view is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from dexgrasp_ros.perception.fusion.config import FusionConfig

# The same number counts as this share of common points: a label that lies on another object for
# so much more of its points than on its namesake is that other object.
_NAMESAKE = 0.5
_MAX_POINTS = 2000  # of a label, evenly picked; a share of 0.3 is then known within 0.01


def associate(
    labels: Mapping[int, NDArray[np.float64]],
    objects: Mapping[int, NDArray[np.float64]],
    config: FusionConfig,
) -> dict[int, int]:
    """Object for each label of a view; a number that is not among `objects` is a new object.

    A label is the object that the largest share of its points lies on, if that is at least
    `min_share`. The same number on both counts as a share of its own, when they are not farther
    than `match_gap` apart: seen from opposite sides, an object has no point in common with
    itself. Each object gets one label at most (assignment with the greatest sum).

    Parameters
    ----------
    labels
        Points [M, 3] of each label of the view, fixed frame.
    objects
        Points [M, 3] of each object fused so far.
    config
        Of which `min_share`, `match_distance` and `match_gap` act here.
    """
    names, known = sorted(labels), sorted(objects)
    score = np.zeros((len(names), len(known)))
    trees = [cKDTree(objects[k]) for k in known]
    for i, name in enumerate(names):
        points = labels[name][:: max(len(labels[name]) // _MAX_POINTS, 1)]
        for j, tree in enumerate(trees):
            distance, _ = tree.query(points, distance_upper_bound=config.match_gap)
            score[i, j] = np.mean(distance < config.match_distance)
            if name == known[j] and np.isfinite(distance).any():
                score[i, j] += _NAMESAKE
    score[score < config.min_share] = 0.0
    rows, columns = linear_sum_assignment(score, maximize=True)
    result = {names[i]: known[j] for i, j in zip(rows, columns, strict=True) if score[i, j] > 0.0}
    taken = {*known, *result.values()}
    for name in names:
        if name not in result:
            result[name] = name if name not in taken else max(*taken, *names) + 1
            taken.add(result[name])
    return result
