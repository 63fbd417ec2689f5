"""What is around the object: one signed-distance grid of support plane and obstacles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.core.object_model import SignedDistanceGrid
from dexgrasp_ros.object.config import ObjectConfig
from dexgrasp_ros.object.distance import sample_distance
from dexgrasp_ros.object.distance_grid import fit_cells, tabulate

# A plane alone is linear, so that any spacing represents it exactly.
_PLANE_SPACING = 0.1  # m
# Edge of the cells that keep one point each, in radii: balls two thirds of a radius apart are as
# high in the gaps between as over their middles, but for a twentieth of it.
_THINNING = 2.0 / 3.0
_SHARE = 4096  # nodes that are looked up with one bound


def build_environment_grid(
    distance: SignedDistanceGrid,
    bounds: NDArray[np.float64],
    support_plane: ArrayLike | None,
    obstacles: ArrayLike | None,
    config: ObjectConfig | None = None,
) -> SignedDistanceGrid | None:
    """Tabulate min(distance to the plane, distance to the obstacles' balls) around an object.

    Obstacle points below the plane, or nearer to the object than `obstacle_clearance`, are taken
    for noise of the segmentation's border and ignored.

    Parameters
    ----------
    distance
        The object's own grid.
    bounds
        The object's corners [2, 3] m; the grid covers them and `environment_margin` around.
    support_plane
        n, d with the free side n·x + d > 0, shape [4], or None.
    obstacles
        Points of other things [K, 3] m, each a ball of `obstacle_radius`, or None.
    config
        Numbers of the grid.

    Returns
    -------
    SignedDistanceGrid
        Or None where there is neither plane nor obstacle.

    Raises
    ------
    InputError
        WRONG_SHAPE or OUT_OF_RANGE.
    """
    config = config or ObjectConfig()
    plane = check_plane(support_plane)
    low, high = bounds + config.environment_margin * np.array([[-1], [1]])
    points = _relevant(_check_obstacles(obstacles), distance, plane, (low, high), config)
    if plane is None and len(points) == 0:
        return None
    spacing = config.environment_spacing if len(points) else _PLANE_SPACING
    spacing, cells = fit_cells(high - low, spacing, config.environment_max_nodes)
    tree = cKDTree(points) if len(points) else None

    def measure(nodes: NDArray[np.float64]) -> NDArray[np.float32]:
        values = np.full((len(nodes), 4), np.inf)
        if plane is not None:
            values[:, :3], values[:, 3] = plane[:3], nodes @ plane[:3] + plane[3]
        if tree is not None:
            _merge_balls(values, nodes, tree, config.obstacle_radius)
        return values.astype(np.float32)

    values = tabulate(measure, low, spacing, cells)
    return SignedDistanceGrid(values=values, origin=low, spacing=spacing)


def check_plane(plane: ArrayLike | None) -> NDArray[np.float64] | None:
    """Plane [4] with a unit normal, or None.

    Raises
    ------
    InputError
        WRONG_SHAPE or OUT_OF_RANGE.
    """
    if plane is None:
        return None
    plane = np.asarray(plane, dtype=np.float64)
    if plane.shape != (4,):
        raise InputError(
            f"'support_plane' has shape {list(plane.shape)}; expected [4]: normal, offset.",
            ErrorCode.WRONG_SHAPE,
        )
    length = np.linalg.norm(plane[:3])
    if not (np.isfinite(plane).all() and length > 1e-6):
        raise InputError(
            f"'support_plane' is {plane.tolist()}; expected a finite, non-zero normal.",
            ErrorCode.OUT_OF_RANGE,
        )
    return plane / length


def _check_obstacles(obstacles: ArrayLike | None) -> NDArray[np.float64]:
    points = np.empty((0, 3)) if obstacles is None else np.asarray(obstacles, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise InputError(
            f"'obstacles' has shape {list(points.shape)}; expected [K, 3].", ErrorCode.WRONG_SHAPE
        )
    return points[np.isfinite(points).all(axis=1)]


def _relevant(
    points: NDArray[np.float64],
    distance: SignedDistanceGrid,
    plane: NDArray[np.float64] | None,
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    config: ObjectConfig,
) -> NDArray[np.float64]:
    """Obstacle points that count, at most one for each cube of two thirds of a ball's radius."""
    reach = config.obstacle_radius + config.environment_spacing
    points = points[((points > box[0] - reach) & (points < box[1] + reach)).all(axis=1)]
    if plane is not None:
        points = points[points @ plane[:3] + plane[3] > 0]
    if len(points):
        points = points[sample_distance(distance, points)[0] > config.obstacle_clearance]
    if len(points) and config.obstacle_radius > 0:
        voxel = np.floor(points / (_THINNING * config.obstacle_radius)).astype(np.int64)
        points = points[np.unique(voxel, axis=0, return_index=True)[1]]
    return points


def _merge_balls(
    values: NDArray[np.float64], nodes: NDArray[np.float64], tree: cKDTree, radius: float
) -> None:
    """Lower `values` to the distance of the nearest ball where that is nearer, in place.

    A ball's middle is sought no farther than it would count: next to the plane that is near, and
    below it nowhere. Without a bound the grid takes three times as long.
    """
    bound = values[:, 3] + radius
    rows = np.flatnonzero(bound > 0.0)
    rows = rows[np.argsort(bound[rows], kind='stable')]
    for part in np.array_split(rows, max(1, len(rows) // _SHARE)):
        part = np.sort(part)  # neighbours one after another find what is still in the cache
        farthest = np.nextafter(bound[part].max(initial=0.0), np.inf)
        gap, index = tree.query(nodes[part], distance_upper_bound=farthest, workers=-1)
        nearer = gap - radius < values[part, 3]
        part, gap, index = part[nearer], gap[nearer], index[nearer]
        values[part, :3] = (nodes[part] - tree.data[index]) / np.maximum(gap, 1e-9)[:, None]
        values[part, 3] = gap - radius
