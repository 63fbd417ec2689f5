"""Objects with grasps, and views of them, as training takes them: plain arrays from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dexgrasp_ros.learning.hand_tokens import SCALE, HandTokens, grasp_anchors
from dexgrasp_ros.learning.seen import FEWEST_POINTS, SeenObject, see_object
from dexgrasp_ros.simulation.bodies import Body
from dexgrasp_ros.simulation.cameras import PinholeCamera
from dexgrasp_ros.simulation.depth_camera import render_depth_frame
from dexgrasp_ros.simulation.sensor_noise import SensorNoise

_PIXELS = 144  # of the square images that views are drawn from
_TABLE = 0.6  # m, edge of the table about an object
_CLEAR = 0.004  # m, of anchors from table and neighbours
_OBJECT_LABEL, _OTHER_LABEL = 1, 2


@dataclass(frozen=True, kw_only=True)
class HandGrasps:
    """N grasps of one object by one hand, in the frame of the mesh, metres."""

    base_pose: NDArray[np.float64]  # [N, 7]
    pregrasp_base_pose: NDArray[np.float64]  # [N, 7]
    pregrasp: NDArray[np.float64]  # [N, J]
    grasp: NDArray[np.float64]  # [N, J]
    squeeze: NDArray[np.float64]  # [N, J]
    scene: NDArray[np.int64]  # [N] resting pose, -1: no table
    held: NDArray[np.int64]  # [N] 1: held when shaken, 0: lost, -1: not shaken


@dataclass(frozen=True, kw_only=True)
class TrainingObject:
    """An object: its mesh, how it rests, and its grasps by each hand."""

    key: str
    vertices: NDArray[np.float64]  # [V, 3] m
    faces: NDArray[np.int64]  # [F, 3]
    planes: Sequence[NDArray[np.float64]]  # [4] n, d of each resting pose
    grasps: Mapping[str, HandGrasps]  # by the hand's name


@dataclass(frozen=True, kw_only=True)
class TrainingView:
    """One view of an object, and which anchors are grasps in it, for each hand."""

    seen: SeenObject
    places: Mapping[str, NDArray[np.float32]]  # [N, K, PHASES, ANCHORS, 3] in the view, scaled
    held: Mapping[str, NDArray[np.int64]]  # [N] as in `HandGrasps`


def draw_view(
    obj: TrainingObject,
    hands: Mapping[str, HandTokens],
    rng: np.random.Generator,
    neighbour: TrainingObject | None = None,
) -> TrainingView | None:
    """Look at an object from anywhere; None where the camera sees too little of it.

    Half of the views are of the object on a table, if it rests at all: from above, now and then
    with a neighbour, and with those grasps only that keep off both. The other half know of no
    table. Depth has the noise of a structured-light camera.
    """
    plane = obj.planes[rng.integers(len(obj.planes))] if len(obj.planes) else None
    if plane is None or rng.random() < 0.5:
        plane, neighbour = None, None
    bodies = [Body(vertices=obj.vertices, faces=obj.faces, label=_OBJECT_LABEL)]
    box = None
    if plane is not None:
        bodies.append(_table(plane, obj.vertices))
        if neighbour is not None:
            other, box = _beside(obj, neighbour, plane, rng)
            bodies.append(other)
    camera = _camera(obj.vertices, plane, rng)
    noise = SensorNoise(scale=float(rng.uniform(0.2, 1.0)), flying=0.05)
    frame = render_depth_frame(
        bodies, camera, noise=noise, random_seed=int(rng.integers(2**31)), colors=False
    )
    points = {label: _points(frame.depth, frame.labels == label, camera) for label in (1, 2)}
    if len(points[_OBJECT_LABEL]) < FEWEST_POINTS:
        return None
    seen = see_object(
        points[_OBJECT_LABEL],
        points[_OTHER_LABEL],
        plane,
        up=-camera.T_world_cam[:3, 1],
        camera=camera.eye,
        rng=rng,
    )
    places, held = {}, {}
    for name in hands.keys() & obj.grasps.keys():
        grasps = obj.grasps[name]
        anchors = grasp_anchors(
            hands[name],
            base_pose=grasps.base_pose,
            pregrasp_base_pose=grasps.pregrasp_base_pose,
            pregrasp=grasps.pregrasp,
            grasp=grasps.grasp,
            squeeze=grasps.squeeze,
        )
        good = _keeps_off(anchors, plane, box)
        local = anchors[good] @ seen.T_frame_camera[:3, :3].T + seen.T_frame_camera[:3, 3]
        places[name] = (local / SCALE).astype(np.float32)
        held[name] = grasps.held[good]
    return TrainingView(seen=seen, places=places, held=held)


def _keeps_off(
    anchors: NDArray[np.float64],
    plane: NDArray[np.float64] | None,
    box: NDArray[np.float64] | None,
) -> NDArray[np.bool_]:
    good = np.ones(len(anchors), dtype=bool)
    if plane is not None:
        height = anchors @ plane[:3] + plane[3]
        good &= (height > _CLEAR).all(axis=(1, 2, 3))
    if box is not None:
        inside = ((anchors > box[0] - _CLEAR) & (anchors < box[1] + _CLEAR)).all(axis=-1)
        good &= ~inside.any(axis=(1, 2, 3))
    return good


def _camera(
    vertices: NDArray[np.float64], plane: NDArray[np.float64] | None, rng: np.random.Generator
) -> PinholeCamera:
    """Camera 0.35 to 0.9 m away, 15 to 80 degrees above a table if there is one."""
    center = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    direction = rng.normal(size=3)
    if plane is not None:
        level = direction - (direction @ plane[:3]) * plane[:3]
        level /= np.linalg.norm(level)
        height = rng.uniform(0.25, 1.4)
        direction = np.cos(height) * level + np.sin(height) * plane[:3]
    direction /= np.linalg.norm(direction)
    up = rng.normal(size=3) if plane is None else plane[:3]
    size = float(np.linalg.norm(np.ptp(vertices, axis=0)))
    distance = max(rng.uniform(0.35, 0.9), 1.5 * size)
    return PinholeCamera.looking_at(
        center + distance * direction,
        center,
        up=up,
        width=_PIXELS,
        height=_PIXELS,
        field_of_view=float(2.0 * np.arctan(0.8 * size / distance)),
    )


def _points(
    depth: NDArray[np.float32], mask: NDArray[np.bool_], camera: PinholeCamera
) -> NDArray[np.float64]:
    """Points of pixels in the world."""
    mask = mask & (depth > 0)
    return camera.eye + depth[mask][:, None] * camera.directions()[mask]


def _table(plane: NDArray[np.float64], vertices: NDArray[np.float64]) -> Body:
    normal = plane[:3]
    center = vertices.mean(axis=0)
    center = center - (center @ normal + plane[3]) * normal
    x = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    x /= np.linalg.norm(x)
    y = np.cross(normal, x)
    corners = [
        center + _TABLE / 2 * (a * x + b * y) for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1))
    ]
    return Body(
        vertices=np.array(corners), faces=np.array([[0, 1, 2], [0, 2, 3]]), label=_OTHER_LABEL
    )


def _beside(
    obj: TrainingObject,
    other: TrainingObject,
    plane: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[Body, NDArray[np.float64]]:
    """Another object on the same table, anyhow, 5 mm to 8 cm away; and its box [2, 3]."""
    turned = other.vertices @ _rotation(rng).T
    center = 0.5 * (obj.vertices.min(axis=0) + obj.vertices.max(axis=0))
    normal = plane[:3]
    way = rng.normal(size=3)
    way -= (way @ normal) * normal
    way /= np.linalg.norm(way)
    turned = turned - 0.5 * (turned.min(axis=0) + turned.max(axis=0)) + center
    # Far enough along the way that the two do not meet.
    gap = (obj.vertices @ way).max() - (turned @ way).min() + rng.uniform(0.005, 0.08)
    turned = turned + gap * way
    turned = turned - ((turned @ normal).min() + plane[3]) * normal
    box = np.stack([turned.min(axis=0), turned.max(axis=0)])
    return Body(vertices=turned, faces=other.faces, label=_OTHER_LABEL), box


def _rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    return Rotation.random(rng=rng).as_matrix()
