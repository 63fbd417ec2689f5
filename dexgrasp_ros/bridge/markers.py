"""Grasps and objects as RViz markers.

Pure functions of messages and the hand; the first marker of each array deletes what was shown
before. One marker holds as much as it can (triangle and sphere lists), because rclpy pays for each
marker and RViz for each draw call.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import Point, Pose
from numpy.typing import ArrayLike, NDArray
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from dexgrasp_msgs.msg import Contact, Grasp, Object
from dexgrasp_ros.bridge.geometry import mesh_arrays, point, pose_array, vector
from dexgrasp_ros.bridge.grasps import poses_of
from dexgrasp_ros.core.coarse_mesh import coarse_hand, coarse_mesh
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.hand import link_poses

# rclpy takes about 8 µs for each corner of a triangle; 2,000 triangles are 50 ms and show a hand.
_MAX_TRIANGLES = 2000
_CONTACT_DIAMETER = 0.006  # m, about a fingertip's print
_CONE_HEIGHT = 0.02  # m
_CONE_SEGMENTS = 16
_TEXT_HEIGHT = 0.015  # m
_TEXT_LIFT = 0.06  # m from the hand's root to its text, so that neither hides the other

_HAND = (0.25, 0.45, 0.85)
_CONTACT = (0.9, 0.15, 0.1)
_CONE = (1.0, 0.6, 0.1)
_OBJECT = (0.75, 0.75, 0.7)
_TEXT = (1.0, 1.0, 1.0)


def grasp_markers(
    grasps: Sequence[Grasp],
    hand: HandModel,
    objects: Sequence[Object],
    *,
    header: Header,
    top_k: int,
    friction: float,
) -> MarkerArray:
    """Hands at the best grasps, their contacts, friction cones and scores, and the objects.

    Parameters
    ----------
    grasps
        Best first, all of `hand` and in the frame of `header`.
    hand
        The hand that is drawn, in the posture `grasp`; best one from `drawn_hand`.
    objects
        Drawn in the frames of their own headers.
    header
        Frame and stamp of the grasps.
    top_k
        How many grasps are drawn; the best is opaque.
    friction
        Coefficient μ; the cones open by atan μ.
    """
    shown = list(grasps[:top_k])
    markers = [delete_all(header), *(_object_marker(o, i) for i, o in enumerate(objects))]
    for rank, (grasp, triangles) in enumerate(zip(shown, _hands(shown, hand), strict=True)):
        alpha = 1.0 if rank == 0 else 0.3
        markers.append(
            _marker(header, 'hand', rank, Marker.TRIANGLE_LIST, (*_HAND, alpha), triangles)
        )
        if grasp.contacts:
            markers += _contact_markers(header, rank, grasp.contacts, friction, alpha)
        markers.append(_score_marker(header, rank, grasp))
    return MarkerArray(markers=markers)


def object_markers(objects: Sequence[Object], header: Header) -> MarkerArray:
    """Meshes and names of objects."""
    markers = [delete_all(header)]
    for i, message in enumerate(objects):
        markers += [_object_marker(message, i), _name_marker(message, i)]
    return MarkerArray(markers=markers)


def delete_all(header: Header) -> Marker:
    """Marker that removes all others of its topic."""
    return Marker(header=header, action=Marker.DELETEALL)


def hand_triangles(
    hand: HandModel, joint_positions: ArrayLike, base_pose: ArrayLike
) -> NDArray[np.float64]:
    """Corners [T, 3, 3] m of the hand's visual geometry at one posture [J] and root pose [7]."""
    poses = link_poses(hand, np.asarray(joint_positions)[None], np.asarray(base_pose)[None])[0]
    meshes = [transform_points(poses[m.link], m.vertices)[m.faces] for m in hand.meshes]
    return np.concatenate(meshes) if meshes else np.empty((0, 3, 3))


def drawn_hand(hand: HandModel, max_triangles: int = _MAX_TRIANGLES) -> HandModel:
    """Return `coarse_hand`, by default with as many triangles as a marker should have."""
    return coarse_hand(hand, max_triangles)


