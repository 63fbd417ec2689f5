"""How much of the sky and of the sun each surface point sees: soft corners and soft shadows.

A few any-hit rays are cast from the hits of a coarse image, a different set in each pixel of a
4 x 4 tile, and averaged over a tile where the surface is the same. Any finer sample then takes the
mean of the coarse pixels around it that belong to its own surface.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.simulation.cameras import NO_HIT, Hits, RayScene

_TILE = 4


class Visibility:
    """Open share of sky and sun, from 0 to 1, on what a coarse image shows.

    Parameters
    ----------
    occluders
        What throws shadows.
    hits
        Of a whole image, [H, W].
    sun
        Unit vector to it [3].
    sun_size
        Half the angle under which it is seen [rad].
    reach
        Farther things do not hide the sky [m].
    ray_count
        For each pixel, to the sky and to the sun.
    """

    def __init__(
        self,
        occluders: RayScene,
        hits: Hits,
        *,
        sun: NDArray[np.float64],
        sun_size: float,
        reach: float,
        ray_count: int,
    ) -> None:
        self._hits = hits
        shape = hits.body.shape
        row, column = np.nonzero(hits.body != NO_HIT)
        at = hits[row, column]
        # A thousandth of the distance off the surface, clear of facets that shading rounds.
        origin = at.points + 1e-3 * at.depth[:, None] * at.normals
        tangent, bitangent = _frames(at.normals)
        cell = _TILE * (row % _TILE) + column % _TILE
        directions, offsets = ray_sets(ray_count)
        across = np.vstack(_frames(sun[None].astype(np.float32)))
        share = np.zeros((2, len(row)), dtype=np.float32)
        for k in range(ray_count):
            x, y, z = directions[cell, k].T[..., None]
            share[0] += ~occluders.occluded(
                origin, x * tangent + y * bitangent + z * at.normals, reach
            )
            toward = sun.astype(np.float32) + sun_size * offsets[cell, k] @ across
            share[1] += ~occluders.occluded(origin, toward)
        image = np.ones((2, *shape), dtype=np.float32)
        image[:, row, column] = share / ray_count
        self._image = _tile_mean(image, hits)

    def at(
        self, row: NDArray[np.floating], column: NDArray[np.floating], hits: Hits
    ) -> NDArray[np.float32]:
        """Sky and sun [2, M] of samples at coordinates [M] of the coarse image."""
        height, width = self._hits.body.shape
        top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
        total = np.zeros((2, len(row)), dtype=np.float32)
        weight = np.zeros(len(row), dtype=np.float32)
        for dy in (0, 1):
            for dx in (0, 1):
                r, c = top + dy, left + dx
                near = (1 - np.abs(row - r)) * (1 - np.abs(column - c)) + 1e-3
                r, c = np.clip(r, 0, height - 1), np.clip(c, 0, width - 1)
                w = np.where(_same_surface(hits, self._hits[r, c]), near, 1e-6)
                total += w * self._image[:, r, c]
                weight += w.astype(np.float32)
        return total / weight


def _same_surface(a: Hits, b: Hits) -> NDArray[np.bool_]:
    same = (a.body == b.body) & (np.abs(a.depth - b.depth) < 0.02 * a.depth)
    return same & (np.einsum('...i,...i->...', a.normals, b.normals) > 0.8)


def _tile_mean(image: NDArray[np.float32], hits: Hits) -> NDArray[np.float32]:
    """Mean [2, H, W] over the 4 x 4 pixels around each one that belong to the same surface."""
    total, weight = np.zeros_like(image), np.zeros(image.shape[1:], dtype=np.float32)
    height, width = weight.shape
    for dy in range(-_TILE // 2, _TILE // 2):
        for dx in range(-_TILE // 2, _TILE // 2):
            here = np.s_[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
            there = np.s_[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
            with np.errstate(invalid='ignore'):  # inf - inf where nothing was hit
                same = _same_surface(hits[here], hits[there])
            total[:, *here] += np.where(same, image[:, *there], 0)
            weight[here] += same
    return np.where(weight > 0, total / np.maximum(weight, 1), image)


def ray_sets(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Directions over the hemisphere [16, count, 3] and offsets on a disc [16, count, 2].

    All sets together are one low-discrepancy sequence, dealt out to the cells of a tile.
    """
    total = _TILE**2 * count
    first = (np.arange(total) + 0.5) / total
    second = (np.arange(total) * (np.sqrt(5) - 1) / 2) % 1  # golden ratio: even for any prefix
    # Cosine-weighted (Malley's method): a disc lifted to the hemisphere.
    r, angle = np.sqrt(first), 2 * np.pi * second
    disc = np.column_stack([r * np.cos(angle), r * np.sin(angle)])
    lifted = np.column_stack([disc, np.sqrt(1 - first)])
    order = np.arange(_TILE**2) * 7 % _TILE**2  # 7: neighbours in a tile get distant sets
    return (
        lifted.reshape(count, _TILE**2, 3).swapaxes(0, 1)[order].astype(np.float32),
        disc.reshape(count, _TILE**2, 2).swapaxes(0, 1)[order].astype(np.float32),
    )


def _frames(normal: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two unit vectors across each normal [M, 3].

    Duff et al. 2017, Building an Orthonormal Basis, Revisited.
    """
    x, y, z = normal.T
    sign = np.where(z < 0, -1, 1).astype(np.float32)
    a = -1 / (sign + z)
    b = x * y * a
    tangent = np.column_stack([1 + sign * x * x * a, sign * b, -sign * x])
    return tangent, np.column_stack([b, sign + y * y * a, -y])
