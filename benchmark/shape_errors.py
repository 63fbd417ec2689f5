"""How far a reconstruction is from the truth; all of it by Open3D's rays and distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy import ndimage
from surfaces import Surface
from views import LABEL, View

from dexgrasp_ros.core.object_model import ObservedObject

_SAMPLES = 10_000  # points of each surface
_CELL = 0.003  # m between the points that volumes are counted by
_FREE_MARGIN = 0.003  # m before the true depth, at all 9 pixels, that is surely free


def shape_errors(view: View, found: ObservedObject) -> dict[str, Any]:
    """Measures of one reconstruction.

    Returns
    -------
    dict
        `chamfer` [m]: mean of the two mean distances from samples of one surface to the other;
        `iou`: of the volumes, by points 3 mm apart;
        `seen` [m]: mean distance of the seen side of the mesh, as the camera's rays hit it, to the
        true surface; `missed`: share of the object's pixels whose rays do not hit the mesh;
        `points` [m]: mean distance of the measured points to the mesh;
        `invented` [m³] in space that the camera saw to be free; `volume`, `true_volume` [m³].
    """
    true, mesh = Surface(view.vertices, view.faces), Surface(found.vertices, found.faces)
    there = mesh.distance(_sample(view.vertices, view.faces)).mean()
    back = true.distance(_sample(found.vertices, found.faces)).mean()
    nodes = _nodes(np.concatenate([view.vertices, found.vertices]))
    a, b = true.occupied(nodes), mesh.occupied(nodes)
    rays = _rays(view, view.frame.labels == LABEL)
    hit = mesh.cast(rays)
    seen = np.isfinite(hit)
    return {
        'chamfer': float(0.5 * (there + back)),
        'iou': float((a & b).sum() / (a | b).sum()),
        'seen': float(true.distance(rays[seen] * hit[seen, None]).mean()),
        'missed': float(1.0 - seen.mean()),
        'points': float(mesh.distance(found.points).mean()),
        'invented': float(_free(view, nodes[b]).sum() * _CELL**3),
        'volume': float(b.sum() * _CELL**3),
        'true_volume': float(a.sum() * _CELL**3),
    }


def _sample(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    mesh = trimesh.Trimesh(vertices, faces, process=False)
    return trimesh.sample.sample_surface(mesh, _SAMPLES, seed=0)[0]


def _nodes(points: NDArray[np.float64]) -> NDArray[np.float64]:
    axes = [np.arange(a, b + _CELL, _CELL) for a, b in zip(points.min(0), points.max(0))]  # noqa: B905
    return np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, 3)


def _rays(view: View, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    v, u = np.nonzero(mask)
    K = view.frame.intrinsics
    return np.column_stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(len(u))])


def _free(view: View, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which points [M, 3] lie before all true depths around their pixel."""
    depth = np.where(view.true_depth > 0.0, view.true_depth, np.inf)
    nearest = ndimage.minimum_filter(depth, size=3)
    K = view.frame.intrinsics
    u = np.rint(points[:, 0] / points[:, 2] * K[0, 0] + K[0, 2]).astype(int)
    v = np.rint(points[:, 1] / points[:, 2] * K[1, 1] + K[1, 2]).astype(int)
    height, width = depth.shape
    u, v = np.clip(u, 0, width - 1), np.clip(v, 0, height - 1)
    return points[:, 2] < nearest[v, u] - _FREE_MARGIN
