"""Collision meshes as convex pieces."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import QhullError

from dexgrasp_ros.core.disk_cache import code_digest, load_arrays, store_arrays
from dexgrasp_ros.hand.polytope import Polytope, simple_hull
from dexgrasp_ros.hand.solid import enclosed_solid

if TYPE_CHECKING:
    import trimesh

_FOLDER = 'hands'  # in the user's cache folder
CONVEX_SHARE = 0.98  # of the hull's volume: what fills more of it is convex as it is
# What an open shell encloses is less than this share of its hull; then the hull is meant.
_OPEN_SHARE = 0.05
# coacd: how concave a piece may be, in half lengths of the mesh. At 0.05 a fingertip of 57 mm had
# 40 pieces, at 0.1 it has 15 that stick out by 0.1 mm on average and 0.7 mm at the 95th
# percentile; each piece is a contact group in every iteration of a search.
THRESHOLD = 0.1
_PIECE_LIMIT = 16
# Surface samples and size of the tree search: half of coacd's defaults or less, a quarter of the
# time, pieces as good within the scatter.
_SEARCH = {'resolution': 600, 'mcts_nodes': 6, 'mcts_iterations': 30, 'mcts_max_depth': 2}
_LEAST_VOLUME = 1e-4  # of all pieces together: crumbs between cuts


@dataclass(frozen=True, kw_only=True)
class ConvexPiece:
    """One convex part of a mesh; planes and triangles are about its bounding box's centre."""

    center: NDArray[np.float64]  # [3] m, in the mesh's frame
    half_extents: NDArray[np.float64]  # [3] m
    shape: Polytope


def convex_pieces(mesh: trimesh.Trimesh) -> tuple[ConvexPiece, ...]:
    """Convex pieces that together cover what a mesh encloses, always the same for the same mesh.

    A mesh that is convex within 2 % of its volume is one piece. Otherwise coacd cuts the solid
    that it encloses (`enclosed_solid`). Each piece has at most `polytope.PLANE_LIMIT` planes.
    Results are kept in the user's cache folder, by content.

    Raises
    ------
    scipy.spatial.QhullError
        The mesh is flat.
    """
    vertices = np.ascontiguousarray(mesh.vertices, np.float64)
    faces = np.ascontiguousarray(mesh.faces, np.int64)
    code = code_digest(Path(__file__).parent, 'pieces', 'polytope', 'solid')
    key = (code, version('coacd'), vertices, faces)
    stored = load_arrays(_FOLDER, key)
    shapes = None if stored is None else _unpack(stored)
    if shapes is None:
        shapes = _decompose(mesh)
        store_arrays(_FOLDER, key, _pack(shapes))
    return tuple(_centered(shape) for shape in shapes)


def _decompose(mesh: trimesh.Trimesh) -> list[Polytope]:
    whole = simple_hull(np.asarray(mesh.vertices))
    hull_volume = float(mesh.convex_hull.volume)
    if mesh.is_watertight and mesh.volume > CONVEX_SHARE * hull_volume:
        return [whole]
    solid = enclosed_solid(mesh)
    share = 0.0 if solid is None else float(solid.volume) / hull_volume
    if solid is None or share < _OPEN_SHARE or share > CONVEX_SHARE:
        return [whole]
    pieces = []
    for points in _cut(solid):
        try:
            pieces.append(simple_hull(points))
        except QhullError:  # a crumb without thickness
            continue
    volumes = np.array([_volume(piece) for piece in pieces])
    kept = [p for p, v in zip(pieces, volumes, strict=True) if v > _LEAST_VOLUME * volumes.sum()]
    return kept or [whole]


def _cut(solid: trimesh.Trimesh) -> list[NDArray[np.float64]]:
    """Corners of the convex pieces that coacd finds."""
    import coacd

    coacd.set_log_level('error')
    size, center = float(solid.extents.max()), solid.bounds.mean(axis=0)
    parts = coacd.run_coacd(
        coacd.Mesh((solid.vertices - center) / size, solid.faces),
        threshold=THRESHOLD,
        max_convex_hull=_PIECE_LIMIT,
        preprocess_mode='off',
        seed=0,
        **_SEARCH,
    )
    return [np.asarray(vertices) * size + center for vertices, _ in parts]


def _volume(shape: Polytope) -> float:
    corners = shape.vertices[shape.faces]
    return float(np.einsum('fi,fi->', corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6.0)


def _centered(shape: Polytope) -> ConvexPiece:
    low, high = shape.vertices.min(axis=0), shape.vertices.max(axis=0)
    center = 0.5 * (low + high)
    planes = shape.planes.copy()
    planes[:, 3] -= planes[:, :3] @ center
    return ConvexPiece(
        center=center,
        half_extents=0.5 * (high - low),
        shape=Polytope(
            planes=planes,
            vertices=shape.vertices - center,
            faces=shape.faces,
            excess=shape.excess,
        ),
    )


def _pack(shapes: list[Polytope]) -> dict[str, NDArray]:
    """Polytopes as flat arrays."""
    parts = ('planes', 'vertices', 'faces')
    packed = {name: np.concatenate([getattr(s, name) for s in shapes]) for name in parts}
    counts = [[len(getattr(s, name)) for name in parts] for s in shapes]
    return packed | {'counts': np.array(counts), 'excess': np.array([s.excess for s in shapes])}


def _unpack(arrays: dict[str, NDArray]) -> list[Polytope] | None:
    """Polytopes of flat arrays; None where they do not fit together."""
    try:
        ends = np.cumsum(arrays['counts'], axis=0)
        split = {
            name: np.split(arrays[name], ends[:-1, i])
            for i, name in enumerate(('planes', 'vertices', 'faces'))
        }
        fits = all(len(arrays[n]) == ends[-1, i] for i, n in enumerate(split))
        shapes = [
            Polytope(
                planes=split['planes'][i],
                vertices=split['vertices'][i],
                faces=split['faces'][i],
                excess=float(excess),
            )
            for i, excess in enumerate(arrays['excess'])
        ]
        sound = all(
            np.isfinite(s.planes).all() and s.faces.max() < len(s.vertices) for s in shapes
        )
    except (KeyError, IndexError, ValueError, TypeError):
        return None
    return shapes if fits and sound and shapes else None
