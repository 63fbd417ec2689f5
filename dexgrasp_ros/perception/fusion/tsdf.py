"""Signed distances to one object's seen surface, averaged over views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from dexgrasp_ros.core.errors import ErrorCode, PerceptionError
from dexgrasp_ros.core.open3d_loader import import_open3d
from dexgrasp_ros.perception.scene import thin
from dexgrasp_ros.perception.surface import SeenSurface

_RESOLUTION = 8  # voxels along the edge of a block
# Behind the surface a view's weight falls to zero at this part of the truncation (Curless and
# Levoy 1996, section 3.1): what it says there is a guess, and must not thicken a wall whose other
# side another view saw.
_BEHIND = 0.75


@dataclass(frozen=True, kw_only=True)
class FusedDistance:
    """Dense copy of a volume: sums of weights and of weighted distances at the voxels."""

    lower: NDArray[np.float64]  # [3] m, voxel (0, 0, 0)
    spacing: float  # m
    sums: NDArray[np.float32]  # [X, Y, Z] weight times distance [m]
    weights: NDArray[np.float32]  # [X, Y, Z]

    def sample(self, points: NDArray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Interpolate both sums [M] at points [M, 3]: of weighted distances, of weights."""
        at = ((points - self.lower) / self.spacing).T
        return tuple(
            ndimage.map_coordinates(values, at, order=1, mode='constant', cval=0.0)
            for values in (self.sums, self.weights)
        )


class TsdfVolume:
    """Blocks of voxels around an object's seen surface, in the fixed frame.

    Open3D's voxel block grid stores them, so memory grows with the surface and not with its box.
    Each view adds ``w d`` and ``w`` to the voxels whose distance d to the surface it sees is less
    than the truncation; their quotient is the weighted mean of Curless and Levoy (1996). Sums of
    views do not depend on their order.

    Parameters
    ----------
    spacing
        Voxel edge [m].
    truncation
        Largest distance that is averaged [m].
    max_blocks
        Blocks at most.
    """

    def __init__(self, spacing: float, truncation: float, max_blocks: int) -> None:
        self.spacing, self.truncation, self._max_blocks = spacing, truncation, max_blocks
        self._o3d = import_open3d()
        core = self._o3d.core
        self._grid = self._o3d.t.geometry.VoxelBlockGrid(
            ('sum', 'weight'), (core.float32, core.float32), ((1), (1)), spacing, _RESOLUTION, 512
        )

    @property
    def block_count(self) -> int:
        """Blocks in use."""
        return self._grid.hashmap().size()

    def integrate(
        self,
        surface: SeenSurface,
        mask: NDArray[np.bool_],
        points: NDArray[np.float64],
        T_world_cam: NDArray[np.float64],
    ) -> None:
        """Add what one view saw of the object.

        Parameters
        ----------
        surface
            The front that the view saw.
        mask
            Pixels [h, w] of the surface's window in which it was measured, not mended.
        points
            Of these pixels in the fixed frame, [M, 3].
        T_world_cam
            Pose [4, 4] of the view.

        Raises
        ------
        PerceptionError
            OUT_OF_RANGE where the object needs more than `max_blocks`; nothing is added then.
        """
        positions, index = self._activate(points)
        T = T_world_cam.astype(np.float32)
        local = np.einsum('ij,jk->ik', positions - T[:3, 3], T[:3, :3])
        pixels, z = surface.window.project(local)
        u, v = np.rint(pixels).astype(np.int32).T
        inside = (z > 0.0) & (u >= 0) & (u < mask.shape[1]) & (v >= 0) & (v < mask.shape[0])
        # At steps of depth what is interpolated is no surface.
        sure = mask & (surface.images[..., 2] == 0.0)
        inside[inside] = sure[v[inside], u[inside]]
        local, index = local[inside], index[inside]
        distance, _, _ = surface.compare(local)
        near = (distance > -_BEHIND * self.truncation) & (distance < self.truncation)
        distance, index = distance[near], index[near]
        weight = np.minimum(1.0 + distance / (_BEHIND * self.truncation), 1.0)
        sums, weights = self._attributes()
        sums[index] += weight * distance  # each voxel occurs once
        weights[index] += weight

    def snapshot(self) -> FusedDistance:
        """Copy of all voxels as dense arrays over their box."""
        coordinates, index = self._grid.voxel_coordinates_and_flattened_indices()
        cells = np.rint(coordinates.numpy() / self.spacing).astype(np.int64)
        index = index.numpy().reshape(-1)
        # A voxel beside the box keeps the interpolation at its border honest.
        lower = cells.min(axis=0) - 1
        shape = tuple(cells.max(axis=0) - lower + 2)
        dense = []
        for values in self._attributes():
            array = np.zeros(shape, np.float32)
            array[tuple((cells - lower).T)] = values[index]
            dense.append(array)
        return FusedDistance(
            lower=self.spacing * lower, spacing=self.spacing, sums=dense[0], weights=dense[1]
        )

    def _activate(self, points: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        """Voxels of all blocks within the truncation of points: positions [M, 3], indices [M]."""
        core, hashmap = self._o3d.core, self._grid.hashmap()
        edge = _RESOLUTION * self.spacing
        near = thin(points, self.truncation)  # stands for others within a truncation's cube
        reach = 2.0 * self.truncation
        steps = np.linspace(-reach, reach, 2 * int(np.ceil(reach / edge)) + 1)
        steps = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
        cells = np.floor((near[:, None] + steps).reshape(-1, 3) / edge).astype(np.int32)
        keys = core.Tensor(np.unique(cells, axis=0))
        _, known = hashmap.find(keys)
        count = hashmap.size() + int((~known.numpy()).sum())
        if count > self._max_blocks:
            raise PerceptionError(
                f'The object reaches over {count} blocks of {100 * edge:.1f} cm; expected at most'
                f" {self._max_blocks} ('max_blocks'). Does its label cover something else too?",
                ErrorCode.OUT_OF_RANGE,
            )
        hashmap.activate(keys)
        buffers, _ = hashmap.find(keys)
        positions, index = self._grid.voxel_coordinates_and_flattened_indices(buffers)
        return positions.numpy(), index.numpy().reshape(-1)

    def _attributes(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return views [count] of both sums of all voxels; growing the grid ends them."""
        return tuple(
            self._grid.attribute(name).reshape((-1,)).numpy() for name in ('sum', 'weight')
        )
