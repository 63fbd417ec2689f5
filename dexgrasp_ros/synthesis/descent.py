"""A descent that can be left and taken up again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Descent:
    """N candidates on their way, as their engine holds them: state, moments, what it remembers.

    With all of it a descent goes on bit for bit, in whatever company.
    """

    palm: NDArray[np.float32]  # [N, 7] in the object's frame
    q: NDArray[np.float32]  # [N, J]
    first: NDArray[np.float32]  # [N, 6 + J] moments of Adam
    second: NDArray[np.float32]  # [N, 2 + J]
    force: NDArray[np.float32]  # [N, G, 3, W] of the contacts, for each test wrench
    nearest: NDArray[np.int32]  # [N, G] closest point of each group
    place: NDArray[np.float32]  # [N, G, 7] body of each group at the last look
    drift: NDArray[np.float32]  # [N, G] bounds, see `kernels.types.Contacts`
    cluster_bound: NDArray[np.float32]  # [N, C]
    pair_bound: NDArray[np.float32]  # [N, K]
    object_bound: NDArray[np.float32]  # [N, G]
    environment_bound: NDArray[np.float32]  # [N, G]
