"""Whether there is something in the hand, by where its fingers came to rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_msgs.msg import Grasp

_LEAST_WAY = 0.02  # rad or m; joints with less of it from grasp to squeeze tell nothing


def short_of_squeeze(grasp: Grasp, positions: NDArray[np.float64]) -> float:
    """Share of the way from grasp to squeeze that the fingers are short of, on average.

    An object stops fingers before they are where the squeeze sends them; on nothing they get
    there. 1 where no joint has a way.

    Parameters
    ----------
    grasp
        What was carried out.
    positions
        Of its joints [J], rad or m.
    """
    rest, squeeze = np.array(grasp.grasp), np.array(grasp.squeeze)
    way = squeeze - rest
    tells = np.abs(way) > _LEAST_WAY
    if not tells.any():
        return 1.0
    left = (squeeze - positions)[tells] / way[tells]
    return float(np.clip(left, 0.0, 1.0).mean())
