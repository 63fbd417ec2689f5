"""`reconstruction_node` with every kind of image that may come."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

import rclpy
from rclpy.context import Context
from sensor_msgs.msg import CameraInfo, Image

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_ros.bridge.camera import camera_info_message
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import header, mesh_arrays
from dexgrasp_ros.bridge.images import depth_message, label_message
from dexgrasp_ros.bridge.qos import latched_subscription, standard
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.nodes.graph import start_graph

FAST = {'image_timeout': 1.0, 'max_age': 2.0}


class Camera:
    """Publishes three messages again and again, with the stamp of the moment."""

    def __init__(self, domain: int, frame) -> None:
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('test_camera', context=self._context)
        self._publishers = [
            self.node.create_publisher(kind, topic, standard(2))
            for kind, topic in (
                (Image, 'depth/image'),
                (CameraInfo, 'depth/camera_info'),
                (Image, 'segmentation'),
            )
        ]
        self._frame, self._end = frame, threading.Event()
        self.show()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def show(self, *, depth=None, labels=None, age: float = 0.0, **changes) -> None:
        """Show the scene, or another depth or labels, or messages with changed fields."""
        frame, head = self._frame, header('camera', 0)
        depth = frame.depth if depth is None else depth
        labels = frame.labels if labels is None else labels
        messages = [
            depth_message(depth, head),
            camera_info_message(frame.intrinsics, depth.shape, head),
            label_message(labels, head),
        ]
        for name, value in changes.items():
            which, field = name.split('_', 1)
            setattr(messages[['depth', 'info', 'labels'].index(which)], field, value)
        self._age, self._messages = age, messages

    def _run(self) -> None:
        while not self._end.wait(0.1):
            stamp = self.node.get_clock().now().nanoseconds - int(self._age * 1e9)
            for publisher, message in zip(self._publishers, self._messages, strict=True):
                message.header = header('camera', stamp)
                publisher.publish(message)

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture(scope='module')
def client(module_ros_domain):
    with (
        start_graph(
            nodes=['reconstruction_node'], parameters={'reconstruction_node': FAST}, log=print
        ),
        GraspClient() as client,
    ):
        client.wait_until_ready(120, grasps=False)
        yield client


@pytest.fixture(scope='module')
def camera(client, module_ros_domain, frame):
    # After the client: the first test has no camera.
    camera = Camera(module_ros_domain, frame)
    yield camera
    camera.close()


def test_without_a_camera_it_says_what_did_not_come(client):
    response = client.reconstruct()
    assert response.error_code == ErrorCode.NO_IMAGES
    assert "0 on '/depth/image'" in response.error_message


def test_a_box_becomes_a_mesh_of_its_size(client, camera, frame):
    published = []
    subscription = client.node.create_subscription(
        ObjectArray, 'objects', published.append, latched_subscription()
    )
    response = reconstruct_when_seen(client)
    assert response.error_code == ErrorCode.SUCCESS, response.error_message
    (found,) = response.objects.objects
    assert (found.label, found.header.frame_id, found.has_support_plane) == (5, 'camera', True)
    vertices, _ = mesh_arrays(found.mesh)
    # In the world the box is 6 x 6 x 10 cm; what the camera did not see is completed.
    world = vertices @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]
    np.testing.assert_allclose(np.ptp(world, axis=0), [0.06, 0.06, 0.1], atol=0.025)
    until = time.monotonic() + 30
    while not published and time.monotonic() < until:
        time.sleep(0.05)
    assert published[-1] == response.objects
    client.node.destroy_subscription(subscription)


BAD = {
    'a label that does not exist': ({}, [77], ErrorCode.UNKNOWN_LABEL),
    'no labels at all': ({'labels': np.zeros((240, 320), int)}, [], ErrorCode.UNKNOWN_LABEL),
    'no valid depth': ({'depth': np.full((240, 320), np.nan)}, [], ErrorCode.NO_VALID_DEPTH),
    'unknown encoding': ({'depth_encoding': 'bgr8'}, [], ErrorCode.UNKNOWN_ENCODING),
    'unknown label encoding': ({'labels_encoding': 'rgb8'}, [], ErrorCode.UNKNOWN_ENCODING),
    'image of another size': ({'depth': np.ones((200, 320))}, [], ErrorCode.WRONG_SHAPE),
    'data cut off': ({'depth_height': 300}, [], ErrorCode.WRONG_SHAPE),
    'distorted': ({'info_d': [0.1, 0.0, 0.0, 0.0, 0.0]}, [], ErrorCode.INVALID_INPUT),
    'old': ({'age': 60.0}, [], ErrorCode.STALE_DATA),
}


@pytest.mark.parametrize(('shown', 'labels', 'code'), BAD.values(), ids=BAD.keys())
def test_bad_input_is_a_code_and_a_sentence(client, camera, shown, labels, code):
    camera.show(**shown)
    response = until_code(client, code, labels)
    assert response.error_message.endswith(('.', ')'))
    assert not response.objects.objects


def test_a_label_of_few_pixels_fails_alone(client, camera, frame):
    labels = frame.labels.copy()
    labels[:4, :5] = 9
    camera.show(labels=labels)
    until = time.monotonic() + 60
    response = client.reconstruct()
    while not response.failures and time.monotonic() < until:
        response = client.reconstruct()
    assert [o.label for o in response.objects.objects] == [5]
    assert [(f.label, f.error_code) for f in response.failures] == [(9, ErrorCode.TOO_FEW_POINTS)]
    assert response.error_code == ErrorCode.SUCCESS


def test_after_all_that_the_next_request_works(client, camera):
    camera.show()
    assert until_code(client, ErrorCode.SUCCESS).objects.objects


def test_clearing_empties_the_topic(client, camera):
    published = []
    subscription = client.node.create_subscription(
        ObjectArray, 'objects', published.append, latched_subscription()
    )
    client.clear_objects()
    until = time.monotonic() + 30
    while not (published and not published[-1].objects) and time.monotonic() < until:
        time.sleep(0.05)
    assert not published[-1].objects
    client.node.destroy_subscription(subscription)


def reconstruct_when_seen(client):
    """Ask until the camera was discovered."""
    until = time.monotonic() + 60
    response = client.reconstruct()
    while response.error_code == ErrorCode.NO_IMAGES and time.monotonic() < until:
        response = client.reconstruct()
    return response


def until_code(client, code, labels=()):
    """Ask until the images that are shown now have arrived, which the code tells."""
    until = time.monotonic() + 60
    response = client.reconstruct(labels)
    while response.error_code != code and time.monotonic() < until:
        response = client.reconstruct(labels)
    assert response.error_code == code, response.error_message
    return response
