"""`reconstruction_node` with every kind of image that may come."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from box_view import LENSES, view_of_box
from diagnostic_msgs.msg import DiagnosticArray
from node_door import try_some
from node_doors import short_doors
from node_session import NodeSession

from dexgrasp_msgs.msg import ObjectArray
from dexgrasp_msgs.srv import ReconstructObjects
from dexgrasp_ros.bridge.client import GraspClient
from dexgrasp_ros.bridge.geometry import header, mesh_arrays
from dexgrasp_ros.bridge.qos import latched_subscription, standard
from dexgrasp_ros.bridge.refusals import refusal_message
from dexgrasp_ros.core.errors import ErrorCode, InputError
from dexgrasp_ros.nodes.graph import start_graph

FAST = {'image_timeout': 1.0, 'max_age': 2.0}


@pytest.fixture(scope='module')
def log():
    return []


@pytest.fixture(scope='module')
def client(module_ros_domain, log):
    own = {'reconstruction_node': FAST}
    with (
        start_graph(nodes=['reconstruction_node'], parameters=own, log=log.append),
        GraspClient() as client,
    ):
        client.wait_until_ready(120, grasps=False)
        yield client


@pytest.fixture(scope='module')
def blind_response(client):
    """What it answers before there is a camera."""
    return client.reconstruct()


@pytest.fixture(scope='module')
def running_camera(client, blind_response, module_ros_domain, frame, camera_type):
    camera = camera_type(module_ros_domain, frame)
    yield camera
    camera.close()


@pytest.fixture
def camera(running_camera):
    running_camera.show()
    return running_camera


def test_without_a_camera_it_says_what_did_not_come(blind_response):
    assert blind_response.error_code == ErrorCode.NO_IMAGES
    assert "0 on '/depth/image'" in blind_response.error_message
    assert "'/depth/image': nobody publishes it" in blind_response.error_message


def test_a_box_becomes_a_mesh_of_its_size(client, camera, frame):
    published = []
    subscription = client.node.create_subscription(
        ObjectArray, 'objects', published.append, latched_subscription()
    )
    response = until_code(client, ErrorCode.SUCCESS, [5])  # not the label of the test before
    (found,) = response.objects.objects
    assert (found.label, found.header.frame_id, found.has_support_plane) == (5, 'camera', True)
    vertices, _ = mesh_arrays(found.mesh)
    # In the world the box is 6 x 6 x 10 cm; what the camera did not see is completed.
    world = vertices @ frame.T_world_cam[:3, :3].T + frame.T_world_cam[:3, 3]
    np.testing.assert_allclose(np.ptp(world, axis=0), [0.06, 0.06, 0.1], atol=0.025)
    until = time.monotonic() + 30
    while not (published and published[-1] == response.objects) and time.monotonic() < until:
        time.sleep(0.02)
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
    'a lens that nobody knows': (
        {'info_d': [0.1, 0.0, 0.0, 0.0, 0.0], 'info_distortion_model': 'moon'},
        [],
        ErrorCode.INVALID_INPUT,
    ),
    'labels of another camera': (
        {'labels_header': header('camera_color_optical_frame', 0)},
        [],
        ErrorCode.INVALID_INPUT,
    ),
    'camera_info of another camera': (
        {'info_header': header('camera_color_optical_frame', 0)},
        [],
        ErrorCode.INVALID_INPUT,
    ),
    'old': ({'age': 60.0}, [], ErrorCode.STALE_DATA),
}


def test_requests_that_wait_for_the_same_labels_have_one_answer(client, camera):
    until_code(client, ErrorCode.SUCCESS, [5])
    service = client.node.create_client(ReconstructObjects, 'reconstruct_objects')
    assert service.wait_for_service(30)
    futures = [service.call_async(ReconstructObjects.Request(labels=[5])) for _ in range(10)]
    until = time.monotonic() + 60
    while not all(f.done() for f in futures) and time.monotonic() < until:
        time.sleep(0.01)
    responses = [f.result() for f in futures]
    assert all(r.error_code == ErrorCode.SUCCESS for r in responses)
    assert len({str(r.timing) for r in responses}) < len(responses)
    client.node.destroy_client(service)


@pytest.mark.parametrize('max_age', [float('nan'), -1.0])
def test_an_age_that_is_none_is_refused(client, camera, max_age):
    assert client.reconstruct([5], max_age=max_age).error_code == ErrorCode.OUT_OF_RANGE


@pytest.mark.parametrize(('shown', 'labels', 'code'), BAD.values(), ids=BAD.keys())
def test_bad_input_is_a_code_and_a_sentence(client, camera, shown, labels, code):
    camera.show(**shown)
    response = until_code(client, code, labels)
    assert response.error_message.endswith(('.', ')'))
    assert not response.objects.objects


LAYOUTS = {
    'millimetres': {'depth_kind': '16UC1'},
    'mono16': {'depth_kind': 'mono16', 'labels_kind': 'mono16'},
    'bytes': {'labels_kind': 'mono8'},
    '8UC1': {'labels_kind': '8UC1'},
    'signed': {'labels_kind': '32SC1'},
    'big-endian, padded rows': {'big_endian': True, 'padding': 12},
    'labels of half the size': {'labels_step': 2},
    'camera_info of twice the size': {'info_scale': 2},
    'labels a little later': {'labels_later': 0.02},
}


@pytest.fixture(scope='module')
def plain_bounds(client, running_camera):
    running_camera.show(labels=np.zeros((240, 320), int))
    until_code(client, ErrorCode.UNKNOWN_LABEL)
    running_camera.show()
    return bounds(until_code(client, ErrorCode.SUCCESS))


@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_layout_of_the_images_gives_the_same_object(client, camera, plain_bounds, layout):
    # Between two layouts the node must forget the one before.
    camera.show(labels=np.zeros((240, 320), int))
    until_code(client, ErrorCode.UNKNOWN_LABEL)
    camera.show(**layout)
    np.testing.assert_allclose(
        bounds(until_code(client, ErrorCode.SUCCESS)), plain_bounds, atol=0.004
    )


def test_a_lens_is_taken_back_and_gives_the_same_object(client, camera, plain_bounds):
    camera.show(labels=np.zeros((240, 320), int))
    until_code(client, ErrorCode.UNKNOWN_LABEL)
    lens = LENSES['plumb_bob']
    seen = view_of_box(rays=lens.rays())
    camera.show(
        depth=seen['depth'],
        labels=seen['seg'],
        info_d=list(lens.coefficients),
        info_distortion_model=lens.model,
    )
    np.testing.assert_allclose(
        bounds(until_code(client, ErrorCode.SUCCESS)), plain_bounds, atol=0.004
    )


def test_what_the_segmentation_refuses_is_the_answer(client, camera):
    """It says why there are no labels; without its word they would only be old, or never come."""
    until_code(client, ErrorCode.SUCCESS)
    refusals = client.node.create_publisher(DiagnosticArray, 'segmentation_refusals', standard())
    camera.send({topic: m for topic, _, m in camera.messages if topic != 'segmentation'})
    error = InputError('Too dark.', ErrorCode.OUT_OF_RANGE)
    until, response = time.monotonic() + 60, client.reconstruct()
    while response.error_code != ErrorCode.OUT_OF_RANGE and time.monotonic() < until:
        now = client.node.get_clock().now().nanoseconds
        refusals.publish(refusal_message('/labels', header('camera', now), error))
        response = client.reconstruct()
    assert response.error_code == ErrorCode.OUT_OF_RANGE
    assert response.error_message == "No labels from '/labels': Too dark."
    client.node.destroy_publisher(refusals)
    camera.show()
    until_code(client, ErrorCode.SUCCESS)


def test_an_object_keeps_its_identifier_when_its_label_flips(client, camera, frame):
    (first,) = until_code(client, ErrorCode.SUCCESS, [5]).objects.objects
    camera.show(labels=np.where(frame.labels > 0, 8, 0))
    (again,) = until_code(client, ErrorCode.SUCCESS, [8]).objects.objects
    assert (again.id, again.label) == (first.id, 8)
    client.clear_objects()
    (new,) = client.reconstruct().objects.objects
    assert new.id != first.id


def test_time_and_points_of_each_phase_are_published(client, camera):
    client.clear_objects()  # a mesh that was kept has no phases
    camera.show()
    response = until_code(client, ErrorCode.SUCCESS)
    (found,) = response.objects.objects
    assert found.view_count == 1
    phases = {p.phase: p for p in found.timing}
    assert {'points', 'completion', 'mesh', 'carve'} <= set(phases)
    assert phases['points'].points == found.points.width
    assert phases['carve'].points == len(found.mesh.vertices)
    assert all(p.seconds >= 0 for p in found.timing)
    assert {'plane', 'scene', 'objects', 'hidden', 'obstacles', 'total'} == {
        p.phase for p in response.timing
    }


def test_diagnostics_tell_what_comes_in_and_how_it_went(client, camera):
    camera.show()
    until_code(client, ErrorCode.SUCCESS)
    until_status(client, lambda s, v: s.level == b'\0' and float(v['matches [Hz]']) > 1)
    status, values = until_status(client, lambda s, v: v['last objects'] == '1')
    assert status.name == '/reconstruction_node: reconstruction'
    assert float(values['depth/image [Hz]']) > 1
    assert float(values['last reconstruction [s]']) > 0
    camera.show(age=60.0)
    refused = int(values['requests refused for old images'])
    until_code(client, ErrorCode.STALE_DATA)
    until_status(client, lambda s, v: int(v['requests refused for old images']) > refused)
    status, _ = until_status(client, lambda s, v: s.level == b'\1')
    assert 's old' in status.message


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


def bounds(response):
    """Corners of the box around the one object of a response [m]."""
    (found,) = response.objects.objects
    vertices, _ = mesh_arrays(found.mesh)
    return np.array([vertices.min(axis=0), vertices.max(axis=0)])


def until_status(client, condition):
    """Wait for diagnostics (status, values by key) that fulfil a condition."""
    received = []
    subscription = client.node.create_subscription(
        DiagnosticArray, '/diagnostics', received.append, standard()
    )
    until = time.monotonic() + 60
    try:
        while time.monotonic() < until:
            if received:
                (status,) = received.pop(0).status
                values = {v.key: v.value for v in status.values}
                if condition(status, values):
                    return status, values
            time.sleep(0.02)
    finally:
        client.node.destroy_subscription(subscription)
    pytest.fail(f'no such diagnostics; the last were {status}')


def until_code(client, code, labels=()):
    """Ask until the images that are shown now have arrived, which the code tells."""
    until = time.monotonic() + 60
    response = client.reconstruct(labels)
    while response.error_code != code and time.monotonic() < until:
        response = client.reconstruct(labels)
    assert response.error_code == code, response.error_message
    return response


@pytest.fixture(scope='module')
def session(client, log):
    return NodeSession(client, log)


@pytest.mark.parametrize('door', short_doors('reconstruction_node'), ids=lambda door: door.way)
def test_spoilt_messages_are_dealt_with(door, session, camera):
    camera.send({})  # the door's own are to be the newest
    try_some(door, session)
