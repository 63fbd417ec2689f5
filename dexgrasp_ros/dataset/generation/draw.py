"""Which of more grasps than are wanted are kept: those that differ most from each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from dexgrasp_ros.core.config import SynthesisConfig


def draw_diverse(
    palm: NDArray[np.float64], q: NDArray[np.float64], wanted: int, config: SynthesisConfig
) -> NDArray[np.int64]:
    """Leave out one of the two grasps that are most alike, the worse one, until few enough stay.

    How far two grasps are apart is √(t² + r² + j²), with what the search calls the same as units:
    t palm positions over `duplicate_translation`, r palm rotations over `duplicate_rotation`, and
    j mean joint differences over `duplicate_joint`.

    Parameters
    ----------
    palm, q
        Palm poses [N, 7] and joints [N, J], best first.
    wanted
        How many are kept, at most.
    config
        The search's.

    Returns
    -------
    array
        Rows that are kept, best first.
    """
    count = len(palm)
    if count <= wanted:
        return np.arange(count)
    apart = _distances(palm, q, config)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    kept = np.ones(count, dtype=bool)
    for _ in range(count - wanted):
        gap = np.where(kept, apart[np.arange(count), nearest], np.inf)
        one = int(gap.argmin())
        worse = max(one, int(nearest[one]))
        kept[worse] = False
        apart[:, worse] = np.inf
        orphans = np.flatnonzero(kept & (nearest == worse))
        nearest[orphans] = apart[orphans].argmin(axis=1)
    return np.flatnonzero(kept)


def _distances(
    palm: NDArray[np.float64], q: NDArray[np.float64], config: SynthesisConfig
) -> NDArray[np.float64]:
    """Pairs [N, N]; of thresholds that are zero nothing is near."""
    least = 1e-9
    cosine = np.clip(np.abs(palm[:, 3:] @ palm[:, 3:].T), 0.0, 1.0)  # of half the angle
    parts = (
        cdist(palm[:, :3], palm[:, :3]) / max(config.duplicate_translation, least),
        2.0 * np.arccos(cosine) / max(config.duplicate_rotation, least),
        cdist(q, q, 'cityblock') / q.shape[1] / max(config.duplicate_joint, least),
    )
    return np.sqrt(sum(part**2 for part in parts))
