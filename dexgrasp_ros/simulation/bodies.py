"""Things that a ray can hit: triangle meshes with a pose and a colour."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import pose_to_matrix, transform_points
from dexgrasp_ros.simulation.paint import Paint

Color = tuple[float, float, float]

CONTACT_COLOR: Color = (0.75, 0.03, 0.02)


@dataclass(frozen=True, kw_only=True)
class Body:
    """A mesh in a scene."""

    vertices: NDArray[np.float64]  # [V, 3] m, in the body's frame
    faces: NDArray[np.int64]  # [F, 3]
    pose: NDArray[np.float64] | None = None  # [7] in the scene, xyz qxyzw; None is the identity
    color: Color = (0.7, 0.7, 0.7)  # linear RGB, 0 … 1
    label: int = 0  # what a segmentation camera writes
    crease: float = np.pi / 6  # edges flatter than this [rad] are shaded as if they were round
    paint: Paint | None = None  # colours of its own, where images have any but `color`
    shaded: bool = True  # whether light and shadow act on it

    def posed_vertices(self) -> NDArray[np.float64]:
        """Vertices in the scene's frame."""
        if self.pose is None:
            return self.vertices
        return transform_points(self.pose, self.vertices)


def hand_bodies(
    hand: HandModel, link_poses: NDArray[np.float64], *, color: Color | None = None
) -> list[Body]:
    """Make the visual meshes of a hand into bodies.

    Parameters
    ----------
    hand
        The hand.
    link_poses
        Pose of every link, [L, 7], from `dexgrasp_ros.hand.link_poses`.
    color
        For all links; default: the colours of the URDF.
    """
    return [
        Body(
            vertices=mesh.vertices,
            faces=mesh.faces,
            pose=link_poses[mesh.link],
            # Displayed as such they would be sRGB, a power of 2.2; 1.5 lets black hands keep
            # their shape.
            color=color or tuple(float(c) ** 1.5 for c in mesh.color[:3]),
        )
        for mesh in hand.meshes
    ]


def contact_bodies(
    points: ArrayLike,
    normals: ArrayLike | None = None,
    *,
    radius: float = 0.003,
    length: float = 0.025,
    color: Color = CONTACT_COLOR,
) -> list[Body]:
    """Make contacts into small balls, with arrows that end at them and point along the normals.

    Parameters
    ----------
    points
        [C, 3] m; rows with NaN are left out.
    normals
        [C, 3] unit, into the object; None draws balls only.
    radius, length
        Of ball and arrow [m].
    color
        Of both.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    normals = np.full_like(points, np.nan) if normals is None else np.asarray(normals)
    ball = trimesh.creation.icosphere(subdivisions=2, radius=radius)
    shaft = trimesh.creation.cylinder(
        radius=0.35 * radius, segment=[[0, 0, -length], [0, 0, -2.5 * radius]], sections=16
    )
    tip = trimesh.creation.cone(radius=0.9 * radius, height=2.5 * radius, sections=24)
    tip.apply_translation([0, 0, -2.5 * radius])
    arrow = trimesh.util.concatenate([shaft, tip])
    bodies = []
    for point, normal in zip(points, normals, strict=True):
        if not np.isfinite(point).all():
            continue
        bodies.append(Body(vertices=ball.vertices + point, faces=ball.faces, color=color))
        if np.isfinite(normal).all():
            turn = trimesh.geometry.align_vectors([0, 0, 1], normal)[:3, :3]
            vertices = arrow.vertices @ turn.T + point
            bodies.append(Body(vertices=vertices, faces=arrow.faces, color=color))
    return bodies


def point_body(points: NDArray[np.float64], *, size: float, color: Color) -> Body:
    """Make points [M, 3] m into one body of little octahedra, `size` [m] wide, without shadows."""
    corners = 0.5 * size * np.vstack([np.eye(3), -np.eye(3)])
    x, y, z, mx, my, mz = range(6)
    eighths = [[x, y, z], [y, mx, z], [mx, my, z], [my, x, z]]
    eighths += [[y, x, mz], [mx, y, mz], [my, mx, mz], [x, my, mz]]
    vertices = (points[:, None] + corners).reshape(-1, 3)
    faces = (6 * np.arange(len(points))[:, None, None] + np.array(eighths)).reshape(-1, 3)
    return Body(vertices=vertices, faces=faces, color=color, crease=np.pi, shaded=False)


def posed_vertices(bodies: Iterable[Body]) -> NDArray[np.float64]:
    """Vertices of all bodies in the scene's frame, [V, 3]."""
    return np.vstack([b.posed_vertices() for b in bodies])


class BodyFaces:
    """The triangles of several bodies in one array, in the scene's frame.

    Parameters
    ----------
    bodies
        In the order in which `body` counts them.
    """

    def __init__(self, bodies: Sequence[Body]) -> None:
        self._bodies = bodies
        first = np.cumsum([0, *(len(b.vertices) for b in bodies)])
        self.vertices = np.concatenate(  # [V, 3] m
            [np.empty((0, 3)), *(b.posed_vertices() for b in bodies)]
        )
        self.faces = np.concatenate(  # [F, 3]
            [
                np.empty((0, 3), np.int64),
                *(b.faces + k for b, k in zip(bodies, first, strict=False)),
            ]
        )
        self.body = np.repeat(  # [F] index of the body
            np.arange(len(bodies), dtype=np.int32), [len(b.faces) for b in bodies]
        )

    @functools.cached_property
    def normals(self) -> NDArray[np.float32]:
        """Of the faces themselves, [F, 3], not of unit length; a scene of shadows has no use."""
        a, b, c = np.moveaxis(self.vertices[self.faces], 1, 0)
        return np.cross(b - a, c - a).astype(np.float32)

    @functools.cached_property
    def corner_normals(self) -> NDArray[np.float32]:
        """For shading, of all corners of the faces, [F, 3, 3]."""
        return np.concatenate(
            [np.empty((0, 3, 3), np.float32), *(corner_normals(b) for b in self._bodies)]
        )


def corner_normals(body: Body) -> NDArray[np.float32]:
    """Shading normals of every corner of every face in the scene's frame, [F, 3, 3].

    A corner takes the mean of the faces around its vertex, weighted by area, where the face itself
    is within the body's `crease` of that mean; elsewhere (the edge of a box) the face's normal.
    """
    triangles = body.vertices[body.faces]
    area = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    flat = area / np.maximum(np.linalg.norm(area, axis=1, keepdims=True), 1e-20)
    # Vertices in one place (0.1 µm) count as one, so that seams of the mesh do not show.
    _, merged = np.unique(np.round(body.vertices, 7), axis=0, return_inverse=True)
    index = merged.reshape(-1)[body.faces]
    mean = np.column_stack(
        [np.bincount(index.ravel(), weights=np.repeat(area[:, k], 3)) for k in range(3)]
    )
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-20)
    alike = np.einsum('fkj,fj->fk', mean[index], flat) > np.cos(body.crease)
    corners = np.where(alike[..., None], mean[index], flat[:, None])
    if body.pose is not None:
        corners = corners @ pose_to_matrix(body.pose)[:3, :3].T
    return corners.astype(np.float32)
