"""Quality of a grasp's contacts as a set of wrenches: Ferrari-Canny ε and the hull's volume."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull, QhullError

_WITHOUT_MERGING = 'Q0'  # of Qhull
_ROUNDING = 1e-9  # of the largest wrench, by which one may lie outside of the hull
_EDGES = 8  # of a discretised cone: its inscribed octagon reaches 92 % of the friction


def contact_wrenches(
    points: ArrayLike,
    normals: ArrayLike,
    *,
    friction: float,
    center: ArrayLike,
    length: float,
    edges: int = _EDGES,
) -> NDArray[np.float64]:
    """Wrenches of unit normal forces along the edges of the friction cones.

    w = [f; (x - center) × f / length] with f = n + μ (cos α t₁ + sin α t₂), α = 2π k / edges.

    Parameters
    ----------
    points, normals
        Contacts [C, 3] m and unit normals into the object [C, 3].
    friction
        μ; zero gives one edge for each contact.
    center
        What torques are about [3], m.
    length
        What torques are divided by [m].
    edges
        Of each cone.

    Returns
    -------
    NDArray
        [C · edges, 6].
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    normals = np.asarray(normals, dtype=np.float64).reshape(-1, 3)
    # The coordinate axis that is least along the normal makes a well-conditioned tangent.
    first = np.cross(normals, np.eye(3)[np.abs(normals).argmin(axis=1)])
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    second = np.cross(normals, first)
    angle = 2.0 * np.pi * np.arange(edges if friction > 0.0 else 1)[:, None, None] / edges
    force = normals + friction * (np.cos(angle) * first + np.sin(angle) * second)
    torque = np.cross(points - np.asarray(center, dtype=np.float64), force) / length
    # [edges, C, 6], to stand contact by contact.
    return np.concatenate([force, torque], axis=-1).swapaxes(0, 1).reshape(-1, 6)


def hull_quality(wrenches: NDArray[np.float64]) -> tuple[float, float]:
    """ε and volume of the convex hull of wrenches [W, 6].

    ε is the radius of the largest ball about the origin inside the hull (Ferrari and Canny 1992,
    L1: the normal forces sum to one); 0 where the origin is not inside, or the hull is flat.
    """
    if len(wrenches) <= 6 or np.linalg.matrix_rank(wrenches - wrenches.mean(axis=0), 1e-9) < 6:
        return 0.0, 0.0
    hull = _hull(wrenches)
    if hull is None:
        return 0.0, 0.0
    # Facets are n·w + d <= 0 with |n| = 1, so -d is the origin's distance.
    return max(0.0, float(-hull.equations[:, -1].max())), float(hull.volume)


def _hull(wrenches: NDArray[np.float64]) -> ConvexHull | None:
    """Convex hull of wrenches [W, 6]; None of what is flat.

    Qhull takes half the time where it does not merge facets that rounding makes concave; there
    seldom are any, and where a wrench lies outside of a facet they are merged after all.
    """
    for options in (_WITHOUT_MERGING, None):
        try:
            hull = ConvexHull(wrenches, qhull_options=options)
        except QhullError:
            continue
        outside = wrenches @ hull.equations[:, :-1].T + hull.equations[:, -1]
        if options is None or outside.max() <= _ROUNDING * np.abs(wrenches).max():
            return hull
    return None
