"""Objects and grasps for the viewer, and a bench that publishes them as the nodes do."""

from __future__ import annotations

import socket
import time

import pytest

pytest.importorskip('rclpy')

from std_msgs.msg import Header

from dexgrasp_msgs.msg import Contact, Grasp, GraspArray, Object, ObjectArray
from dexgrasp_ros.bridge.geometry import mesh_message, plane_message, point, pose_message, vector
from dexgrasp_ros.bridge.qos import latched_publisher


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def box() -> Object:
    """10 cm wide, in the camera's frame."""
    import trimesh

    mesh = trimesh.creation.box((0.1, 0.1, 0.1))
    return Object(
        header=Header(frame_id='camera'),
        id='object_1',
        label=1,
        name='box',
        mesh=mesh_message(mesh.vertices, mesh.faces),
        pose=pose_message([0.1, 0, 0.5, 0, 0, 0, 1]),
        has_support_plane=True,
        support_plane=plane_message([0, -1.0, 0, 0.05]),
    )


def grasp(hand, frame='camera', **changes) -> Grasp:
    """Half-open hand beside the box."""
    half = 0.5 * (hand.lower + hand.upper)
    message = Grasp(
        header=Header(frame_id=frame),
        object_id='object_1',
        object_label=1,
        hand=hand.name,
        hand_frame=hand.hand_frame,
        pose=pose_message([0.2, 0, 0.5, 0, 0, 0, 1]),
        pregrasp_pose=pose_message([0.3, 0, 0.5, 0, 0, 0, 1]),
        joint_names=list(hand.joint_names),
        pregrasp=hand.lower.tolist(),
        grasp=half.tolist(),
        squeeze=(half + 0.1).tolist(),
        joint_stiffness=hand.joint_stiffness.tolist(),
        contacts=[
            Contact(
                link=hand.link_names[-1],
                point=point([0.15, 0, 0.5]),
                normal=vector([-1, 0, 0]),
                force=vector([-2, 0, 0]),
            )
        ],
    )
    message.quality.score = 0.7
    for name, value in changes.items():
        setattr(message, name, value)
    return message


class Bench:
    """Publishes objects and grasps, latched as the nodes do."""

    def __init__(self, node):
        self._publishers = {
            kind: node.create_publisher(kind, topic, latched_publisher())
            for kind, topic in ((ObjectArray, 'objects'), (GraspArray, 'grasps'))
        }

    def objects(self, *objects):
        frame = Header(frame_id='camera')
        self._publishers[ObjectArray].publish(ObjectArray(header=frame, objects=objects))

    def grasps(self, *grasps):
        frame = Header(frame_id=grasps[0].header.frame_id if grasps else '')
        self._publishers[GraspArray].publish(GraspArray(header=frame, grasps=grasps))


def wait_for(condition, timeout=60.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
