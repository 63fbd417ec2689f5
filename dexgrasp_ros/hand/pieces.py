"""The collision meshes of a hand as convex pieces, no more of them than a search can afford."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import QhullError

from dexgrasp_ros.core.disk_cache import code_digest, load_arrays, store_arrays
from dexgrasp_ros.hand.decomposition import Budget, ReportMesh, convex_parts
from dexgrasp_ros.hand.mesh_copies import MeshCopy, find_copies
from dexgrasp_ros.hand.polytope import Polytope, simple_hull

if TYPE_CHECKING:
    import trimesh

_FOLDER = 'hands'  # in the user's cache folder
# What the pieces follow from: modules of this folder, and libraries.
_MODULES = (
    *('cutting', 'decomposition', 'merging', 'mesh_copies', 'pieces', 'polytope', 'solid'),
    'surface',
)
_LIBRARIES = ('manifold3d', 'open3d', 'scipy', 'trimesh', 'warp-lang')


@dataclass(frozen=True, kw_only=True)
class ConvexPiece:
    """One convex part of a mesh; planes and triangles are about its bounding box's centre."""

    center: NDArray[np.float64]  # [3] m, in the mesh's frame
    half_extents: NDArray[np.float64]  # [3] m
    shape: Polytope


def convex_pieces(
    meshes: Sequence[trimesh.Trimesh],
    weights: Sequence[float],
    limit: int,
    report: ReportMesh = lambda mesh, share: None,
) -> list[tuple[ConvexPiece, ...]]:
    """Convex pieces that together cover what each mesh encloses, always the same for a hand.

    `decomposition` tells how pieces are shared out. Meshes that are the same one, moved or
    mirrored, are cut once, and have the same pieces. A piece has at most `polytope.PLANE_LIMIT`
    planes. Results are kept in the user's cache folder, by content.

    Parameters
    ----------
    meshes
        All meshes of a hand; none is flat.
    weights
        How much the shape of each matters, above 0 to 1.
    limit
        Pieces of all meshes together. Each mesh has one at least, be it beyond the limit, and
        `decomposition.MESH_LIMIT` at most.
    report
        Is told which mesh is about to be worked on, and the share of the work that is done.
        Nothing is told where the pieces come from the cache.
    """
    digests, copies = find_copies(meshes)
    own = np.array([copy.original for copy in copies])
    budget = Budget(
        uses=np.bincount(own),
        weights=np.array([np.max(np.array(weights)[own == i]) for i in range(len(digests))]),
        limit=limit,
    )
    code = code_digest(Path(__file__).parent, *_MODULES)
    versions = tuple(map(version, _LIBRARIES))
    key = (code, *versions, digests, *vars(budget).values())
    shapes = _unpack(load_arrays(_FOLDER, key))
    if shapes is None:
        first = np.unique(own, return_index=True)[1]
        originals = [copies[i].original_of(meshes[i]) for i in first]
        parts = convex_parts(originals, budget, lambda i, share: report(int(first[i]), share))
        shapes = [
            _polytopes(cut) or [simple_hull(mesh.vertices)]
            for cut, mesh in zip(parts, originals, strict=True)
        ]
        store_arrays(_FOLDER, key, _pack(shapes))
    return [tuple(_placed(shape, copy) for shape in shapes[copy.original]) for copy in copies]


def _polytopes(parts: list[NDArray[np.float64]]) -> list[Polytope]:
    """Parts as polytopes of few planes."""
    shapes = []
    for corners in parts:
        try:
            shapes.append(simple_hull(corners))
        except QhullError:  # a crumb without thickness
            continue
    return shapes


def _placed(shape: Polytope, copy: MeshCopy) -> ConvexPiece:
    """Part of an original as a piece of one of its copies."""
    planes = shape.planes * np.append(copy.signs, 1.0)
    vertices = shape.vertices * copy.signs
    middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    planes[:, 3] -= planes[:, :3] @ middle
    return ConvexPiece(
        center=middle + copy.center,
        half_extents=0.5 * np.ptp(vertices, axis=0),
        shape=Polytope(
            planes=planes,
            vertices=vertices - middle,
            faces=shape.faces if copy.signs.prod() > 0.0 else shape.faces[:, ::-1],
        ),
    )


def _pack(shapes: list[list[Polytope]]) -> dict[str, NDArray]:
    """Polytopes of each mesh as flat arrays."""
    flat = [shape for own in shapes for shape in own]
    parts = ('planes', 'vertices', 'faces')
    packed = {name: np.concatenate([getattr(s, name) for s in flat]) for name in parts}
    return packed | {
        'counts': np.array([[len(getattr(s, name)) for name in parts] for s in flat]),
        'pieces': np.array([len(own) for own in shapes]),
    }


def _unpack(arrays: dict[str, NDArray] | None) -> list[list[Polytope]] | None:
    """Polytopes of flat arrays; None where there are none."""
    if arrays is None:
        return None
    names = ('planes', 'vertices', 'faces')
    ends = np.cumsum(arrays['counts'], axis=0)[:-1]
    split = [np.split(arrays[name], ends[:, i]) for i, name in enumerate(names)]
    shapes = [Polytope(**dict(zip(names, own, strict=True))) for own in zip(*split, strict=True)]
    starts = np.append(0, np.cumsum(arrays['pieces']))
    return [shapes[a:b] for a, b in itertools.pairwise(starts)]
