"""The surface where a field on a grid is zero, by Warp's marching cubes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.kernel_loader import load_kernels
from dexgrasp_ros.core.warp_loader import start_warp

_KERNELS = 'warp.geometry.marching_cubes'
_DEVICE = 'cpu'


def marching_cubes(field: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices [V, 3], in cells, and faces [F, 3] of the zero level of a field [X, Y, Z].

    Raises
    ------
    DeviceError
        DEVICE_UNAVAILABLE: its kernels can be neither loaded nor compiled.
    """
    import warp as wp
    from warp.geometry import IsoSurfaceMarchingCubes

    start_warp()
    load_kernels(_DEVICE, _KERNELS)
    values = wp.array(np.ascontiguousarray(field), dtype=wp.float32, device=_DEVICE)
    vertices, indices = IsoSurfaceMarchingCubes.extract(values, 0.0)
    faces = indices.numpy().reshape(-1, 3).astype(np.int64)
    return vertices.numpy().astype(np.float64), faces
