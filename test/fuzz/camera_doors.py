"""The ways into `reconstruction_node` and `tabletop_segmentation_node`, which take images."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from geometry_msgs.msg import PointStamped
from node_door import NodeDoor, now
from node_session import NodeSession, wait_for
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, RegionOfInterest

from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.bridge.color_images import color_message
from dexgrasp_ros.bridge.geometry import cloud_message, header
from dexgrasp_ros.bridge.images import depth_message, label_message
from dexgrasp_ros.bridge.intrinsics import camera_info_message
from dexgrasp_ros.bridge.qos import standard
from dexgrasp_ros.core.errors import ErrorCode

RECONSTRUCTION, SEGMENTATION = 'reconstruction_node', 'tabletop_segmentation_node'
LABEL = 1
K = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
SHAPE = (48, 64)
KINDS = {
    'depth/image': Image,
    'depth/camera_info': CameraInfo,
    'segmentation': Image,
    'rgb/image': Image,
    'points': PointCloud2,
    'segmentation_box': RegionOfInterest,
    'clicked_point': PointStamped,
}


@functools.cache
def _scene() -> tuple[np.ndarray, np.ndarray]:
    """A box before a wall, seen from half a metre: depth [m] and labels."""
    depth, labels = np.full(SHAPE, 0.6, np.float32), np.zeros(SHAPE, np.int32)
    depth[16:32, 24:40], labels[16:32, 24:40] = 0.5, LABEL
    return depth, labels


def _sound(topic: str, session: NodeSession) -> Any:
    """Return the message of a topic, of this moment."""
    (depth, labels), head = _scene(), header('camera', now(session))
    v, u = np.indices(SHAPE)
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(K).T
    messages = {
        'depth/image': lambda: depth_message(depth, head),
        'depth/camera_info': lambda: camera_info_message(K, SHAPE, head),
        'segmentation': lambda: label_message(labels, head),
        'rgb/image': lambda: color_message(np.full((*SHAPE, 3), 90, np.uint8), head),
        'points': lambda: cloud_message((rays * depth[..., None]).reshape(-1, 3), head),
        'segmentation_box': lambda: RegionOfInterest(
            x_offset=20, y_offset=12, width=24, height=24
        ),
        'clicked_point': lambda: PointStamped(header=head),
    }
    return messages[topic]()


def _send(session: NodeSession, node: str, sent: dict[str, Any]) -> None:
    """Publish messages, those that have a stamp with that of this moment unless it was changed."""
    for topic, message in sent.items():
        session.publish(KINDS[topic], topic, message, standard(2))
    session.heard(node)


def _reconstruct(session: NodeSession, request: ReconstructObjects.Request) -> str:
    answer = session.call(
        ReconstructObjects, 'reconstruct_objects', labels=request.labels, max_age=request.max_age
    )
    assert ErrorCode(answer.error_code) != ErrorCode.INTERNAL, answer.error_message
    return answer.error_message


def _frame(session: NodeSession, *topics: str) -> dict[str, Any]:
    """Sound messages of one stamp."""
    messages = {topic: _sound(topic, session) for topic in topics}
    for message in messages.values():
        message.header = messages[topics[0]].header
    return messages


def _reconstructed(topic: str, session: NodeSession, message: Any) -> str:
    """Send images of one moment, one of them spoilt, and ask for a reconstruction."""
    depth = 'points' if topic == 'points' else 'depth/image'
    sent = _frame(session, depth, 'depth/camera_info', 'segmentation')
    _send(session, RECONSTRUCTION, {**sent, topic: message})
    return _reconstruct(session, ReconstructObjects.Request())


def _requested(session: NodeSession, request: ReconstructObjects.Request) -> str:
    sent = _frame(session, 'depth/image', 'depth/camera_info', 'segmentation')
    _send(session, RECONSTRUCTION, sent)
    return _reconstruct(session, request)


def _segmented(topic: str, session: NodeSession, message: Any) -> str:
    """Send images of one moment, one of them spoilt, then sound ones until they have labels."""
    heard = session.kept.setdefault('labels', [])
    if 'hears labels' not in session.kept:
        session.kept['hears labels'] = session.node.create_subscription(
            Image, 'segmentation', heard.append, standard()
        )
    images = ('rgb/image', 'depth/image', 'depth/camera_info')
    _send(session, SEGMENTATION, {**_frame(session, *images), topic: message})
    heard.clear()

    def has_labels() -> bool:
        _send(session, SEGMENTATION, _frame(session, *images))
        return bool(heard)

    wait_for(has_labels, 'labels of sound images')
    return ''


_ASK = {'image_timeout': 0.1, 'max_age': 1.0, 'tf_timeout': 0.0}
_CUT = {'rate': 100.0, 'color_wait': 0.0, 'tf_timeout': 0.0}
CAMERA_DOORS = (
    *(
        NodeDoor(
            node=RECONSTRUCTION,
            way=topic,
            sound=functools.partial(_sound, topic),
            ask=functools.partial(_reconstructed, topic),
            parameters=_ASK | ({'input': 'points'} if topic == 'points' else {}),
            changes={} if topic == 'points' else _ASK,
            # Clouds need a node that was started for them.
            examples=0 if topic == 'points' else 4,
        )
        for topic in ('depth/image', 'depth/camera_info', 'segmentation', 'points')
    ),
    NodeDoor(
        node=RECONSTRUCTION,
        way='reconstruct_objects',
        sound=lambda _: ReconstructObjects.Request(labels=[LABEL], max_age=1.0),
        ask=_requested,
        parameters=_ASK,
        changes=_ASK,
        examples=4,
    ),
    *(
        NodeDoor(
            node=SEGMENTATION,
            way=topic,
            sound=functools.partial(_sound, topic),
            ask=functools.partial(_segmented, topic),
            parameters=_CUT,
            changes=_CUT,
            examples=3,
        )
        for topic in (
            *('depth/image', 'depth/camera_info', 'rgb/image'),
            *('segmentation_box', 'clicked_point'),
        )
    ),
)
