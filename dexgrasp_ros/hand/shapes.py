"""Collision primitives and drawings of a hand's links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.hand_model import GeometryType, LinkMesh
from dexgrasp_ros.core.poses import matrix_to_pose
from dexgrasp_ros.hand.geometry import primitive_mesh
from dexgrasp_ros.hand.meshes import MeshFinder

if TYPE_CHECKING:
    from yourdfpy.urdf import Geometry, Robot

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
    group_names: tuple[str, ...]  # [G]


def collision_shapes(robot: Robot, link_names: Sequence[str], source: str) -> CollisionShapes:
    """Primitives of all links, in the order of `link_names`.

    Raises
    ------
    HandError
        UNSUPPORTED_HAND for mesh geometry, and for a hand without any collision geometry.
    """
    elements = {link.name: link.collisions for link in robot.links}
    links, types, poses, sizes, names = [], [], [], [], []
    for index, link in enumerate(link_names):
        for number, collision in enumerate(elements[link]):
            primitive = primitive_of(collision.geometry)
            if primitive is None:
                raise HandError(
                    f"{source}: link '{link}' has the mesh '{collision.geometry.mesh.filename}' "
                    "as collision geometry; expected 'box', 'cylinder' or 'sphere'.",
                    ErrorCode.UNSUPPORTED_HAND,
                )
            links.append(index)
            types.append(primitive[0])
            sizes.append(primitive[1])
            poses.append(np.eye(4) if collision.origin is None else collision.origin)
            names.append(link if len(elements[link]) == 1 else f'{link}[{number}]')
    if not links:
        raise HandError(
            f'{source}: no link has collision geometry; a hand needs some to touch with.',
            ErrorCode.UNSUPPORTED_HAND,
        )
    return CollisionShapes(
        geometry_links=np.array(links, np.int32),
        geometry_types=np.array(types, np.int32),
        geometry_poses=matrix_to_pose(np.stack(poses)),
        geometry_sizes=np.array(sizes, np.float64),
        geometry_planes=np.zeros(len(sizes) + 1, np.int32),
        planes=np.empty((0, 4)),
        group_names=tuple(names),
    )


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
                mesh = finder.load(element.geometry.mesh.filename, element.geometry.mesh.scale)
            else:
                mesh = primitive_mesh(*primitive)
            if mesh is None:
                file = element.geometry.mesh.filename
                warnings.append(f"the mesh '{file}' of link '{name}' cannot be read; not drawn")
                continue
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
