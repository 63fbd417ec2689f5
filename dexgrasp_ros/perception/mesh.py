"""From a signed field to a watertight, outward-oriented, decimated mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from dexgrasp_ros.core.errors import PerceptionError
from dexgrasp_ros.core.marching_cubes import marching_cubes

if TYPE_CHECKING:
    from manifold3d import Manifold

# Taubin's filter: shrink by λ, grow by μ. λ = 0.5, μ = -0.53 has its pass band at
# 1/λ + 1/μ = 0.11, the value of Taubin (1995); it removes steps of a voxel and keeps the volume.
_TAUBIN = (0.5, -0.53)
_TAUBIN_ROUNDS = 10
# First tolerance of the decimation, in voxels; raised until the mesh is small enough.
_TOLERANCE = 0.1
# A piece apart from the largest stays when it is the nearest to this share of the seen points.
_MIN_PIECE_SHARE = 0.02


def extract_solid(
    field: NDArray[np.float32],
    points: NDArray[np.float64],
    floor: float | None,
    max_faces: int,
) -> tuple[Manifold, list[str]]:
    """Solid within the zero level of a field; all lengths are in nodes.

    Parameters
    ----------
    field
        Signed distances at the nodes, negative inside, positive on the border, [X, Y, Z].
    points
        Seen points, [M, 3]; they decide which separate pieces stay.
    floor
        Coordinate along the first axis below which nothing may remain, or None.
    max_faces
        Faces at most.

    Returns
    -------
    solid, warnings
        The solid, and what there is to say about separate pieces.

    Raises
    ------
    PerceptionError
        RECONSTRUCTION_FAILED where the field has no inside.
    """
    vertices, faces = marching_cubes(field)
    # The simplified solid is a fifth of the size, and all that follows is quicker on it.
    solid = make_solid(_smooth(vertices, faces), faces).simplify(_TOLERANCE)
    if floor is not None:
        solid = solid.trim_by_plane((1.0, 0.0, 0.0), floor)
    solid, warnings = _keep_pieces(solid, points)
    return _decimate(solid, max_faces), warnings


def _decimate(solid: Manifold, max_faces: int) -> Manifold:
    """Merge faces, as little as needed to come down to `max_faces`; lengths are in nodes."""
    tolerance = _TOLERANCE
    while solid.num_tri() > max_faces:
        tolerance *= 1.5
        solid = solid.simplify(tolerance)
    return solid


def make_solid(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> Manifold:
    """Solid of a closed, consistently oriented mesh."""
    import manifold3d

    return manifold3d.Manifold(manifold3d.Mesh64(vertices, faces.astype(np.uint64)))


def solid_mesh(solid: Manifold) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices [V, 3] and faces [F, 3] of a solid.

    Where two sheets touch in one place they have a vertex each. Readers that merge equal vertices
    would weld them to an edge of four faces, so they are drawn apart.
    """
    mesh = solid.to_mesh64()
    vertices = np.array(mesh.vert_properties, np.float64)[:, :3]
    faces = np.array(mesh.tri_verts, np.int64)
    # Twenty bits for each coordinate: equal within a millionth of the size.
    lower, size = vertices.min(axis=0), np.ptp(vertices, axis=0).max()
    cells = np.rint((vertices - lower) / size * (2**20 - 1)).astype(np.int64)
    keys = cells @ np.array([2**40, 2**20, 1])
    _, first, count = np.unique(keys, return_inverse=True, return_counts=True)
    touching = np.flatnonzero(count[first] > 1)
    if len(touching):
        corners = vertices[faces]
        centers = np.zeros_like(vertices)
        incident = np.zeros(len(vertices))
        for i in range(3):
            np.add.at(centers, faces[:, i], corners.mean(axis=1))
            np.add.at(incident, faces[:, i], 1.0)
        inward = centers[touching] / incident[touching, None] - vertices[touching]
        vertices[touching] += 1e-2 * inward
    return vertices, faces


def _keep_pieces(solid: Manifold, points: NDArray[np.float64]) -> tuple[Manifold, list[str]]:
    """Drop pieces that explain hardly any of the seen points."""
    import manifold3d

    pieces = sorted(solid.decompose(), key=lambda piece: piece.volume(), reverse=True)
    if not pieces or pieces[0].volume() <= 0.0:
        raise PerceptionError('The reconstructed object has no volume.')
    if len(pieces) == 1:
        return solid, []
    corners = [np.asarray(piece.to_mesh().vert_properties)[:, :3] for piece in pieces]
    owner = np.repeat(np.arange(len(pieces)), [len(c) for c in corners])
    _, nearest = cKDTree(np.concatenate(corners)).query(points)
    share = np.bincount(owner[nearest], minlength=len(pieces)) / len(points)
    keep = (share >= _MIN_PIECE_SHARE) | (np.arange(len(pieces)) == 0)
    kept = [piece for piece, is_kept in zip(pieces, keep, strict=True) if is_kept]
    warnings = []
    if len(kept) > 1:
        warnings.append(f'The mesh has {len(kept)} pieces; what joins them was not seen.')
    # Crumbs of a few voxels are nobody's loss.
    crumb = _MIN_PIECE_SHARE * kept[0].volume()
    lost = sum(p.volume() > crumb for p, is_kept in zip(pieces, keep, strict=True) if not is_kept)
    if lost:
        warnings.append(f'{lost} pieces that no seen point lies on were left out.')
    return manifold3d.Manifold.compose(kept), warnings


def _smooth(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64]:
    """Taubin smoothing with equal weights for all neighbours."""
    count = len(vertices)
    rows = np.concatenate([faces[:, 0], faces[:, 1], faces[:, 2]])
    columns = np.concatenate([faces[:, 1], faces[:, 2], faces[:, 0]])
    # In a closed mesh each edge is met once in each direction: the matrix is symmetric.
    neighbours = sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    degree = np.maximum(np.asarray(neighbours.sum(axis=1)).reshape(-1, 1), 1.0)
    for _ in range(_TAUBIN_ROUNDS):
        for weight in _TAUBIN:
            vertices = vertices + weight * (neighbours @ vertices / degree - vertices)
    return vertices
