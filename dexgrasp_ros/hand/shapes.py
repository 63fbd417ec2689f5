"""Collision geometry of a hand's links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, HandError, choices
from dexgrasp_ros.core.hand_model import ConvexMesh, GeometryType
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.core.progress import LoadCallback, LoadProgress
from dexgrasp_ros.hand.bodies import expected_weights
from dexgrasp_ros.hand.elements import Element, collision_elements
from dexgrasp_ros.hand.geometry import primitive_area, primitive_distance
from dexgrasp_ros.hand.meshes import MeshFinder
from dexgrasp_ros.hand.pieces import ConvexPiece, convex_pieces
from dexgrasp_ros.hand.polytope import surface_area
from dexgrasp_ros.hand.polytope_surface import polytope_points
from dexgrasp_ros.hand.surface import Surface, surface_points
from dexgrasp_ros.hand.tree import KinematicTree

if TYPE_CHECKING:
    from yourdfpy.urdf import Robot

# Groups of a hand, where meshes make them: each is a contact in every iteration of a search. The
# hands of the package, in primitives, have 30 to 98.
GROUP_LIMIT = 100
_LONGEST = 2.0  # m; no primitive of a hand is longer, but one in millimetres is
# Of the contact weight, how much a mesh's shape matters where no contact is wanted (a forearm).
_LEAST_WEIGHT = 0.05


@dataclass(frozen=True, kw_only=True)
class CollisionShapes:
    """The geometry fields of `HandModel`, under the same names."""

    geometry_links: NDArray[np.int32]  # [G]
    geometry_types: NDArray[np.int32]  # [G]
    geometry_poses: NDArray[np.float64]  # [G, 7]
    geometry_sizes: NDArray[np.float64]  # [G, 3]
    geometry_planes: NDArray[np.int32]  # [G + 1]
    planes: NDArray[np.float64]  # [Q, 4]
    geometry_meshes: tuple[ConvexMesh | None, ...]  # [G]
    group_names: tuple[str, ...]  # [G]

    def distance(self, group: int, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Signed distance of points [..., 3] in a geometry's frame, as `primitive_distance`."""
        return primitive_distance(
            self.geometry_types[group],
            self.geometry_sizes[group],
            points,
            self.group_planes(group),
        )

    def group_planes(self, group: int) -> NDArray[np.float64]:
        """Planes of a geometry [Q, 4]."""
        return self.planes[self.geometry_planes[group] : self.geometry_planes[group + 1]]

    def area(self, group: int) -> float:
        """Surface area of a geometry [m^2]."""
        mesh = self.geometry_meshes[group]
        if mesh is not None:
            return surface_area(mesh.vertices, mesh.faces)
        return primitive_area(self.geometry_types[group], self.geometry_sizes[group])

    def surface(self, group: int, spacing: float) -> Surface:
        """Points and normals of a geometry, in its frame, as `surface_points`."""
        mesh = self.geometry_meshes[group]
        if mesh is not None:
            return polytope_points(mesh.vertices, self.group_planes(group), spacing)
        return surface_points(self.geometry_types[group], self.geometry_sizes[group], spacing)


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One geometry of a link, before it has its place in the arrays."""

    kind: GeometryType
    size: tuple[float, float, float]
    pose: NDArray[np.float64]  # [4, 4] in the link
    planes: NDArray[np.float64]  # [Q, 4]
    mesh: ConvexMesh | None


def collision_shapes(
    robot: Robot,
    tree: KinematicTree,
    source: str,
    finder: MeshFinder,
    warnings: list[str],
    progress: LoadCallback | None = None,
) -> CollisionShapes:
    """Primitives and convex pieces of all links, in the order of `tree.link_names`.

    A link that is drawn and has no collision geometry gets what is drawn, with a warning. Meshes
    make as many pieces as `GROUP_LIMIT` leaves beside the primitives, but one each at least.

    Raises
    ------
    HandError
        UNSUPPORTED_HAND for a hand without any geometry; as `collision_elements`.
    """
    elements = collision_elements(robot, tree.link_names, source, finder, warnings)
    if not elements:
        raise HandError(
            f'{source}: no link has collision geometry; a hand needs some to touch with.',
            ErrorCode.UNSUPPORTED_HAND,
        )
    warnings += _size_doubts(elements, tree.link_names)
    owned: list[list[_Part]] = [[] for _ in tree.link_names]
    for element, pieces in zip(elements, _cut_meshes(elements, tree, progress), strict=True):
        owned[element.link] += _parts(element, pieces)
    parts = [part for own in owned for part in own]
    return CollisionShapes(
        geometry_links=np.repeat(np.arange(len(owned), dtype=np.int32), [len(o) for o in owned]),
        geometry_types=np.array([p.kind for p in parts], np.int32),
        geometry_poses=matrix_to_pose(np.stack([p.pose for p in parts])),
        geometry_sizes=np.array([p.size for p in parts], np.float64),
        geometry_planes=np.cumsum([0, *(len(p.planes) for p in parts)]).astype(np.int32),
        planes=np.concatenate([p.planes for p in parts]),
        geometry_meshes=tuple(p.mesh for p in parts),
        group_names=tuple(
            name if len(own) == 1 else f'{name}[{i}]'
            for name, own in zip(tree.link_names, owned, strict=True)
            for i in range(len(own))
        ),
    )


def _size_doubts(elements: Sequence[Element], link_names: Sequence[str]) -> list[str]:
    """Say which links have primitives that no hand has."""
    sizes = [(e.link, 2.0 * max(e.shape[1])) for e in elements if not e.is_mesh]
    large = [(link, size) for link, size in sizes if size > _LONGEST]
    if not large:
        return []
    names = choices({link_names[link] for link, _ in large})
    longest = max(size for _, size in large)
    return [f'the shapes of {names} are up to {longest:.3g} m long; are these millimetres?']


def _cut_meshes(
    elements: Sequence[Element], tree: KinematicTree, progress: LoadCallback | None
) -> list[tuple[ConvexPiece, ...]]:
    """Convex pieces of each element; none for primitives."""
    found: list[tuple[ConvexPiece, ...]] = [() for _ in elements]
    meshes = [i for i, element in enumerate(elements) if element.is_mesh]
    if not meshes:
        return found
    links = np.array([element.link for element in elements])
    weights = np.maximum(expected_weights(tree, links)[links[meshes]], _LEAST_WEIGHT)

    def report(mesh: int, fraction: float) -> None:
        if progress is not None:
            link = tree.link_names[links[meshes[mesh]]]
            progress(LoadProgress(link=link, fraction=fraction))

    pieces = convex_pieces(
        [elements[i].shape for i in meshes],
        weights,
        GROUP_LIMIT - (len(elements) - len(meshes)),
        report,
    )
    for i, own in zip(meshes, pieces, strict=True):
        found[i] = own
    return found


def _parts(element: Element, pieces: tuple[ConvexPiece, ...]) -> list[_Part]:
    """Geometries of an element in its link's frame."""
    if isinstance(element.shape, tuple):
        kind, size = element.shape
        return [
            _Part(kind=kind, size=size, pose=element.origin, planes=np.empty((0, 4)), mesh=None)
        ]
    parts = []
    for piece in pieces:
        pose = element.origin.copy()
        pose[:3, 3] += element.origin[:3, :3] @ piece.center
        parts.append(
            _Part(
                kind=GeometryType.CONVEX,
                size=tuple(float(v) for v in piece.half_extents),
                pose=pose,
                planes=piece.shape.planes,
                mesh=ConvexMesh(vertices=piece.shape.vertices, faces=piece.shape.faces),
            )
        )
    return parts
