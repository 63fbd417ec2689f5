"""Cutting away what would hide something that the camera measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.perception.mesh import make_solid, solid_mesh
from dexgrasp_ros.perception.view import DepthWindow
from dexgrasp_ros.perception.visibility import MeshView

if TYPE_CHECKING:
    from manifold3d import Manifold

# A mesh may stand this far before a measurement; then it is cut back to the measurement [m].
_PROTRUSION = 0.007
# Half the width of a cut [px]: the ray in its middle keeps clear of the new walls.
_HALF_WIDTH = 0.75
_ROUNDS = 3
# Cuts in one round, worst first: each takes a few milliseconds, and a mesh that needs more is
# wrong in a way that cuts do not mend (a label over half the image).
_MAX_CUTS = 300
# Triangles of the box around the near (0-3) and the far (4-7) corners of a cut, outward.
_BOX_FACES = np.array(
    [
        [0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4],
        [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7],
    ]
)  # fmt: skip


def carve(solid: Manifold, window: DepthWindow) -> tuple[Manifold, MeshView, str | None]:
    """Cut the frustum of each pixel, up to its measurement, out of a solid that stands in it.

    Parameters
    ----------
    solid
        The object in the camera's frame [m].
    window
        Part of the frame that holds the whole object.

    Returns
    -------
    solid, view, warning
        What is left, as the camera sees it, and a warning if something still protrudes.
    """
    import manifold3d

    for remaining in reversed(range(_ROUNDS + 1)):
        view = MeshView(*solid_mesh(solid))
        protrusion = view.protrusion(window)
        wrong = protrusion > _PROTRUSION
        if not wrong.any():
            return solid, view, None
        if remaining:
            nearest = float(view.depth_range[0])
            pixels = np.argwhere(wrong)
            worst = np.argsort(-protrusion[wrong], kind='stable')[:_MAX_CUTS]
            cuts = [_frustum(window, pixel, nearest) for pixel in pixels[worst]]
            solid -= manifold3d.Manifold.batch_boolean(cuts, manifold3d.OpType.Add)
    return (
        solid,
        view,
        f'At {int(wrong.sum())} pixels the mesh stands up to {1e3 * protrusion.max():.0f} mm'
        ' before the measured depth.',
    )


def _frustum(window: DepthWindow, pixel: NDArray[np.int64], nearest: float) -> Manifold:
    """Solid that the rays around a pixel sweep from just before the mesh to the measurement."""
    v, u = pixel
    offsets = _HALF_WIDTH * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = (np.array([u, v]) + offsets - window.center) / window.focal
    rays = np.column_stack([corners, np.ones(4)])
    far = float(window.depth[v, u])
    near = min(0.98 * nearest, 0.99 * far)
    return make_solid(np.concatenate([near * rays, far * rays]), _BOX_FACES)
