"""Drawings of a hand's links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dexgrasp_ros.core.hand_model import LinkMesh
from dexgrasp_ros.hand.elements import primitive_of
from dexgrasp_ros.hand.geometry import primitive_mesh
from dexgrasp_ros.hand.meshes import MeshError, MeshFinder

if TYPE_CHECKING:
    from yourdfpy.urdf import Robot

DEFAULT_COLOR = (0.6, 0.6, 0.62, 1.0)  # what is drawn without a material


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
