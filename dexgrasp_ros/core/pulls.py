"""What a hand that holds must bear, for the search's own simulation and for its judge alike.

The six pulls, and how far the object may move and turn, are those of DexGraspBench (Chen et al.
2025) and of Dexonomy (Chen et al. 2025).
"""

from __future__ import annotations

import math

import numpy as np

# ±x, ±y, ±z of the object's frame, in this order.
DIRECTIONS = np.repeat(np.eye(3), 2, axis=0) * np.tile([1.0, -1.0], 3)[:, None]
ACCELERATION = 10.0  # m/s^2, force over the object's mass
MAX_DISPLACEMENT = 0.05  # m, of the centre of mass from where it should be
MAX_ROTATION = math.radians(15.0)
