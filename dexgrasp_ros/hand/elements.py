"""Collision elements of a hand's document: primitives, and meshes that have not been cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.core.errors import ErrorCode, HandError
from dexgrasp_ros.core.hand_model import GeometryType
from dexgrasp_ros.hand.document import Capsule
from dexgrasp_ros.hand.meshes import MeshError, MeshFinder

if TYPE_CHECKING:
    import trimesh
    from yourdfpy.urdf import Collision, Geometry, Robot, Visual

_FLAT = 1e-4  # of its size: a mesh that is thinner has no volume to speak of

Primitive = tuple[GeometryType, tuple[float, float, float]]  # type and size


@dataclass(frozen=True, kw_only=True)
class Element:
    """One collision element."""

    link: int
    origin: NDArray[np.float64]  # [4, 4] in the link
    shape: Primitive | trimesh.Trimesh

    @property
    def is_mesh(self) -> bool:
        """Whether it has to be cut."""
        return not isinstance(self.shape, tuple)


def collision_elements(
    robot: Robot,
    link_names: Sequence[str],
    source: str,
    finder: MeshFinder,
    warnings: list[str],
) -> list[Element]:
    """Collision geometry of all links, links in order; what is drawn where a link has none.

    All meshes are read, so that one that cannot be used is told before the others are cut.

    Raises
    ------
    HandError
        FILE_NOT_FOUND or INVALID_URDF for a collision mesh that is missing or cannot be used.
    """
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


def _element(element: Collision | Visual, link: int, finder: MeshFinder, where: str) -> Element:
    """Primitive of an element, or its mesh."""
    origin = np.eye(4) if element.origin is None else np.asarray(element.origin)
    primitive = primitive_of(element.geometry)
    if primitive is not None:
        return Element(link=link, origin=origin, shape=primitive)
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
    return Element(link=link, origin=origin, shape=mesh)


def _is_flat(mesh: trimesh.Trimesh) -> bool:
    """Whether all corners lie in a plane, or nearly so."""
    arms = mesh.vertices - mesh.vertices.mean(axis=0)
    spread = np.linalg.svd(arms.T @ arms, compute_uv=False)  # squares of lengths
    return bool(spread[2] <= _FLAT**2 * spread[0])


def primitive_of(geometry: Geometry) -> Primitive | None:
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
