"""Collision geometry and drawings of a hand's links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import QhullError

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.hand_model import ConvexMesh, GeometryType, LinkMesh
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.hand.document import Capsule
from dexgrasp_ros.hand.geometry import primitive_area, primitive_distance, primitive_mesh
from dexgrasp_ros.hand.meshes import MeshError, MeshFinder
from dexgrasp_ros.hand.pieces import convex_pieces
from dexgrasp_ros.hand.polytope import surface_area
from dexgrasp_ros.hand.polytope_surface import polytope_points
from dexgrasp_ros.hand.surface import Surface, surface_points

if TYPE_CHECKING:
    from yourdfpy.urdf import Collision, Geometry, Link, Robot, Visual

DEFAULT_COLOR = (0.6, 0.6, 0.62, 1.0)  # what is drawn without a material


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
    link_names: Sequence[str],
    source: str,
    finder: MeshFinder,
    warnings: list[str],
) -> CollisionShapes:
    """Primitives and convex pieces of all links, in the order of `link_names`.

    A link that is drawn and has no collision geometry gets what is drawn, with a warning.

    Raises
    ------
    HandError
        FILE_NOT_FOUND or INVALID_URDF for a collision mesh that is missing or cannot be used,
        UNSUPPORTED_HAND for a hand without any geometry.
    """
    by_name = {link.name: link for link in robot.links}
    _check_meshes([by_name[name] for name in link_names], source, finder)
    links, names, parts = [], [], []
    for index, name in enumerate(link_names):
        link = by_name[name]
        own = []
        for element in link.collisions or link.visuals:
            where = f"{source}: link '{name}'"
            try:
                own += _parts(element, finder, where)
            except HandError:
                # A drawing that is missing costs its link's shape; `link_meshes` warns of it.
                if link.collisions:
                    raise
        if own and not link.collisions:
            warnings.append(f"link '{name}' has no <collision>; its <visual> is taken for it")
        links += [index] * len(own)
        names += [name if len(own) == 1 else f'{name}[{i}]' for i in range(len(own))]
        parts += own
    if not parts:
        raise HandError(
            f'{source}: no link has collision geometry; a hand needs some to touch with.',
            ErrorCode.UNSUPPORTED_HAND,
        )
    return CollisionShapes(
        geometry_links=np.array(links, np.int32),
        geometry_types=np.array([p.kind for p in parts], np.int32),
        geometry_poses=matrix_to_pose(np.stack([p.pose for p in parts])),
        geometry_sizes=np.array([p.size for p in parts], np.float64),
        geometry_planes=np.cumsum([0, *(len(p.planes) for p in parts)]).astype(np.int32),
        planes=np.concatenate([p.planes for p in parts]),
        geometry_meshes=tuple(p.mesh for p in parts),
        group_names=tuple(names),
    )


def _check_meshes(links: Sequence[Link], source: str, finder: MeshFinder) -> None:
    """Refuse mesh files that are not there, before the others are cut, which takes minutes."""
    for link in links:
        meshes = [element.geometry.mesh for element in link.collisions]
        for file in [mesh.filename for mesh in meshes if mesh is not None]:
            try:
                finder.check(file)
            except MeshError as error:
                where = f"{source}: link '{link.name}'"
                raise _unusable(file, where, finder, error) from error


def _unusable(file: str, where: str, finder: MeshFinder, error: MeshError) -> HandError:
    missing = finder.find(file) is None
    return HandError(
        f"{where}: its mesh '{file}' cannot be used: {error}.",
        ErrorCode.FILE_NOT_FOUND if missing else ErrorCode.INVALID_URDF,
    )


def _parts(element: Collision | Visual, finder: MeshFinder, where: str) -> list[_Part]:
    """Primitive of an element, or convex pieces of its mesh."""
    origin = np.eye(4) if element.origin is None else np.asarray(element.origin)
    primitive = primitive_of(element.geometry)
    if primitive is not None:
        kind, size = primitive
        return [_Part(kind=kind, size=size, pose=origin, planes=np.empty((0, 4)), mesh=None)]
    file, scale = element.geometry.mesh.filename, element.geometry.mesh.scale
    try:
        pieces = convex_pieces(finder.load(file, scale))
    except MeshError as error:
        raise _unusable(file, where, finder, error) from error
    except QhullError as error:
        raise HandError(
            f"{where}: its mesh '{file}' is flat; expected one that has a volume."
        ) from error
    parts = []
    for piece in pieces:
        pose = origin.copy()
        pose[:3, 3] += origin[:3, :3] @ piece.center
        mesh = ConvexMesh(vertices=piece.shape.vertices, faces=piece.shape.faces)
        size = tuple(float(v) for v in piece.half_extents)
        parts.append(
            _Part(
                kind=GeometryType.CONVEX,
                size=size,
                pose=pose,
                planes=piece.shape.planes,
                mesh=mesh,
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
        shape = geometry.cylinder
        kind = GeometryType.CAPSULE if isinstance(shape, Capsule) else GeometryType.CYLINDER
        return kind, (shape.radius, 0.5 * shape.length, 0.0)
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