def _hands(grasps: Sequence[Grasp], hand: HandModel) -> list[NDArray[np.float64]]:
    bases = poses_of(grasps, 'pose')
    return [hand_triangles(hand, g.grasp, base) for g, base in zip(grasps, bases, strict=True)]


def _contact_markers(
    header: Header, rank: int, contacts: Sequence[Contact], friction: float, alpha: float
) -> list[Marker]:
    points = np.array([(c.point.x, c.point.y, c.point.z) for c in contacts])
    normals = np.array([(c.normal.x, c.normal.y, c.normal.z) for c in contacts])
    spheres = _marker(
        header, 'contacts', rank, Marker.SPHERE_LIST, (*_CONTACT, alpha), points, _CONTACT_DIAMETER
    )
    cones = np.concatenate([_cone(p, n, friction) for p, n in zip(points, normals, strict=True)])
    return [
        spheres,
        _marker(
            header, 'friction_cones', rank, Marker.TRIANGLE_LIST, (*_CONE, 0.5 * alpha), cones
        ),
    ]


def _cone(tip: NDArray, normal: NDArray, friction: float) -> NDArray[np.float64]:
    """Triangles [2 S, 3, 3], both sides, of the friction cone that opens from `tip`."""
    across = np.eye(3)[np.argmin(np.abs(normal))]
    u = np.cross(normal, across)
    u /= np.linalg.norm(u) or 1.0
    v = np.cross(normal, u)
    angle = np.linspace(0, 2 * math.pi, _CONE_SEGMENTS, endpoint=False)[:, None]
    ring = tip + _CONE_HEIGHT * (normal + friction * (np.cos(angle) * u + np.sin(angle) * v))
    after = np.roll(ring, -1, axis=0)
    tips = np.broadcast_to(tip, ring.shape)
    return np.concatenate([np.stack([tips, ring, after], 1), np.stack([tips, after, ring], 1)])


def _score_marker(header: Header, rank: int, grasp: Grasp) -> Marker:
    marker = _marker(header, 'scores', rank, Marker.TEXT_VIEW_FACING, (*_TEXT, 1.0))
    p = grasp.pose.position
    marker.pose.position = Point(x=p.x, y=p.y, z=p.z + _TEXT_LIFT)
    marker.scale.z = _TEXT_HEIGHT
    marker.text = f'{rank + 1}: {grasp.quality.score:.3f}'
    return marker


def _name_marker(message: Object, index: int) -> Marker:
    vertices, _ = mesh_arrays(message.mesh)
    center = transform_points(pose_array(message.pose), vertices.mean(axis=0)[None])[0]
    marker = _marker(message.header, 'names', index, Marker.TEXT_VIEW_FACING, (*_TEXT, 1.0))
    marker.pose.position = point(center)
    marker.scale.z = _TEXT_HEIGHT
    marker.text = message.name or message.id
    return marker


def _object_marker(message: Object, index: int) -> Marker:
    vertices, faces = coarse_mesh(*mesh_arrays(message.mesh), _MAX_TRIANGLES)
    return _marker(
        message.header,
        'object',
        index,
        Marker.TRIANGLE_LIST,
        (*_OBJECT, 1.0),
        vertices[faces],
        pose=message.pose,
    )


def _marker(
    header: Header,
    namespace: str,
    index: int,
    kind: int,
    color: tuple[float, float, float, float],
    points: NDArray | None = None,
    size: float = 1.0,
    pose: Pose | None = None,
) -> Marker:
    marker = Marker(
        header=header,
        ns=namespace,
        id=index,
        type=kind,
        action=Marker.ADD,
        color=ColorRGBA(**dict(zip('rgba', map(float, color), strict=True))),
        scale=vector([size] * 3),
        pose=pose or Pose(),
    )
    if points is not None:
        marker.points = [
            Point(x=x, y=y, z=z) for x, y, z in np.asarray(points, float).reshape(-1, 3).tolist()
        ]
    return marker
