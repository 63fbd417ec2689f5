"""Surface points of primitives: regular lattices with edges, and compact clusters of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.hand.geometry import primitive_area

Surface = tuple[NDArray[np.float64], NDArray[np.float64]]  # points [M, 3], normals [M, 3]
# Points of a primitive, about; palms have hundreds. A hand in millimetres would have millions.
_MOST = 100_000
_ROUND = 16  # points of a ring, about, where the ring is thin


def surface_points(geometry_type: int, size: ArrayLike, spacing: float) -> Surface:
    """Points that cover a primitive's surface, neighbours at most `spacing` apart.

    Nothing is random. Edges and corners carry points of their own (with the mean normal of the
    faces that meet there), because a hand touches with them.

    Parameters
    ----------
    geometry_type
        A `GeometryType`.
    size
        [3] m, meaning as in `GeometryType`.
    spacing
        Upper bound of the distance between neighbours along the lattice, m; more where a primitive
        would have a hundred thousand points.

    Returns
    -------
    points, normals
        [M, 3] m and [M, 3] unit, outward, in the primitive's frame.
    """
    size = np.asarray(size, dtype=np.float64)
    if geometry_type != GeometryType.BOX:
        # The arc between neighbours then rises above their chord by h^2 / 8r < 1.4 % of r.
        spacing = min(spacing, size[0] / 3.0)
    area = primitive_area(geometry_type, size)
    spacing = max(spacing, np.sqrt(area / _MOST), _ROUND * size.max() / _MOST)
    match GeometryType(geometry_type):
        case GeometryType.BOX:
            return _box(size, spacing)
        case GeometryType.SPHERE:
            unit = _fibonacci(4.0 * np.pi * (size[0] / spacing) ** 2)
            return unit * size[0], unit
        case GeometryType.CYLINDER:
            return _cylinder(size[0], size[1], spacing)
        case GeometryType.CAPSULE:
            return _capsule(size[0], size[1], spacing)


def _box(half: NDArray[np.float64], spacing: float) -> Surface:
    """Nodes of the box's lattice that lie on its boundary."""
    steps = np.maximum(np.ceil(2.0 * half / spacing - 1e-9), 1).astype(int)
    index = np.stack(
        np.meshgrid(*[np.arange(n + 1) for n in steps], indexing='ij'), axis=-1
    ).reshape(-1, 3)
    normals = (index == steps).astype(float) - (index == 0)
    keep = normals.any(axis=1)
    normals = normals[keep]
    points = (2.0 * index[keep] / steps - 1.0) * half
    return points, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _fibonacci(count: float) -> NDArray[np.float64]:
    """Spread unit vectors on the spherical Fibonacci lattice (Swinbank and Purser 2006)."""
    count = max(int(np.ceil(count)), 12)
    k = np.arange(count)
    z = 1.0 - (2.0 * k + 1.0) / count
    angle = k * np.pi * (3.0 - np.sqrt(5.0))
    ring = np.sqrt(1.0 - z * z)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), z], axis=1)


def _ring(radius: float, spacing: float, phase: float) -> NDArray[np.float64]:
    """Spread unit vectors [M, 2] around a circle, at least eight."""
    count = max(int(np.ceil(2.0 * np.pi * radius / spacing)), 8)
    angle = 2.0 * np.pi * (np.arange(count) + phase) / count
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _side(radius: float, half: float, spacing: float) -> list[tuple[NDArray, float, float]]:
    """Rings along a cylinder: directions [M, 2], z, and -1, 0 or 1 for lower rim, side, upper."""
    steps = max(int(np.ceil(2.0 * half / spacing)), 1)
    rings = []
    for i, z in enumerate(np.linspace(-half, half, steps + 1)):
        # Every other ring is turned by half a step, so that the points stand in a quincunx.
        rim = -1.0 if i == 0 else 1.0 if i == steps else 0.0
        rings.append((_ring(radius, spacing, 0.5 * (i % 2)), float(z), rim))
    return rings


def _cylinder(radius: float, half: float, spacing: float) -> Surface:
    """Rings on the side, rims with normals at 45 degrees, concentric rings on both ends."""
    points, normals = [], []
    for direction, z, rim in _side(radius, half, spacing):
        points.append(np.column_stack([radius * direction, np.full(len(direction), z)]))
        normal = np.column_stack([direction, np.full(len(direction), rim)])
        normals.append(normal / np.linalg.norm(normal, axis=1, keepdims=True))
    ring_count = max(int(np.ceil(radius / spacing)), 1)
    disk = [np.zeros((1, 2))]
    for i in range(1, ring_count):
        r = radius * i / ring_count
        disk.append(r * _ring(r, spacing, 0.5 * (i % 2)))
    disk = np.concatenate(disk)
    for end in (-1.0, 1.0):
        points.append(np.column_stack([disk, np.full(len(disk), end * half)]))
        normals.append(np.tile([0.0, 0.0, end], (len(disk), 1)))
    return np.concatenate(points), np.concatenate(normals)


def _capsule(radius: float, half: float, spacing: float) -> Surface:
    """Rings on the side and a spherical lattice cut in two for the caps."""
    unit = _fibonacci(4.0 * np.pi * (radius / spacing) ** 2)
    points = [unit * radius + np.where(unit[:, 2:] > 0.0, half, -half) * [0.0, 0.0, 1.0]]
    normals = [unit]
    for direction, z, _ in _side(radius, half, spacing)[1:-1]:
        points.append(np.column_stack([radius * direction, np.full(len(direction), z)]))
        normals.append(np.column_stack([direction, np.zeros(len(direction))]))
    return np.concatenate(points), np.concatenate(normals)


def compact_clusters(
    points: NDArray[np.float64], largest: int, longest: float = np.inf
) -> list[NDArray[np.int64]]:
    """Split points into compact clusters by halving along the longest axis.

    Parameters
    ----------
    points
        [M, 3] m.
    largest
        Points in a cluster at most.
    longest
        Extent of a cluster along each axis at most, m.

    Returns
    -------
    list
        Indices into `points`, one array for each cluster; together every point once.
    """
    result = []
    pending = [np.arange(len(points))]
    while pending:
        index = pending.pop()
        if not len(index):
            continue
        extent = np.ptp(points[index], axis=0)
        axis = int(np.argmax(extent))
        if len(index) <= largest and extent[axis] <= longest:
            result.append(index)
            continue
        order = index[np.argsort(points[index, axis], kind='stable')]
        # Cutting at a whole number of full clusters leaves fewer of them than halving does.
        cluster_count = max(-(-len(index) // largest), 2)
        cut = round(len(index) * (cluster_count // 2) / cluster_count)
        pending += [order[cut:], order[:cut]]
    return result


def bounding_sphere(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Centre [3] and radius of a sphere about points [M, 3]: the middle of their box."""
    center = 0.5 * (points.min(axis=0) + points.max(axis=0))
    return center, float(np.linalg.norm(points - center, axis=1).max())
