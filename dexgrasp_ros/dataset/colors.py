"""Colours of the surface of meshes that have any: a cloud of coloured points beside the mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from dexgrasp_ros.core.doors import reading
from dexgrasp_ros.core.errors import ObjectError
from dexgrasp_ros.core.mesh_files import load_mesh
from dexgrasp_ros.object.units import stated_unit
from dexgrasp_ros.simulation.paint import Paint, linear_rgb

_POINTS = 60_000  # 0.8 mm apart on a can of 0.04 m^2, as pixels of a camera half a metre away


def surface_colors(path: Path, scale: float = 1.0) -> bytes | None:
    """Sample the colours of a mesh file as a binary PLY of points, metres; None where it has none.

    Of a texture, of vertices (between which they are mixed) or of faces. The closest point tells
    the colour of a place, so that it does not matter what a repair has made of the mesh.

    Raises
    ------
    ObjectError
        INVALID_MESH: the colours cannot be read; or as from `load_mesh`.
    """
    mesh = load_mesh(path, process=False)
    unit = stated_unit(mesh, path, f"Mesh '{path}'")
    with reading(f"The colours of '{path}' cannot be read", ObjectError):
        sample = _sampler(mesh)
        if sample is None:
            return None
        points, face = trimesh.sample.sample_surface(mesh, _POINTS, seed=0)
        corners = trimesh.triangles.points_to_barycentric(mesh.triangles[face], points)
        colors = np.clip(np.rint(sample(face, corners)), 0, 255).astype(np.uint8)
    cloud = trimesh.PointCloud(np.asarray(points) * (unit * scale), colors[:, :3])
    return cloud.export(file_type='ply')


def read_paint(path: Path) -> Paint | None:
    """Read what `surface_colors` made; None where there is no such file.

    Raises
    ------
    ObjectError
        INVALID_MESH: it is no cloud of coloured points.
    """
    if not path.is_file():
        return None
    with reading(f"'{path}' is no cloud of coloured points", ObjectError):
        cloud = trimesh.load(path, file_type='ply')
        points, colors = np.asarray(cloud.vertices), np.asarray(cloud.colors)
        if not (len(points) and points.shape == (len(colors), 3) and np.isfinite(points).all()):
            raise ValueError(f'it has {len(points)} points and {len(colors)} colours')
    return Paint(points.astype(np.float32), linear_rgb(colors[:, :3]))


def _sampler(mesh: trimesh.Trimesh) -> Any:
    """Return what gives colours [M, 3 or 4] at faces [M] and weights of their corners [M, 3]."""
    visual = mesh.visual
    if visual.kind == 'texture':
        material = visual.material
        image = getattr(material, 'image', None) or getattr(material, 'baseColorTexture', None)
        if image is None or visual.uv is None:
            return None

        def of_texture(face: NDArray[np.int64], corners: NDArray[np.float64]) -> NDArray:
            uv = np.einsum('mc,mck->mk', corners, visual.uv[mesh.faces[face]])
            return trimesh.visual.color.uv_to_interpolated_color(uv, image)

        return of_texture
    if visual.kind == 'vertex':
        return lambda face, corners: np.einsum(
            'mc,mck->mk', corners, visual.vertex_colors[mesh.faces[face]].astype(np.float64)
        )
    return (lambda face, _: visual.face_colors[face]) if visual.kind == 'face' else None
