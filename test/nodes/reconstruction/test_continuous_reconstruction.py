"""`reconstruction_node` that meshes point clouds unasked and tracks their objects in the world."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import mesh_arrays, pose_array
from dexgrasp_ros.bridge.qos import latched_subscription, standard
from dexgrasp_ros.bridge.transforms import StaticTransformPublisher
from dexgrasp_ros.core.errors import ErrorCode
from dexgrasp_ros.core.poses import invert, matrix_to_pose
from dexgrasp_ros.nodes.graph import start_graph

PARAMETERS = {
    'input': 'points',
    'rate': 4.0,
    'fixed_frame': 'world',
    'exact_sync': True,
    'tf_timeout': 0.2,
    'image_timeout': 1.0,
    'max_age': 1.0,
}
# The optical frame in the camera's body frame: x forward, y left, z up.
BODY_CAMERA = np.array([[0, 0, 1, 0.0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


class Listener:
    """What the node publishes, and how many frames it has meshed."""

    def __init__(self, node) -> None:
        self.published: list[ObjectArray] = []
        self.reconstructions = self.reports = 0
        self._subscriptions = [
            node.create_subscription(
                ObjectArray, 'objects', self.published.append, latched_subscription()
            ),
            node.create_subscription(DiagnosticArray, '/diagnostics', self._note, standard()),
        ]

    def _note(self, message) -> None:
        values = {v.key: v.value for v in message.status[0].values}
        self.reconstructions = int(values['reconstructions'])
        self.reports += 1

    def wait(self, condition, what: str) -> None:
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until, what
            time.sleep(0.02)

    def wait_for_frames(self, count: int) -> None:
        """Wait until so many more have been meshed."""
        reports = self.reports
        self.wait(lambda: self.reports > reports, 'no further report came')
        before = self.reconstructions  # the last report may be a second old
        self.wait(lambda: self.reconstructions >= before + count, 'no further frames were meshed')

    def next(self, condition=lambda message: True) -> ObjectArray:
        """Wait for a publication, counted from the last call, that fulfils a condition."""
        while True:
            self.wait(lambda: self.published, 'nothing more was published')
            message = self.published.pop(0)
            if condition(message):
                return message


@pytest.fixture(scope='module')
def client(module_ros_domain):
    with (
        start_graph(
            nodes=['reconstruction_node'],
            parameters={'reconstruction_node': PARAMETERS},
            log=print,
        ),
        GraspClient() as client,
    ):
        client.wait_until_ready(120, grasps=False)
        yield client


@pytest.fixture(scope='module')
def running_camera(client, module_ros_domain, frame, cloud_camera_type):
    camera = cloud_camera_type(module_ros_domain, frame)
    camera.show(with_info=False)
    yield camera
    camera.close()


@pytest.fixture(scope='module')
def listener(client):
    return Listener(client.node)


@pytest.fixture(scope='module')
def transforms(client, frame):
    transforms = StaticTransformPublisher(client.node)
    transforms.publish('world', 'camera', 0, matrix_to_pose(frame.T_world_cam))
    return transforms


@pytest.fixture
def camera(running_camera, client, listener, transforms):
    """It shows an organised cloud without intrinsics."""
    running_camera.show(with_info=False)
    until_code(client, ErrorCode.SUCCESS)
    listener.published.clear()
    return running_camera


def test_without_a_transform_it_names_both_frames(client, camera, listener):
    camera.show(with_info=False, frame_id='nowhere', camera='nowhere')
    response = until_code(client, ErrorCode.TRANSFORM_UNAVAILABLE)
    assert "from 'nowhere' to 'world'" in response.error_message
    listener.published.clear()
    response = until_code(client, ErrorCode.TRANSFORM_UNAVAILABLE)
    assert not listener.published


def test_with_one_objects_are_published_unasked(client, camera, listener, frame):
    """From an organised cloud alone: its intrinsics are fitted."""
    client.clear_objects()
    (found,) = listener.next(lambda message: message.objects).objects
    assert (found.header.frame_id, found.label) == ('camera', 5)
    assert re.fullmatch(r'track_[1-9]\d*', found.id)
    vertices, _ = mesh_arrays(found.mesh)
    world = vertices @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]
    np.testing.assert_allclose(np.ptp(world, axis=0), [0.06, 0.06, 0.1], atol=0.025)


def test_nothing_is_published_while_nothing_changes(camera, listener):
    listener.wait_for_frames(3)  # until nothing is seen that another test has shown
    listener.published.clear()
    listener.wait_for_frames(5)
    assert not listener.published


def test_what_changes_is_published_and_keeps_its_identifier(client, camera, listener, frame):
    (before,) = until_code(client, ErrorCode.SUCCESS).objects.objects
    camera.show(with_info=False, labels=np.where(frame.labels > 0, 9, 0))
    (found,) = listener.next(lambda message: label_of(message) == 9).objects
    assert found.id == before.id
    # Its upper half alone is the same object, and a smaller one.
    rows = np.flatnonzero((frame.labels > 0).any(axis=1))
    half = frame.labels.copy()
    half[: rows.mean().astype(int)] = 0
    camera.show(with_info=False, labels=half)
    (found,) = listener.next(lambda message: label_of(message) == 5).objects
    assert found.id == before.id


def test_a_request_is_answered_and_published_at_once(client, camera, listener):
    response = until_code(client, ErrorCode.SUCCESS)
    listener.next(lambda message: message == response.objects)


def test_a_cloud_in_one_row_is_projected(client, camera, transforms):
    camera.show(organised=False)
    (found,) = until_code(client, ErrorCode.SUCCESS).objects.objects
    assert found.header.frame_id == 'camera'
    # In the frame of the camera's body, which nobody has described yet.
    turned = {'axes': (2, 0, 1), 'signs': (1, -1, -1)}
    camera.show(organised=False, frame_id='camera_link', **turned)
    response = until_code(client, ErrorCode.TRANSFORM_UNAVAILABLE)
    assert "from 'camera_link' to 'camera'" in response.error_message
    transforms.publish('camera', 'camera_link', 0, invert(matrix_to_pose(BODY_CAMERA)))
    (again,) = until_code(client, ErrorCode.SUCCESS).objects.objects
    assert again.header.frame_id == 'camera'
    np.testing.assert_allclose(
        mesh_arrays(again.mesh)[0].mean(axis=0),
        mesh_arrays(found.mesh)[0].mean(axis=0),
        atol=0.003,
    )
    assert pose_array(again.pose)[6] == 1.0


def test_an_organised_cloud_in_another_frame_is_refused(client, camera):
    camera.show(axes=(2, 0, 1), signs=(1, -1, -1))
    assert 'optical frame' in until_code(client, ErrorCode.INVALID_INPUT).error_message


def test_exact_synchronisation_takes_equal_stamps_only(client, camera):
    camera.show()
    until_code(client, ErrorCode.SUCCESS)
    camera.show(labels_later=0.01)
    until_code(client, ErrorCode.STALE_DATA)


def label_of(message):
    return message.objects[0].label if message.objects else None


def until_code(client, code):
    """Ask until what is shown now has arrived, which the code tells."""
    until = time.monotonic() + 60
    response = client.reconstruct()
    while response.error_code != code and time.monotonic() < until:
        response = client.reconstruct()
    assert response.error_code == code, response.error_message
    return response
