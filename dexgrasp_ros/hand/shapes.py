"""Collision geometry and drawings of a hand's links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.hand_model import ConvexMesh, GeometryType, LinkMesh
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.core.progress import LoadCallback, LoadProgress
from dexgrasp_ros.hand.anatomy import find_anatomy
from dexgrasp_ros.hand.geometry import primitive_area, primitive_distance, primitive_mesh
from dexgrasp_ros.hand.meshes import MeshError, MeshFinder
from dexgrasp_ros.hand.pieces import ConvexPiece, convex_pieces
from dexgrasp_ros.hand.polytope import surface_area
from dexgrasp_ros.hand.polytope_surface import polytope_points
from dexgrasp_ros.hand.surface import Surface, surface_points
from dexgrasp_ros.hand.tree import KinematicTree

if TYPE_CHECKING:
    import trimesh
    from yourdfpy.urdf import Collision, Geometry, Robot, Visual

DEFAULT_COLOR = (0.6, 0.6, 0.62, 1.0)  # what is drawn without a material
# Groups of a hand, where meshes make them: each is a contact in every iteration of a search. The
# hands of the package, in primitives, have 30 to 98.
GROUP_LIMIT = 100
# Of the contact weight, how much a mesh's shape matters where no contact is wanted (a forearm).
_LEAST_WEIGHT = 0.05
_FLAT = 1e-4  # of its size: a mesh that is thinner has no volume to speak of


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


@dataclass(frozen=True, kw_only=True)
class _Element:
    """One collision element of the document: a primitive, or a mesh that has not been cut."""

    link: int
    origin: NDArray[np.float64]  # [4, 4] in the link
    shape: tuple[GeometryType, tuple[float, float, float]] | trimesh.Trimesh


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
        FILE_NOT_FOUND or INVALID_URDF for a collision mesh that is missing or cannot be used,
        UNSUPPORTED_HAND for a hand without any geometry.
    """
    elements = _elements(robot, tree.link_names, source, finder, warnings)
    if not elements:
        raise HandError(
            f'{source}: no link has collision geometry; a hand needs some to touch with.',
            ErrorCode.UNSUPPORTED_HAND,
        )
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


def _elements(
    robot: Robot,
    link_names: Sequence[str],
    source: str,
    finder: MeshFinder,
    warnings: list[str],
) -> list[_Element]:
    """Collision geometry of all links, links in order; all meshes are read before one is cut."""
    by_name = {link.name: link for link in robot.links}
    found = []
    for index, name in enumerate(link_names):
        link = by_name[name]
        own = []
        for element in link.collisions or link.visuals:
            try:
                own.append(_element(element, index, finder, f"{source}: link '{name}'"))
            except HandError:
                # A drawing that is missing costs its link's shape; `link_meshes` warns of it.
                if link.collisions:
                    raise
        if own and not link.collisions:
            warnings.append(f"link '{name}' has no <collision>; its <visual> is taken for it")
        found += own
    return found


def _element(element: Collision | Visual, link: int, finder: MeshFinder, where: str) -> _Element:
    """Primitive of an element, or its mesh."""
    origin = np.eye(4) if element.origin is None else np.asarray(element.origin)
    primitive = primitive_of(element.geometry)
    if primitive is not None:
        return _Element(link=link, origin=origin, shape=primitive)
    file, scale = element.geometry.mesh.filename, element.geometry.mesh.scale
    try:
        mesh = finder.load(file, scale)
    except MeshError as error:
        missing = finder.find(file) is None
        raise HandError(
            f"{where}: its mesh '{file}' cannot be used: {error}.",
            ErrorCode.FILE_NOT_FOUND if missing else ErrorCode.INVALID_URDF,
        ) from error
    if _is_flat(mesh):
        raise HandError(f"{where}: its mesh '{file}' is flat; expected one that has a volume.")
    return _Element(link=link, origin=origin, shape=mesh)


def _is_flat(mesh: trimesh.Trimesh) -> bool:
    """Whether all corners lie in a plane, or nearly so."""
    arms = mesh.vertices - mesh.vertices.mean(axis=0)
    spread = np.linalg.svd(arms.T @ arms, compute_uv=False)  # squares of lengths
    return bool(spread[2] <= _FLAT**2 * spread[0])


def _cut_meshes(
    elements: list[_Element], tree: KinematicTree, progress: LoadCallback | None
) -> list[tuple[ConvexPiece, ...]]:
    """Convex pieces of each element; none for primitives."""
    meshes = [i for i, element in enumerate(elements) if not isinstance(element.shape, tuple)]
    found: list[tuple[ConvexPiece, ...]] = [() for _ in elements]
    if not meshes:
        return found
    links = np.array([element.link for element in elements], np.int32)
    weights = np.maximum(find_anatomy(tree, links).weights[links[meshes]], _LEAST_WEIGHT)

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


def _parts(element: _Element, pieces: tuple[ConvexPiece, ...]) -> list[_Part]:
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


def primitive_of(geometry: Geometry) -> tuple[GeometryType, tuple[float, float, float]] | None:
    """Type and size of a URDF geometry in the form of `GeometryType`; None for a mesh."""
    if geometry.box is not None:
        x, y, z = 0.5 * geometry.box.size
        return GeometryType.BOX, (float(x), float(y), float(z))
    if geometry.sphere is not None:
        return GeometryType.SPHERE, (geometry.sphere.radius, 0.0, 0.0)
    if geometry.cylinder is not None:
        cylinder = geometry.cylinder
        return GeometryType.CYLINDER, (cylinder.radius, 0.5 * cylinder.length, 0.0)
    return None


def link_meshes(
    robot: Robot, link_names: Sequence[str], finder: MeshFinder, warnings: list[str]
) -> tuple[LinkMesh, ...]:
    """Triangles of every visual; of the collision geometry where a link has no visual.

    A mesh file that is missing or broken costs its drawing and a warning, nothing else.
    """
    colors = {m.name: m.color.rgba for m in robot.materials if m.color is not None}
    for link in robot.links:
        for visual in link.visuals:
            if visual.material is not None and visual.material.color is not None:
                colors.setdefault(visual.material.name, visual.material.color.rgba)
    by_name = {link.name: link for link in robot.links}
    result = []
    for index, name in enumerate(link_names):
        for element in by_name[name].visuals or by_name[name].collisions:
            primitive = primitive_of(element.geometry)
            if primitive is None:
                file, scale = element.geometry.mesh.filename, element.geometry.mesh.scale
                try:
                    mesh = finder.load(file, scale)
                except MeshError as error:
                    warnings.append(f"the mesh '{file}' of link '{name}' is not drawn: {error}")
                    continue
            else:
                mesh = primitive_mesh(*primitive)
            if element.origin is not None:
                mesh.apply_transform(element.origin)
            result.append(
                LinkMesh(
                    link=index,
                    vertices=np.array(mesh.vertices, dtype=np.float64),
                    faces=np.array(mesh.faces, dtype=np.int64),
                    color=_color(getattr(element, 'material', None), colors),
                )
            )
    return tuple(result)


def _color(material: object, colors: dict) -> tuple[float, float, float, float]:
    """RGBA of a material, which may hold a colour itself or name one stated elsewhere."""
    if material is None:
        return DEFAULT_COLOR
    own = getattr(material, 'color', None)
    rgba = own.rgba if own is not None else colors.get(material.name, DEFAULT_COLOR)
    return tuple(float(c) for c in rgba) if len(rgba) == 4 else DEFAULT_COLOR
