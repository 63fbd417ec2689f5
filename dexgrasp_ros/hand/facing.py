"""How much two pieces of surface see of each other: what a grasp could hold lies between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.hand.surface_motion import Placed

# Surfaces that touch see nothing of each other; so far below its surface a point looks out.
DEPTH = 0.005  # m
# Closer than about a finger's thickness, distance makes no difference.
NEAR = 0.02  # m


def facing(one: Placed, other: Placed) -> NDArray[np.float64]:
    """How much each point of one surface sees of each of another.

    cos θ₁ cos θ₂ / (r² + r₀²)^{3/2}, 0 where one of them looks away: the view factor of
    radiating surfaces (Howell, *A Catalog of Radiation Heat Transfer Configuration Factors*), but
    falling with r³ in place of r², so that what closes on a surface counts and not what passes far
    from it.

    Parameters
    ----------
    one, other
        Points [..., M, 3] m and outward unit normals [..., M, 3]; [..., N, 3].

    Returns
    -------
    NDArray
        [..., M, N] m⁻³.
    """
    (p, n), (q, m) = one, other
    p, q = p - DEPTH * n, q - DEPTH * m
    # As products of matrices: n·(q - p), -m·(q - p) and |q - p|².
    leaving = n @ _transposed(q) - _dot(n, p)[..., :, None]
    arriving = p @ _transposed(m) - _dot(m, q)[..., None, :]
    square = _dot(p, p)[..., :, None] + _dot(q, q)[..., None, :] - 2.0 * (p @ _transposed(q))
    square = np.maximum(square, 1e-9)
    cosines = np.maximum(leaving, 0.0) * np.maximum(arriving, 0.0) / square
    return cosines / (square + NEAR**2) ** 1.5


def _transposed(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.swapaxes(vectors, -1, -2)


def _dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.einsum('...i,...i->...', a, b)
