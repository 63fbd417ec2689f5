"""What a simulated world looks like at one moment: bodies to cast rays at, from topics and tf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node

from dexgrasp_msgs.msg import Object, ObjectArray
from dexgrasp_ros.bridge.checks import LONGEST_WARNING, check_texts
from dexgrasp_ros.bridge.geometry import mesh_arrays, stamp_to_nanoseconds
from dexgrasp_ros.bridge.qos import latched_subscription
from dexgrasp_ros.bridge.transforms import TransformListener, transform_listener
from dexgrasp_ros.core.errors import DexGraspError, ErrorCode, PerceptionError
from dexgrasp_ros.core.hand_model import HandModel
from dexgrasp_ros.core.poses import transform_points
from dexgrasp_ros.simulation import Body, PinholeCamera

_OBJECT_COLORS = ((0.10, 0.42, 0.30), (0.75, 0.30, 0.10), (0.75, 0.58, 0.28), (0.16, 0.45, 0.72))
_TABLE_COLOR = (0.52, 0.47, 0.42)


@dataclass(frozen=True, kw_only=True)
class _Thing:
    """A mesh in a tf frame."""

    frame: str
    vertices: NDArray[np.float64]  # [V, 3] m
    faces: NDArray[np.int64]  # [F, 3]
    color: tuple[float, float, float]
    label: int
    center: NDArray[np.float64]  # [3] m, of a ball around it
    radius: float  # m


class LiveScene:
    """Hears `sim_objects` and tf; `bodies` puts them together.

    Parameters
    ----------
    node
        Whose subscriptions these are.
    world_frame
        Frame that all is placed in.
    hand
        Whose links are seen, by the tf frames of their names; None: no hand.
    """

    def __init__(self, node: Node, world_frame: str, hand: HandModel | None) -> None:
        self._node, self._world = node, world_frame
        self._transforms: TransformListener = transform_listener(node)
        self._things: list[_Thing] = []
        self._since = 0  # ns; older transforms are of other objects
        self._links = [
            _thing(hand.link_names[m.link], m.vertices, m.faces, _linear(m.color), 0)
            for m in (() if hand is None else hand.meshes)
        ]
        self._subscription = node.create_subscription(
            ObjectArray, 'sim_objects', self._take, latched_subscription()
        )

    def bodies(self, camera: PinholeCamera) -> tuple[list[Body], int]:
        """All that `camera` may see, placed in the world, and the moment it is of [ns].

        Raises
        ------
        PerceptionError
            NO_IMAGES where nobody said yet what there is, TRANSFORM_UNAVAILABLE where it stands.
        """
        if not self._things:
            raise PerceptionError(
                f"Nobody published '{self._node.resolve_topic_name('sim_objects')}'; is"
                ' sim_hand_node active?',
                ErrorCode.NO_IMAGES,
            )
        moving = [*self._things, *self._links]
        frames = list(dict.fromkeys(t.frame for t in moving if t.frame != self._world))
        stamp = self._transforms.newest(self._world, frames[0])[1]
        if stamp < self._since:
            raise PerceptionError(
                'The objects were changed and not placed yet.', ErrorCode.TRANSFORM_UNAVAILABLE
            )
        poses = {f: self._transforms.lookup(self._world, f, stamp) for f in frames}
        poses[self._world] = None
        bodies = [
            Body(
                vertices=thing.vertices,
                faces=thing.faces,
                pose=poses[thing.frame],
                color=thing.color,
                label=thing.label,
            )
            for thing in moving
            if _may_be_seen(camera, thing, poses[thing.frame])
        ]
        return bodies, stamp

    def close(self) -> None:
        """Hear no more."""
        self._transforms.close()
        self._node.destroy_subscription(self._subscription)

    def _take(self, message: ObjectArray) -> None:
        try:
            self._things = [_object_thing(o) for o in message.objects]
        except DexGraspError as error:
            topic = self._subscription.topic_name
            self._node.get_logger().error(f"What came on '{topic}' is not seen: {error}")
            return
        self._since = stamp_to_nanoseconds(message.header.stamp)


def _object_thing(message: Object) -> _Thing:
    check_texts(message, warnings=LONGEST_WARNING)
    vertices, faces = mesh_arrays(message.mesh)
    color = _TABLE_COLOR
    if message.label:
        color = _OBJECT_COLORS[(message.label - 1) % len(_OBJECT_COLORS)]
    return _thing(message.header.frame_id, vertices, faces, color, message.label)


def _thing(
    frame: str, vertices: NDArray, faces: NDArray, color: tuple[float, float, float], label: int
) -> _Thing:
    center = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    radius = float(np.linalg.norm(vertices - center, axis=1).max())
    return _Thing(
        frame=frame,
        vertices=vertices,
        faces=faces,
        color=color,
        label=label,
        center=center,
        radius=radius,
    )


def _linear(color: tuple[float, ...]) -> tuple[float, float, float]:
    # See `simulation.bodies.hand_bodies`.
    return tuple(float(c) ** 1.5 for c in color[:3])


def _may_be_seen(camera: PinholeCamera, thing: _Thing, pose: NDArray | None) -> bool:
    """Whether a ball around a thing is in the camera's view: trees of rays take time to grow."""
    center = thing.center if pose is None else transform_points(pose, thing.center[None])[0]
    local = (center - camera.eye) @ camera.T_world_cam[:3, :3]
    K = camera.intrinsics
    # Inward normals of the four planes through the eye and an edge of the image.
    edges = np.array(
        [
            [K[0, 0], 0.0, K[0, 2] + 0.5],
            [-K[0, 0], 0.0, camera.width - 0.5 - K[0, 2]],
            [0.0, K[1, 1], K[1, 2] + 0.5],
            [0.0, -K[1, 1], camera.height - 0.5 - K[1, 2]],
        ]
    )
    edges /= np.linalg.norm(edges, axis=1, keepdims=True)
    return bool(local[2] > -thing.radius and (edges @ local > -thing.radius).all())
