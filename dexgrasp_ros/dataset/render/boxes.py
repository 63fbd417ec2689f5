"""Where the object is in an image: its boxes in two and three dimensions, and how much is seen."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.poses import invert, matrix_to_pose
from dexgrasp_ros.simulation.bodies import Body
from dexgrasp_ros.simulation.cameras import PinholeCamera
from dexgrasp_ros.simulation.casters import make_caster

_MOST_PIXELS = 2_000_000  # looked at one by one; of a thing that covers more, every n-th is


def oriented_box(
    vertices: NDArray[np.float64], faces: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest box around a mesh: its frame in the frame of the mesh [7], full extents [3] m."""
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    to_box, extents = trimesh.bounds.oriented_bounds(mesh)
    return invert(matrix_to_pose(to_box)), np.asarray(extents)


def visible_box(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Left, top, right, bottom [px] of the pixels of a mask, both ends in; NaN where none is."""
    if not mask.any():
        return np.full(4, np.nan, dtype=np.float32)
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], dtype=np.float32)


class Silhouette:
    """What a body would cover in an image if nothing hid it.

    Parameters
    ----------
    body
        The body; cameras have all of it before them.
    """

    def __init__(self, body: Body) -> None:
        self._vertices = body.posed_vertices()
        self._caster = make_caster(self._vertices, body.faces)

    def seen_share(self, camera: PinholeCamera, mask: NDArray[np.bool_]) -> float:
        """Pixels that show the body, as a share of all that it would cover.

        Those beyond the border of the image count as hidden. Rays are cast only where the body is
        not seen already.

        Parameters
        ----------
        camera
            The camera.
        mask
            Pixels of its image that show the body [H, W].
        """
        pixels, _ = camera.project(self._vertices)
        low, high = np.floor(pixels.min(axis=0)), np.ceil(pixels.max(axis=0))
        step = int(np.ceil(np.sqrt(np.prod(high - low + 1) / _MOST_PIXELS)))
        u, v = np.meshgrid(*(np.arange(low[k], high[k] + 1, step) for k in (0, 1)))
        inside = (u >= 0) & (v >= 0) & (u < camera.width) & (v < camera.height)
        seen = np.zeros(u.shape, dtype=bool)
        seen[inside] = mask[v[inside].astype(np.int64), u[inside].astype(np.int64)]
        directions = camera.directions(u[~seen], v[~seen])
        rays = np.empty((len(directions), 6), dtype=np.float32)
        rays[:, :3], rays[:, 3:] = camera.eye, directions
        hidden = np.count_nonzero(self._caster.occluded(rays))
        return float(seen.sum() / max(seen.sum() + hidden, 1))
